"""Blender masks that correct the masks of faces: what each is about, the copy that is baked, and the job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import UnderstudyError, UsageError
from . import clips, shot

MODES = (("NONE", "None", "This mask has nothing to do with faces"),
         ("ADD", "Add", "What it covers belongs to the face"),
         ("SUBTRACT", "Subtract", "What it covers is in front of the face: a hand, a microphone"))
TASK = "mask bake"
SCRIPT = Path(__file__).with_name("mask_scene.py")


def _names(mask: Any, context: Any, text: str) -> list[str]:
    from . import people  # the background Blender that draws masks has no list of people

    return [name for name in people.names(context) if text.casefold() in name.casefold()]


class UNDERSTUDY_MaskFaces(bpy.types.PropertyGroup):
    """Which faces a mask is about."""

    mode: bpy.props.EnumProperty(name="Faces", description="What the mask does to the masks of faces",  # type: ignore
                                 items=MODES)
    person: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Person", description="Whose faces; empty: everybody's", search=_names, search_options={"SUGGESTION"})
    clip: bpy.props.PointerProperty(  # type: ignore[valid-type]
        type=bpy.types.MovieClip, name="Clip", description="The clip on which it is drawn")


def of_clip(clip: Any) -> list[Any]:
    """The masks on a clip that are about faces."""
    return [mask for mask in bpy.data.masks if mask.understudy.mode != "NONE" and mask.understudy.clip == clip]


def new(scene: Any, strip: Any, mode: str, person: str) -> Any:
    """An empty mask on the clip of a strip's footage, for what the strip shows.

    Raises:
        UnderstudyError: footage that the Clip Editor cannot show.
    """
    clip = clips.open_clip(scene, strip)
    clips.clip_frames(strip)  # refuses what could not be baked
    label = next(label for name, label, _ in MODES if name == mode)
    mask = bpy.data.masks.new(f"{label} {person}".strip())
    mask.use_fake_user = True  # a mask that nothing uses is not saved
    mask.understudy.mode, mask.understudy.person, mask.understudy.clip = mode, person, clip
    mask.frame_start, mask.frame_end = clips.strip_range(strip)
    mask.layers.new(name=label)
    return mask


def show(mask: Any) -> None:
    """Open a mask over its clip in a Clip Editor."""
    from . import marker_edits

    if bpy.app.background:
        return
    clip = mask.understudy.clip
    marker_edits.show(clip)
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            space = area.spaces.active
            if area.type == "CLIP_EDITOR" and space.clip == clip:
                space.mode, space.mask = "MASK", mask
                area.tag_redraw()


def problem(board: Any) -> str:
    """Why no mask can be baked, as one sentence; "" if one can. No disk is touched."""
    view = board.latest(TASK)
    if view is not None and view.going:
        return f"{view.label} is under way"
    found = any(mask.understudy.mode != "NONE" and mask.understudy.clip is not None for mask in bpy.data.masks)
    return "" if found else "Make a mask with New Add Mask or New Subtract Mask first"


def plan(scene: Any, strip: Any) -> Any:
    """The job: a copy of the masks is written for it now, so that work can go on meanwhile.

    Raises:
        UnderstudyError: no masks, no alignments, or the copy cannot be written.
    """
    from ..core.options.mask import MaskBakeOptions
    from . import corrections, stages

    store = corrections.alignments(scene, strip)
    clip = clips.find_clip(strip)
    found = of_clip(clip) if clip is not None else []
    if not found:
        raise UsageError(f"There are no masks on strip {strip.name!r}",
                         "Make one with New Add Mask or New Subtract Mask")
    for mask in found:
        if not any(len(layer.splines) for layer in mask.layers):
            raise UsageError(f"Mask {mask.name} is empty", "Draw it in the Clip Editor, or set its Faces to None")
    copy = shot.work_folder(scene) / "masks" / f"{shot.source_name(strip)}.blend"
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        bpy.data.libraries.write(str(copy), {*found, clip}, path_remap="ABSOLUTE", fake_user=True)
    except (OSError, RuntimeError) as error:
        raise UnderstudyError(f"Cannot write the copy of the masks {copy} ({error})",
                              "Free some space, or choose another work folder") from error
    folder = shot.work_folder(scene) / "faces" / shot.source_name(strip)
    options = MaskBakeOptions(source=str(shot.source_path(strip)), alignments=str(store),
                              faces=str(folder) if folder.is_dir() else "", blend=str(copy),
                              blender_python=str(program()), script=str(SCRIPT))
    return stages.Planned(TASK, options, f"Bake Masks, {strip.name}", {"strip": strip.understudy_id})


def program() -> Path:
    """This Blender; as a Python module, the interpreter that has it."""
    return Path(bpy.app.binary_path or sys.executable)


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_MaskFaces)
    bpy.types.Mask.understudy = bpy.props.PointerProperty(type=UNDERSTUDY_MaskFaces)


def unregister() -> None:
    del bpy.types.Mask.understudy
    bpy.utils.unregister_class(UNDERSTUDY_MaskFaces)
