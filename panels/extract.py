"""The Extract panel."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import shot, watch
from ..addon.expectation import expectation
from ..addon.text import wrapped
from ..addon.timing import timed_class
from .base import AdvancedPanel, StagePanel, split_column


@timed_class
class UNDERSTUDY_PT_extract(StagePanel, bpy.types.Panel):
    bl_label = "Extract"
    stage = "extract"

    def draw_before_options(self, layout: Any, scene: Any, width: int) -> None:
        split_column(layout).prop(shot.active(scene), "strip_only")
        for role in shot.ROLES:
            told = expectation(scene, role, watch.board())
            if told:
                wrapped(layout, told, width)

    def draw_button(self, layout: Any) -> None:
        row = layout.row(align=True)
        row.scale_y = 1.3
        row.operator("understudy.extract")
        for role in ("A", "B"):
            only = row.row(align=True)
            only.scale_x = 0.4
            only.operator("understudy.extract", text=role).strip = role


@timed_class
class UNDERSTUDY_PT_extract_advanced(AdvancedPanel, bpy.types.Panel):
    bl_parent_id = "UNDERSTUDY_PT_extract"
    stage = "extract"


CLASSES = (UNDERSTUDY_PT_extract, UNDERSTUDY_PT_extract_advanced)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
