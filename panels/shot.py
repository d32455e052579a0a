"""The shot: which strips, and what to do next."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import shot, stages, watch
from ..addon.text import wrapped
from ..addon.timing import timed_class
from .base import Sidebar


class UNDERSTUDY_UL_shots(bpy.types.UIList):
    """Shots: the name to type over, and how far each one is."""

    def draw_item(self, context: Any, layout: Any, data: Any, one: Any, icon: int, active_data: Any,
                  active_property: str, index: int = 0, flt_flag: int = 0) -> None:
        layout.prop(one, "name", text="", emboss=False, icon="SEQUENCE")


@timed_class
class UNDERSTUDY_PT_shot(Sidebar, bpy.types.Panel):
    bl_label = "Shot"

    def draw(self, context: Any) -> None:
        scene, board = shot.sequencer_scene(context), watch.board()
        layout, held = self.layout, scene.understudy
        row = layout.row()
        row.template_list("UNDERSTUDY_UL_shots", "", held, "shots", held, "active_index", rows=3)
        buttons = row.column(align=True)
        buttons.operator("understudy.shot_add", text="", icon="ADD")
        buttons.operator("understudy.shot_remove", text="", icon="REMOVE")
        column = layout.column()
        for role in ("A", "B"):
            split = column.split(factor=0.08)
            split.label(text=role)
            row = split.row(align=True)
            row.prop(shot.active(scene), f"strip_{role.lower()}", text="", icon="SEQUENCE")
            row.operator("understudy.pick_strip", text="", icon="EYEDROPPER").role = role
        wrapped(layout, stages.next_step(scene, board), context.region.width, icon="INFO")
        if shot.work_folder_or_none(scene) is None:
            layout.operator("wm.save_as_mainfile", text="Save As …", icon="FILE_TICK")
        elif board.environment is not None and not board.environment.usable:
            layout.operator("understudy.preferences", icon="PREFERENCES")


@timed_class
class UNDERSTUDY_PT_places(Sidebar, bpy.types.Panel):
    bl_label = "Folders"
    bl_parent_id = "UNDERSTUDY_PT_shot"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        data = shot.active(scene)
        column = self.layout.column()
        column.label(text="Work Folder")
        column.prop(scene.understudy, "folder", text="")
        column.label(text="Model Folder")
        column.prop(data, "model_dir", text="")
        column.operator("understudy.open_folder", icon="FILE_FOLDER")


CLASSES = (UNDERSTUDY_UL_shots, UNDERSTUDY_PT_shot, UNDERSTUDY_PT_places)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
