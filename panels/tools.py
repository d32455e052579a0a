"""The Tools panel: any tool with its options, its progress and what it found; below it, who is in the clip."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import people, properties, shot, tools, watch
from ..addon.text import wrapped
from ..addon.timing import timed_class
from .base import (
    BOX,
    NO_SHOT,
    Sidebar,
    draw_job,
    draw_options,
    draw_side,
    draw_tool_button,
    draw_weights,
    has_options,
    split_column,
    tool_strip_called,
)
from .settings import draw_tool_header

_MOST_LINES = 8  # of what a tool found; the rest is in its report and in its log


@timed_class
class UNDERSTUDY_PT_tools(Sidebar, bpy.types.Panel):
    bl_label = "Tools"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        draw_tool_header(self.layout, scene, shot.active(scene).tool)

    def draw(self, context: Any) -> None:
        scene, board = shot.sequencer_scene(context), watch.board()
        layout, data, width = self.layout, shot.active(scene), context.region.width
        task = properties.TOOLS[data.tool]
        column = layout.column()
        column.prop(data, "tool", text="")
        wrapped(column, properties.summary(task) + ".", width)
        if tools.needs_strip(task):
            draw_side(column, scene)
        view = tools.latest(scene, task, data.tool_role, board)
        if view is None or not view.going:
            row = layout.row()
            row.scale_y = 1.3
            row.operator("understudy.run_chosen_tool", text=task.label)
            reason = tools.problem(scene, task, data.tool_role, board)
            if reason:
                wrapped(layout, f"{reason}.", width, icon="INFO")
        if view is not None:
            draw_job(layout, view, width)
            _draw_told(layout, view.told, width)
        draw_weights(layout, scene, task.name, width)
        if tools.asks_for_faces(task):
            split_column(layout).prop(data, "tool_faces")
        draw_options(layout, scene, task.name, advanced=False)


@timed_class
class UNDERSTUDY_PT_tools_advanced(Sidebar, bpy.types.Panel):
    bl_label = "Advanced"
    bl_parent_id = "UNDERSTUDY_PT_tools"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = shot.sequencer_scene(context)
        return scene is not None and has_options(shot.active(scene).tool, advanced=True)

    def draw(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        draw_options(self.layout, scene, shot.active(scene).tool, advanced=True)


class UNDERSTUDY_UL_persons(bpy.types.UIList):
    """Persons: a mark for merging, the name to type over, the number of faces."""

    def draw_item(self, context: Any, layout: Any, data: Any, row: Any, icon: int, active_data: Any,
                  active_property: str, index: int = 0, flt_flag: int = 0) -> None:
        line = layout.row(align=True)
        line.prop(row, "marked", text="")
        line.prop(row, "name", text="", emboss=False)
        count = line.row()
        count.alignment = "RIGHT"
        count.label(text=f"{row.faces:,}")


@timed_class
class UNDERSTUDY_PT_persons(Sidebar, bpy.types.Panel):
    bl_label = "Persons"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        scene, board = shot.sequencer_scene(context), watch.board()
        layout, width = self.layout, context.region.width
        if not len(scene.understudy.shots):
            wrapped(layout, NO_SHOT, width, icon="INFO")
            return
        draw_side(layout, scene)
        found = people.view(scene, board)
        if found is None or not found.exists:
            wrapped(layout, f"Extract the faces of {tool_strip_called(scene)} first.", width, icon="INFO")
            return
        data = context.window_manager.understudy_people
        if found.people:
            layout.template_list("UNDERSTUDY_UL_persons", "", data, "rows", data, "index", rows=3)
            row = layout.row(align=True)
            row.operator("understudy.persons_merge")
            row.operator("understudy.persons_split")
        if found.nobody:
            faces = "face is" if found.nobody == 1 else "faces are"
            wrapped(layout, f"{found.nobody:,} {faces} nobody's.", width, icon="INFO")
        draw_tool_button(layout, scene, "persons link", text="Link Faces" if not found.people else "Link Again")
        for name in ("persons link", "persons split"):
            view = tools.latest(scene, properties.TOOLS[name], shot.active(scene).tool_role, board)
            if view is not None and (view.going or view.status in ("failed", "lost")):
                draw_job(layout, view, width)


def _draw_told(layout: Any, lines: tuple[str, ...], width: int) -> None:
    """What a tool found, line by line."""
    if not lines:
        return
    box = layout.box().column(align=True)
    for line in lines[:_MOST_LINES]:
        wrapped(box, line, width - BOX)
    if len(lines) > _MOST_LINES:
        wrapped(box, f"{len(lines) - _MOST_LINES:,} more lines", width - BOX)


CLASSES = (UNDERSTUDY_UL_persons, UNDERSTUDY_PT_tools, UNDERSTUDY_PT_tools_advanced, UNDERSTUDY_PT_persons)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
