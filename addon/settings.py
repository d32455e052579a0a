"""Settings of a shot as others read them: TOML for `--config`, words for a command line; and back to the defaults."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import UnderstudyError, UsageError, writing
from ..core.jobs import client
from ..core.jobs.tasks import TASKS
from ..core.options import arguments, change_paths, make, options_of, toml
from . import environment, preferences, properties, shot, stages, tools
from .board import Board
from .properties import STAGES

PROGRAM = "understudy"


def reset(group: Any) -> None:
    """Give every option of a group its default."""
    for rna in group.bl_rna.properties:
        if rna.identifier not in ("rna_type", "name"):
            group.property_unset(rna.identifier)


def is_changed(group: Any) -> bool:
    """Whether any option of a group is not as by default."""
    return any(group.is_property_set(rna.identifier) for rna in group.bl_rna.properties
               if rna.identifier not in ("rna_type", "name"))


# --- settings files ---------------------------------------------------------------------------------------------


def as_toml(scene: Any, names: tuple[str, ...] = STAGES) -> str:
    """The settings of some stages of the active shot, as `--config` reads them; strips and folders are not among them.

    Raises:
        UsageError: for text that is no number where one belongs, or a value out of range.
    """
    tables = []
    for name in names:
        values = properties.values_of(properties.settings(scene, name), name)
        tables.append(toml.dump(name, make(TASKS[name].options, values), names=values))
    return "\n".join(tables)


def save(scene: Any, path: Path, names: tuple[str, ...] = STAGES) -> None:
    """Write `as_toml` to a file.

    Raises:
        OutputError: if it cannot be written.
    """
    text = as_toml(scene, names)
    with writing(path):
        path.write_text(text, encoding="utf-8")


def load(scene: Any, path: Path, otherwise: str = "") -> tuple[list[str], list[str]]:
    """Take over the stages' settings from a file; nothing changes if anything in it is wrong.

    Args:
        otherwise: the stage that keys above all tables are for, if the file has no table of a stage.

    Returns:
        the stages that were in it, and the options that the strips decide, which were left alone.

    Raises:
        UsageError: for a file that cannot be read, an unknown table or option, or a value out of range.
    """
    there = toml.tables_of(path)
    names = [name for name in STAGES if name in there] or ([otherwise] if otherwise and not there else [])
    if not names:
        raise UsageError(f"{path} has no settings of Extract, Train or Convert",
                         f"Its tables: {', '.join(there) or 'none'}")
    known = tuple(task.table for task in TASKS.values())
    read = {name: toml.load(path, name, TASKS[name].options, known) for name in names}
    ignored = []
    for name, values in read.items():
        group = properties.settings(scene, name)
        values = {option: _for_blender(name, option, value) for option, value in values.items()}
        ignored += [option for option, value in properties.apply(group, name, values).items() if value]
    return names, ignored


def _for_blender(task: str, name: str, value: Any) -> Any:
    """Paths inside the .blend's folder become relative to it, where the preferences wish so."""
    wished = bpy.context.preferences.filepaths.use_relative_paths and bpy.data.filepath
    option = next((one for one in properties.paths_of(task) if one.name == name), None)
    if not wished or option is None:
        return value
    home = os.path.dirname(bpy.data.filepath)

    def moved(path: str) -> str:
        return bpy.path.relpath(path) if path.startswith(home + os.sep) else path

    return change_paths(option, value, moved)


# --- the command line -------------------------------------------------------------------------------------------


def program() -> list[str]:
    """What runs the core's command line on this computer: the program, where it was installed as one, or the core's
    Python with the file that starts it, which stays where it is when Understudy is updated.
    """
    if shutil.which(PROGRAM):
        return [PROGRAM]
    return client.command(environment.core_python(preferences.interpreter()), environment.ROOT, "--cli")


def words_of(planned: stages.Planned) -> list[str]:
    """The command that does what a job does, word by word."""
    return [*program(), *planned.task.split(), *arguments.written(planned.options)]


def command_line(scene: Any, name: str, role: str = "a") -> str:
    """What a stage or a tool would run, one quoted command a line.

    Raises:
        UnderstudyError: whatever stands in the way of running it.
    """
    if name in STAGES:
        planned = stages.plan(scene, name, ahead=True)
    else:
        planned = [tools.plan(scene, TASKS[name], role)]
    return "\n".join(quoted(words_of(one)) for one in planned)


def command_problem(scene: Any, name: str, board: Board) -> str:
    """Why there is no command of a stage or tool to copy yet, as one sentence; "" if there is. No disk is touched."""
    if name in STAGES:
        return stages.blocked(scene, board)
    task = TASKS[name]
    if tools.is_of_shot(task) and shot.work_folder_or_none(scene) is None:
        return tools.UNSAVED
    if tools.needs_strip(task) and shot.tool_strip(scene) is None:
        return f"Choose strip {shot.active(scene).tool_role.upper()} first"
    try:
        if tools.needs_model(task):
            shot.model_folder(scene)
        return tools.unfilled(task, properties.values_of(properties.settings(scene, name), name))
    except UnderstudyError as error:
        return str(error)


def quoted(words: list[str]) -> str:
    """A command as this system's shell reads it."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


# --- presets ----------------------------------------------------------------------------------------------------


def preset_folder(stage: str) -> str:
    """Where a stage's presets are, below Blender's folder for presets."""
    return f"understudy/{stage}"


def preset_text(scene: Any, stage: str) -> str:
    """A preset as Blender runs it: it sets the stage's options in the active shot of the sequencer's scene.

    Options and choices that a later version does not have are passed over.
    """
    group = properties.settings(scene, stage)
    held = [(properties.rna_name(option), getattr(group, properties.rna_name(option)))
            for option in options_of(TASKS[stage].options) if properties.shown(option)]
    lines = "".join(f"    {name!r}: {sorted(value) if isinstance(value, set) else value!r},\n" for name, value in held)
    return f"""import bpy
scene = getattr(bpy.context, "sequencer_scene", None) or bpy.context.scene
settings = scene.understudy.active.{stage}
values = {{
{lines}}}
for name, value in values.items():
    try:
        setattr(settings, name, set(value) if isinstance(value, list) else value)
    except (AttributeError, TypeError):
        print(f"Understudy: the preset's {{name}} is not known to this version")
"""
