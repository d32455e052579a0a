"""The Masks panel: masks for faces that were found already, one sub-panel for each thing that is done with them."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import properties, shot, tools, watch
from ..addon.text import wrapped
from ..addon.timing import timed_class
from .base import (
    LAST,
    NO_SHOT,
    OfShot,
    Sidebar,
    draw_job,
    draw_options,
    draw_side,
    draw_tool_button,
    draw_weights,
    has_options,
    split_column,
)
from .settings import draw_tool_header

_MAIN = "mask add"
_OTHERS = tuple(name for name in properties.TOOLS if name.startswith("mask ") and name != _MAIN)


@timed_class
class UNDERSTUDY_PT_masks(Sidebar, bpy.types.Panel):
    bl_label = "Masks"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context: Any) -> None:
        draw_tool_header(self.layout, shot.sequencer_scene(context), _MAIN)

    def draw(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        if not len(scene.understudy.shots):
            wrapped(self.layout, NO_SHOT, context.region.width, icon="INFO")
            return
        draw_side(self.layout, scene)
        draw_tool(self.layout, scene, _MAIN, context.region.width)


@timed_class
class UNDERSTUDY_PT_masks_advanced(OfShot, bpy.types.Panel):
    bl_label = "Advanced"
    bl_parent_id = "UNDERSTUDY_PT_masks"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = LAST

    def draw(self, context: Any) -> None:
        draw_options(self.layout, shot.sequencer_scene(context), _MAIN, advanced=True)


def draw_tool(layout: Any, scene: Any, name: str, width: int) -> None:
    """One tool for the chosen strip: its button, grey with the reason below, its job and its ordinary options."""
    task, board = properties.TOOLS[name], watch.board()
    role = shot.active(scene).tool_role
    view = tools.latest(scene, task, role, board)
    if view is None or not view.going:
        row = layout.row()
        row.scale_y = 1.3
        reason = draw_tool_button(row, scene, name)
        if reason:
            wrapped(layout, f"{reason}.", width, icon="INFO")
    if view is not None:
        draw_job(layout, view, width)
    draw_weights(layout, scene, name, width)
    if tools.asks_for_faces(task):
        split_column(layout).prop(shot.active(scene), "tool_faces")
    draw_options(layout, scene, name, advanced=False)


def _sub_panel(name: str) -> type:
    task = properties.TOOLS[name]

    def draw(self: Any, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        draw_tool(self.layout, scene, name, context.region.width)
        if has_options(name, advanced=True):
            head, body = self.layout.panel(f"understudy_{task.table}_advanced", default_closed=True)
            head.label(text="Advanced")
            if body is not None:
                draw_options(body, scene, name, advanced=True)

    def draw_header_preset(self: Any, context: Any) -> None:
        draw_tool_header(self.layout, shot.sequencer_scene(context), name)

    return timed_class(type(f"UNDERSTUDY_PT_masks_{properties.identifier(name)}", (OfShot, bpy.types.Panel), {
        "__module__": __name__, "__doc__": properties.summary(task), "bl_label": task.label,
        "bl_parent_id": "UNDERSTUDY_PT_masks", "bl_options": {"DEFAULT_CLOSED"}, "draw": draw,
        "draw_header_preset": draw_header_preset}))


CLASSES = (UNDERSTUDY_PT_masks, *map(_sub_panel, _OTHERS), UNDERSTUDY_PT_masks_advanced)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
