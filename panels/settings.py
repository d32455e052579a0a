"""What a stage's header offers for its settings: presets, and a menu of what else can be done with them."""

from __future__ import annotations

from typing import Any

import bpy
from bl_ui.utils import PresetPanel

from ..addon import properties, settings, shot, watch
from .buttons import unless


class _Presets(PresetPanel):
    """Mix-in: Blender's popover of presets, which is at a loss before there are any."""

    def draw(self, context: Any) -> None:
        if bpy.utils.preset_paths(self.preset_subdir):
            super().draw(context)
            return
        layout = self.layout  # type: ignore[attr-defined]
        layout.label(text="No presets yet")
        layout.operator_context = "EXEC_DEFAULT"
        row = layout.row()
        row.prop(context.window_manager, "preset_name", text="")
        row.operator(self.preset_add_operator, text="", icon="ADD").name = context.window_manager.preset_name


def _preset_panel(stage: str) -> type:
    return type(f"UNDERSTUDY_PT_{stage}_presets", (_Presets, bpy.types.Panel), {
        "__module__": __name__, "bl_label": f"{stage.capitalize()} Presets",
        "preset_subdir": settings.preset_folder(stage), "preset_operator": "understudy.preset_apply",
        "preset_operator_defaults": {"stage": stage}, "preset_add_operator": f"understudy.{stage}_preset_add"})


def _copy_command(layout: Any, context: Any, task: str) -> None:
    row = unless(layout, settings.command_problem(shot.sequencer_scene(context), task, watch.board()))
    row.operator("understudy.copy_command", icon="COPYDOWN").task = task


def _menu(stage: str) -> type:
    def draw(self: Any, context: Any) -> None:
        layout = self.layout
        layout.operator("understudy.settings_reset", icon="LOOP_BACK").task = stage
        layout.separator()
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("understudy.settings_load", icon="IMPORT").stage = stage
        layout.operator("understudy.settings_save", icon="EXPORT")
        layout.separator()
        _copy_command(layout, context, stage)

    return type(f"UNDERSTUDY_MT_{stage}_settings", (bpy.types.Menu,), {
        "__module__": __name__, "bl_label": f"{stage.capitalize()} Settings", "draw": draw})


class UNDERSTUDY_MT_tool_settings(bpy.types.Menu):
    """What can be done with the settings of the tool whose options the layout points to."""

    bl_label = "Tool Settings"

    def draw(self, context: Any) -> None:
        group, layout = getattr(context, _OPTIONS, None), self.layout
        task = next((name for name, kind in properties.GROUPS.items() if isinstance(group, kind)), "")
        if task:
            layout.operator("understudy.settings_reset", icon="LOOP_BACK").task = task
            layout.separator()
            _copy_command(layout, context, task)


PRESETS = {stage: _preset_panel(stage) for stage in properties.STAGES}
MENUS = {stage: _menu(stage) for stage in properties.STAGES}
CLASSES = (*PRESETS.values(), *MENUS.values(), UNDERSTUDY_MT_tool_settings)
_OPTIONS = "understudy_options"  # name of what a layout points to


def draw_header(layout: Any, stage: str) -> None:
    """Presets and menu, as small buttons in the header of a stage's panel."""
    row = layout.row(align=True)
    PRESETS[stage].draw_panel_header(row)
    row.menu(MENUS[stage].__name__, text="", icon="DOWNARROW_HLT")


def draw_tool_header(layout: Any, scene: Any, task: str) -> None:
    """The menu, as a small button in the header of a tool's panel."""
    layout.context_pointer_set(_OPTIONS, properties.settings(scene, task))
    layout.menu(UNDERSTUDY_MT_tool_settings.__name__, text="", icon="DOWNARROW_HLT")


register, unregister = bpy.utils.register_classes_factory(CLASSES)
