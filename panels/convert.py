"""The Convert panel."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import compare, shot
from ..addon.timing import timed_class
from ..operators.convert import span_problem
from .base import AdvancedPanel, StagePanel
from .buttons import unless


@timed_class
class UNDERSTUDY_PT_convert(StagePanel, bpy.types.Panel):
    bl_label = "Convert"
    stage = "convert"

    def draw_button(self, layout: Any) -> None:
        StagePanel.draw_button(self, layout)
        scene, row = shot.sequencer_scene(bpy.context), layout.row(align=True)
        for span, text, icon in (("PREVIEW", "Preview Range", "PREVIEW_RANGE"), ("FRAME", "This Frame", "NONE")):
            part = unless(row, span_problem(scene, span))
            part.operator("understudy.convert", text=text, icon=icon).span = span

    def draw_before_options(self, layout: Any, scene: Any, width: int) -> None:
        if any(compare.results(scene)):
            settings = bpy.context.window_manager
            row = layout.row(align=True)
            row.prop(settings, "understudy_compare", toggle=True, icon="MOD_MIRROR")
            line = row.row(align=True)
            line.active = settings.understudy_compare
            line.prop(settings, "understudy_compare_at", text="", slider=True)


@timed_class
class UNDERSTUDY_PT_convert_advanced(AdvancedPanel, bpy.types.Panel):
    bl_parent_id = "UNDERSTUDY_PT_convert"
    stage = "convert"


CLASSES = (UNDERSTUDY_PT_convert, UNDERSTUDY_PT_convert_advanced)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
