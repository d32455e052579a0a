"""What the overlay shows, by scene, and its colours, by person."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.options.maskers import DRAWN_IN_BLENDER, MASKS
from ...core.options.rows import Row
from .. import shot
from ..enum_numbers import number_of
from ..language import CONTEXT
from ..timing import measured
from .reader import Crop
from .shapes import STATES, Colour, Look

COLOURS: dict[str, tuple[str, Colour, str]] = {
    "machine": ("Found", (0.30, 0.75, 1.0), "Faces as extraction found them"),
    "edited": ("Edited", (0.45, 0.90, 0.35), "Faces that a person corrected"),
    "added": ("Added", (0.20, 0.95, 0.75), "Faces that a person added"),
    "misaligned": ("Misaligned", (1.0, 0.27, 0.20), "Faces whose landmarks are far from any face's shape"),
    "selected": ("Selected", (1.0, 0.80, 0.20), "The face that buttons are about"),
}
KINDS = (
    ("ANY", "All Frames", "Every frame", "SEQUENCE", 0),
    ("FACES", "Has Faces", "Frames with at least one face", "USER", 1),
    ("NONE", "No Faces", "Frames that were looked at, and in which there is no face", "GHOST_DISABLED", 2),
    ("SEVERAL", "Several Faces", "Frames with more than one face", "COMMUNITY", 3),
    ("MISALIGNED", "Misaligned", "Frames with a face whose landmarks are further from the shape of an average face "
     "than the threshold", "ERROR", 4),
    ("EDITED", "Edited", "Frames in which a person edited, added or removed a face", "GREASEPENCIL", 5),
)


def _changed(self: Any, context: Any) -> None:
    from . import views

    with measured("UNDERSTUDY_Overlay.update"):
        views.settings_changed()


def _toggle(name: str, default: bool, sentence: str) -> Any:
    return bpy.props.BoolProperty(name=name, default=default, description=sentence, update=_changed, options=set(),
                                  translation_context=CONTEXT)


def _mask_items() -> list[tuple[str, str, str, int]]:
    rows: tuple[Row, ...] = (*MASKS, *DRAWN_IN_BLENDER)
    chosen = ("CONVERT", "As Convert", "The mask that Convert lays the swapped face in by", 0)
    return [chosen] + [(row.name, row.label, row.help, number_of(row.name)) for row in rows]


class UNDERSTUDY_Overlay(bpy.types.PropertyGroup):
    """What is drawn over the footage of a scene, and which frames buttons and keys jump to."""

    show: _toggle("Faces", True, "Draw the faces of the alignments over the footage")  # type: ignore[valid-type]
    boxes: _toggle("Boxes", True, "What the detector found")  # type: ignore[valid-type]
    features: _toggle("Features", True, "Lines along jaw, brows, nose, eyes and lips")  # type: ignore[valid-type]
    points: _toggle("Landmarks", True, "The 68 landmarks")  # type: ignore[valid-type]
    masks: _toggle("Mask", False, "The outline of a mask, and a tint over it")  # type: ignore[valid-type]
    mask_kind: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Mask", description="Which mask is drawn; faces that lack it show none", items=_mask_items(),
        update=_changed, options=set())
    crops: _toggle("Crop", True, "What the model sees of each face, by the coverage, centering and "  # type: ignore
                                 "vertical offset of Train")
    numbers: _toggle("Number", True, "The face's number within its frame")  # type: ignore[valid-type]
    people: _toggle("Person", True, "The name of the person")  # type: ignore[valid-type]
    scores: _toggle("Score", False, "How sure the detector was, on its own scale")  # type: ignore[valid-type]
    opacity: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Opacity", description="Of lines and words", default=1.0, min=0.0, max=1.0, subtype="FACTOR",
        update=_changed, options=set())
    tint: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Mask Tint", description="How strongly the area of the mask is tinted", default=0.25, min=0.0, max=1.0,
        subtype="FACTOR", update=_changed, options=set())
    threshold: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Threshold", description="A face counts as misaligned from this mean distance of its landmarks from an "
        "average face's on, in units of the face; misplaced landmarks mostly have 0.1 and more", default=0.1, min=0.0,
        max=1.0, soft_min=0.05, soft_max=0.2, step=1, precision=3, update=_changed, options=set())
    kind: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Frames", description="Which frames buttons and keys jump to", items=KINDS, update=_changed, options=set(),
        translation_context=CONTEXT)


class UNDERSTUDY_OverlayColours(bpy.types.PropertyGroup):
    """One colour for each state of a face."""

    __annotations__ = {
        state: bpy.props.FloatVectorProperty(name=name, description=sentence, default=colour, subtype="COLOR_GAMMA",
                                             size=3, min=0.0, max=1.0, update=_changed)
        for state, (name, colour, sentence) in COLOURS.items()}


# What the panel Overlay has, which can be reset; whether anything is drawn, and where jumps go, stays.
SHOWN = ("boxes", "features", "points", "masks", "mask_kind", "crops", "numbers", "people", "scores", "opacity", "tint",
         "threshold")


def of(scene: Any) -> Any:
    """The overlay's settings in a scene."""
    return scene.understudy_overlay


def look(scene: Any, selected: str) -> Look:
    """The settings as plain values."""
    from .. import preferences

    data, ours = of(scene), preferences.preferences()
    colours = {state: tuple(getattr(ours.overlay_colours, state)) if ours is not None else COLOURS[state][1]
               for state in STATES}
    switches = {name: getattr(data, name)
                for name in ("boxes", "features", "points", "masks", "crops", "numbers", "people", "scores")}
    return Look(colours, round(data.threshold, 6), selected, data.show, data.opacity, data.tint, **switches)


def mask_kind(scene: Any) -> str:
    """The kind of mask that is wanted; "" for none."""
    data = of(scene)
    if not data.masks:
        return ""
    kind = shot.active(scene).convert.mask_type if data.mask_kind == "CONVERT" else data.mask_kind
    return "" if kind == "none" else str(kind)


def crop(scene: Any) -> Crop | None:
    """The crop that the shot's model sees; None if it is not drawn."""
    if not of(scene).crops:
        return None
    train = shot.active(scene).train
    return Crop(train.centering, round(train.coverage, 4) / 100, round(train.vertical_offset, 4) / 100)


CLASSES = (UNDERSTUDY_Overlay, UNDERSTUDY_OverlayColours)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.understudy_overlay = bpy.props.PointerProperty(type=UNDERSTUDY_Overlay)


def unregister() -> None:
    del bpy.types.Scene.understudy_overlay
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
