"""`blender -b FILE.blend --command understudy …`: the shot of the file, or the core's command line as it is.

Without a source, `extract`, `train`, `convert` and the tools (`alignments draw`, `sort` …) work on a shot of the file:
the active one, or the one that --shot or --strip names; further options win over the file's. With a source, and for
every other command, the core's own command line runs in the core's Python.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ..core import consent
from ..core.errors import UnderstudyError
from ..core.jobs import client
from ..core.jobs.interrupting import interruptible
from ..core.jobs.messages import Message
from ..core.jobs.tasks import TASKS
from ..core.options import change_paths, options_of
from ..core.options.arguments import add_options, given
from . import environment, preferences, properties, shot, stages, tools, watch
from .board import ended_text, told_lines
from .printer import Printer

NAME = "understudy"
_SOURCES = ("source", "alignments", "faces", "input_a", "input_b")  # options that say what to work on
_HELP = """
In a .blend file, without a source, the command is about a shot:
  --shot NAME       the shot of this name; without it the active one
  --strip NAME      the shot of this strip, and of its strips only this one; a and b are those by what they are for
  --scene NAME      the scene; without it the sequencer's, or the first that has shots
  --save            after a conversion: lay the result over its strip and save the file
  --json            messages as JSON, one a line"""
_EXITS = {"finished": 0, "stopped": 130}
_handle: Any = None


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by the person."""
    try:
        parsed = shot_command(arguments)
        if parsed is None:
            return core_command(arguments)
        return run_shot(*parsed)
    except SystemExit as leaving:  # argparse, after it has said why
        return int(leaving.code or 0)
    except UnderstudyError as error:
        print(f"understudy: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def shot_command(arguments: list[str]) -> tuple[str, dict[str, Any], argparse.Namespace] | None:
    """The task and the options given, if the arguments mean the shot of the open file; None if they name a source,
    ask for help, or are another command.
    """
    name, rest = _task_of(arguments)
    if not name or {"-h", "--help"} & set(rest):
        return None
    cls = TASKS[name].options
    is_tool = name in properties.TOOLS
    parser = argparse.ArgumentParser(prog=f"understudy {name}", add_help=False)
    add_options(parser, cls)
    for flag in ("--scene", "--shot", "--strip"):
        parser.add_argument(flag, default="")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save", action="store_true")
    namespace, unknown = parser.parse_known_args(rest)
    values = given(namespace, cls)
    names_model = is_tool and tools.needs_model(TASKS[name]) and values.get("model_dir")
    if unknown or names_model or any(values.get(source) for source in _SOURCES):
        return None
    return name, values, namespace


def _task_of(arguments: list[str]) -> tuple[str, list[str]]:
    """The stage or the shot's tool that the first words name, and the words after it; "" if it is neither."""
    for count in (2, 1):
        name = " ".join(arguments[:count])
        if len(arguments) >= count and (name in stages.STAGES
                                        or (name in properties.TOOLS and tools.is_of_shot(TASKS[name]))):
            return name, arguments[count:]
    return "", []


def core_command(arguments: list[str]) -> int:
    """The core's command line, in its own Python, on this terminal; offline where Blender is."""
    python = environment.ready(preferences.interpreter())
    command = client.command(python, environment.install_core_copy(), "--cli", *arguments)
    offline = {} if bpy.app.online_access else {"UNDERSTUDY_OFFLINE": "1"}
    code = _call(command, {**client.child_environment(), **offline})
    if code == 0 and {"-h", "--help"} & set(arguments) and _task_of(arguments)[0]:
        print(_HELP, flush=True)
    return code


def _call(command: list[str], environment: dict[str, str]) -> int:
    """Run a command on this terminal. Ctrl-C reaches it as well, and it alone says what comes of that."""
    with interruptible(), subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                code = process.wait()
                return code if code >= 0 else 128 - code
            except KeyboardInterrupt:
                continue


def run_shot(name: str, values: dict[str, Any], namespace: argparse.Namespace) -> int:
    """One stage or tool on a shot of the file, waited for.

    Raises:
        UnderstudyError: whatever stands in the way.
    """
    one, strip = chosen(namespace.scene, namespace.shot, namespace.strip)
    for option in options_of(TASKS[name].options):
        if values.get(option.name):
            values[option.name] = change_paths(option, values[option.name], _absolute)
    tell = _print_json if namespace.json else Printer()
    with shot.focused(one):
        if name in properties.TOOLS:
            return _run_tool(one.id_data, name, values, namespace, tell, strip)
        return _run_stage(one.id_data, name, values, namespace, tell, strip)


def _absolute(path: str) -> str:
    """Meant from where the command is given, or, beginning with //, from the .blend."""
    return str(Path(properties.from_blend(path)).absolute())


def _run_stage(scene: Any, name: str, values: dict[str, Any], namespace: argparse.Namespace,
               tell: Callable[[str, Message], None], strip: Any | None) -> int:
    consent.require()
    roles = (namespace.strip,) if namespace.strip in shot.ROLES else shot.ROLES
    planned = stages.plan(scene, name, roles, **values)
    if name == "extract" and strip is not None:
        planned = [job for job in planned if job.tag["strip"] == strip.understudy_id]
    status = stages.run_and_wait(scene, planned, tell)
    if name == "convert" and status == "finished" and namespace.save:
        for view in watch.look().jobs:
            trouble = watch.place(view) if view.task == "convert" and view.status == "finished" else ""
            if trouble:
                raise UnderstudyError(trouble)
        bpy.ops.wm.save_mainfile()
    elif name == "convert" and status == "finished" and not namespace.json:
        print("The strip appears above A when the file is opened in Blender (or at once, with --save).", flush=True)
    return _EXITS.get(status, 1)


def _run_tool(scene: Any, name: str, values: dict[str, Any], namespace: argparse.Namespace,
              tell: Callable[[str, Message], None], strip: Any | None) -> int:
    task = TASKS[name]
    role, clip = namespace.strip if namespace.strip in shot.ROLES else "a", ""
    if strip is not None:
        role, clip = next(r for r in shot.ROLES if strip in shot.strips_of(scene, r)), strip.name
    with shot.tools_on(scene, role, clip):
        planned = tools.plan(scene, task, role, **values)
    status, result = stages.run_in(tools.jobs_folder(scene, task), scene, [planned], tell)
    if not namespace.json:
        for line in (*told_lines(status, result), ended_text(name, result)):
            print(line, flush=True)
    return _EXITS.get(status, 1)


def chosen(scene_name: str = "", shot_name: str = "", strip_name: str = "") -> tuple[Any, Any | None]:
    """The shot that the words mean, and the strip if one is named; without words the active shot.

    Raises:
        UnderstudyError: if there is none of that name, or no shot at all.
    """
    here = bpy.data.filepath or "this file"
    if scene_name and scene_name not in bpy.data.scenes:
        raise UnderstudyError(f"There is no scene {scene_name!r} in {here}",
                              f"Scenes: {', '.join(s.name for s in bpy.data.scenes)}")
    scenes = [bpy.data.scenes[scene_name]] if scene_name else list(
        dict.fromkeys((shot.sequencer_scene(bpy.context), *bpy.data.scenes)))
    shots = [one for scene in scenes for one in (shot.active(scene), *shot.every(scene)) if one.uid]
    named = [one for one in shots if not shot_name or one.name == shot_name]
    if shot_name and not named:
        raise UnderstudyError(f"There is no shot {shot_name!r} in {here}",
                              f"Shots: {', '.join(dict.fromkeys(one.name for one in shots)) or 'none'}")
    if strip_name not in ("", *shot.ROLES, "both"):
        for one in named:
            strip = next((strip for strip in _strips_of(one) if strip.name == strip_name), None)
            if strip is not None:
                return one, strip
        raise UnderstudyError(f"No shot in {here} is about a strip {strip_name!r}", "Strips of shots: " + (
            ", ".join(dict.fromkeys(strip.name for one in named for strip in _strips_of(one))) or "none"))
    found = next((one for one in named if shot_name or one.strip_a_id), None)
    if found is None:
        raise UnderstudyError(f"No strips are chosen in {here}",
                              "Choose strips A and B in the sidebar of the sequencer and save, or name a source")
    return found, None


def _strips_of(one: Any) -> list[Any]:
    with shot.focused(one):
        return [strip for role in shot.ROLES for strip in shot.strips_of(one.id_data, role)]


def _print_json(label: str, message: Message) -> None:
    print(message.to_json(), flush=True)


def register() -> None:
    global _handle
    _handle = bpy.utils.register_cli_command(NAME, main)


def unregister() -> None:
    global _handle
    bpy.utils.unregister_cli_command(_handle)
    _handle = None
