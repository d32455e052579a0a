"""What is drawn over the footage: a section of Blender's Overlays popovers in the sequencer and the Clip Editor."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon.language import CONTEXT
from ..addon.overlay import settings, views
from ..addon.timing import timed_class
from .base import split_column

_TOGGLES = (("boxes", "features", "points", "crops"), ("numbers", "people", "scores", "masks"))


def draw_overlay(layout: Any, context: Any) -> None:
    """The overlay's toggles and opacity."""
    scene, _ = views.place_of(context)
    data = settings.of(scene)
    layout.active = data.show
    split = layout.column().split()
    for names in _TOGGLES:
        column = split.column()
        for name in names:
            column.prop(data, name)
    column = split_column(layout)
    if data.masks:
        column.prop(data, "mask_kind")
        column.prop(data, "tint")
    column.prop(data, "opacity", slider=True)
    column.prop(data, "threshold", text="Misaligned")


class _Popover:
    """Mix-in: a section of an Overlays popover."""

    bl_region_type = "HEADER"
    bl_translation_context = CONTEXT
    bl_label = "Faces"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return views.place_of(context)[0] is not None

    def draw_header(self, context: Any) -> None:
        scene, _ = views.place_of(context)
        self.layout.prop(settings.of(scene), "show", text="")  # type: ignore[attr-defined]

    def draw(self, context: Any) -> None:
        draw_overlay(self.layout, context)  # type: ignore[attr-defined]


@timed_class
class UNDERSTUDY_PT_preview_overlay(_Popover, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"
    bl_parent_id = "SEQUENCER_PT_overlay"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return context.space_data.view_type in {"PREVIEW", "SEQUENCER_PREVIEW"} \
            and views.place_of(context)[0] is not None


@timed_class
class UNDERSTUDY_PT_clip_overlay(_Popover, bpy.types.Panel):
    bl_space_type = "CLIP_EDITOR"
    # The Clip Editor has had overlays of its own since 5.0; before, what is drawn stood under Clip Display.
    bl_parent_id = "CLIP_PT_overlay" if hasattr(bpy.types, "CLIP_PT_overlay") else "CLIP_PT_display"


CLASSES = (UNDERSTUDY_PT_preview_overlay, UNDERSTUDY_PT_clip_overlay)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
