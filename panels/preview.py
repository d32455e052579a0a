"""The Live Preview panel, below Convert in the sequencer and beside the picture in the Image Editor."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import live, shot
from ..addon.language import CONTEXT, told
from ..addon.text import wrapped
from ..addon.timing import timed_class
from .base import Sidebar, draw_reset, split_column


class _Preview:
    """Mix-in: what the panels of both editors show."""

    bl_label = "Live Preview"

    def draw_header(self, context: Any) -> None:
        self.layout.prop(live.settings(), "on", text="")  # type: ignore[attr-defined]

    def draw_header_preset(self, context: Any) -> None:
        draw_reset(self.layout, "live")  # type: ignore[attr-defined]

    def draw(self, context: Any) -> None:
        layout, data, state = self.layout, live.settings(), live.state  # type: ignore[attr-defined]
        width = context.region.width
        column = split_column(layout)
        column.active = data.on
        column.prop(data, "masks")
        if data.on:
            if state.sentence:
                wrapped(layout, state.sentence, width, icon="ERROR" if state.alert else "INFO", alert=state.alert)
            elif state.busy:
                layout.label(text="Converting …", icon="TIME")
            elif state.frame >= 0:
                layout.label(text=told(f"Frame {state.frame} in {state.seconds:.1f} s"), icon="CHECKMARK")
        row = layout.row(align=True)
        row.operator("understudy.preview_faces", icon="FILE_IMAGE",
                     text="Converting …" if state.faces else "Five Faces")
        row.operator("understudy.live_refresh", text="", icon="FILE_REFRESH")


@timed_class
class UNDERSTUDY_PT_live(_Preview, Sidebar, bpy.types.Panel):
    bl_parent_id = "UNDERSTUDY_PT_convert"
    bl_options = {"DEFAULT_CLOSED"}


@timed_class
class UNDERSTUDY_PT_live_image(_Preview, bpy.types.Panel):
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_translation_context = CONTEXT
    bl_category = "Understudy"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = shot.sequencer_scene(context)
        return scene is not None and shot.active(scene) is not None and shot.strip_of(scene, "a") is not None


CLASSES = (UNDERSTUDY_PT_live, UNDERSTUDY_PT_live_image)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
