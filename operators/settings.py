"""Settings of a stage: reset, saved to and loaded from files, copied as a command line, kept as presets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bl_operators.presets import AddPresetBase

from ..addon import properties, settings, shot, watch
from ..addon.language import told
from ..addon.timing import timed_class
from ..core.errors import UnderstudyError, UsageError, writing
from .base import NOTHING, Operator, why

_STAGES = tuple((name, name.capitalize(), f"The settings of {name.capitalize()}") for name in properties.STAGES)


@timed_class
class UNDERSTUDY_OT_settings_reset(Operator, bpy.types.Operator):
    """Give all options of this panel their defaults; strips and folders stay"""

    bl_idname = "understudy.settings_reset"
    bl_label = "Reset to Defaults"
    bl_options = {"REGISTER", "UNDO"}

    task: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Stage or Tool", description="Name as on the command line, such as \"train\" or \"mask add\"",
        options={"SKIP_SAVE"})

    def run(self, context: Any) -> None:
        settings.reset(properties.settings(shot.sequencer_scene(context), _known(self.task)))


def _known(name: str) -> str:
    if name not in properties.GROUPS:
        raise UsageError(f"There is no stage or tool {name!r}", f"Known: {', '.join(properties.GROUPS)}")
    return name


class SettingsFile(Operator):
    """Mix-in: a TOML file, chosen in the file browser."""

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="File", description="The settings file", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: bpy.props.StringProperty(default="*.toml", options={"HIDDEN"})  # type: ignore[valid-type]

    def invoke(self, context: Any, event: Any) -> set[str]:
        if not self.filepath:
            one = shot.active(shot.sequencer_scene(context))
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
            self.filepath = str(folder / f"{shot.name_in_path(one.name or 'settings')}.toml")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def path(self) -> Path:
        if not self.filepath:
            raise UsageError("No file is named", "Choose one")
        return Path(bpy.path.abspath(self.filepath))


@timed_class
class UNDERSTUDY_OT_settings_save(SettingsFile, bpy.types.Operator):
    """Save the shot's settings as a TOML file, which --config of the command line reads"""

    bl_idname = "understudy.settings_save"
    bl_label = "Save Settings"
    bl_options = {"REGISTER"}
    undo = "A file that is replaced cannot be brought back"

    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    stages: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Stages", description="Whose settings to save", items=_STAGES, options={"ENUM_FLAG", "SKIP_SAVE"},
        default=set(properties.STAGES))

    def run(self, context: Any) -> None:
        names = tuple(name for name in properties.STAGES if name in self.stages)
        if not names:
            raise UsageError("No stage is chosen", "Choose one or more")
        path = self.path()
        path = path if path.suffix.lower() == ".toml" else path.with_name(f"{path.name}.toml")
        settings.save(shot.sequencer_scene(context), path, names)
        self.tell({"INFO"}, f"Saved {path}")


@timed_class
class UNDERSTUDY_OT_settings_load(SettingsFile, bpy.types.Operator):
    """Take the shot's settings from a TOML file, as --config of the command line does"""

    bl_idname = "understudy.settings_load"
    bl_label = "Load Settings"
    bl_options = {"REGISTER", "UNDO"}

    stage: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Stage", description="What a file without tables is for", items=_STAGES, options={"SKIP_SAVE"})

    def run(self, context: Any) -> None:
        names, ignored = settings.load(shot.sequencer_scene(context), self.path(), self.stage)
        message = f"Loaded the settings of {', '.join(name.capitalize() for name in names)}"
        if ignored:
            message += f"; strips and folders stay as they are ({', '.join(ignored)})"
        self.tell({"INFO"}, message)


@timed_class
class UNDERSTUDY_OT_copy_command(Operator, bpy.types.Operator):
    """Copy the command that would do the same in a terminal, without Blender"""

    bl_idname = "understudy.copy_command"
    bl_label = "Copy as Command Line"
    bl_options = {"REGISTER"}
    undo = NOTHING

    task: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Stage or Tool", description="Name as on the command line, such as \"train\" or \"mask add\"",
        options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        known = given.task in properties.GROUPS
        reason = settings.command_problem(shot.sequencer_scene(context), given.task, watch.board()) if known else ""
        return why("Copy the command that would do the same in a terminal, without Blender", reason)

    def run(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        text = settings.command_line(scene, _known(self.task), shot.active(scene).tool_role)
        context.window_manager.clipboard = text
        if bpy.app.background:
            print(text, flush=True)
        count = text.count("\n") + 1
        self.tell({"INFO"}, "Copied the command" if count == 1 else f"Copied {count} commands")


class PresetAdd(AddPresetBase):
    """Mix-in: keep a stage's settings as a preset, or remove one."""

    bl_options = {"REGISTER", "INTERNAL"}
    undo = "A preset is a file, which Ctrl-Z does not bring back"
    stage = ""

    def execute(self, context: Any) -> set[str]:
        try:
            return AddPresetBase.execute(self, context)
        except UnderstudyError as error:
            self.report({"ERROR"}, told(str(error)))  # type: ignore[attr-defined]
            return {"CANCELLED"}

    def add(self, context: Any, path: str) -> None:
        with writing(Path(path)):
            Path(path).write_text(settings.preset_text(shot.sequencer_scene(context), self.stage), encoding="utf-8")


def _preset_class(stage: str) -> type:
    name = f"UNDERSTUDY_OT_{stage}_preset_add"
    return type(name, (PresetAdd, bpy.types.Operator), {
        "__doc__": f"Keep the settings of {stage.capitalize()} as a preset, or remove one. {PresetAdd.undo}",
        "__module__": __name__, "bl_idname": f"understudy.{stage}_preset_add",
        "bl_label": f"Add {stage.capitalize()} Preset", "preset_menu": f"UNDERSTUDY_PT_{stage}_presets",
        "preset_subdir": settings.preset_folder(stage), "stage": stage})


@timed_class
class UNDERSTUDY_OT_preset_apply(Operator, bpy.types.Operator):
    """Take the settings of a preset"""

    bl_idname = "understudy.preset_apply"
    bl_label = "Apply Preset"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Preset", description="The preset's file", subtype="FILE_PATH", options={"SKIP_SAVE"})
    stage: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Stage", description="Whose settings the preset holds", items=_STAGES, options={"SKIP_SAVE"})

    def run(self, context: Any) -> None:
        if not Path(self.filepath).is_file():
            raise UsageError(f"There is no preset {self.filepath}", "Choose another one")
        settings.reset(properties.settings(shot.sequencer_scene(context), self.stage))
        bpy.ops.script.execute_preset(filepath=self.filepath, menu_idname=f"UNDERSTUDY_PT_{self.stage}_presets")


PRESETS = tuple(_preset_class(stage) for stage in properties.STAGES)
CLASSES = (UNDERSTUDY_OT_settings_reset, UNDERSTUDY_OT_settings_save, UNDERSTUDY_OT_settings_load,
           UNDERSTUDY_OT_copy_command, *PRESETS, UNDERSTUDY_OT_preset_apply)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
