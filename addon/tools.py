"""The tools: every task with `tool=True`, run on strip A or B, on the shot's model, or, like the weights', on neither.

What a tool needs is read off its options: `source`, `alignments` and `faces` are filled in from the strip, `input_a`
and `input_b` from both, `model_dir` from the shot, `online` from Blender's settings, and one with `dry_run` changes
things, so it asks first.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import bpy

from ..core.errors import UnderstudyError, UsageError
from ..core.jobs import client
from ..core.jobs.tasks import TASKS, Task
from ..core.options import Option, options_of
from ..core.weights import needs
from . import environment, properties, shot, stages, weights, whereabouts
from .board import Board, JobView
from .stages import Planned

FILLED = ("source", "alignments", "faces", "model_dir", "online", *(f"{what}_{role}" for role in shot.ROLES
                                                                    for what in ("input", "more_input", "alignments")))
UNSAVED = "Save the .blend first: Understudy keeps its files beside it"
OFFLINE = "Turn on Allow Online Access in Preferences > System first"


def option(task: Task, name: str) -> Option | None:
    return next((o for o in options_of(task.options) if o.name == name), None)


def needs_strip(task: Task) -> bool:
    """Whether the tool is about a clip."""
    return any(option(task, name) for name in ("source", "alignments", "faces"))


def needs_model(task: Task) -> bool:
    """Whether the tool is about the shot's model."""
    found = option(task, "model_dir")
    return found is not None and not properties.shown(found)


def needs_both(task: Task) -> bool:
    """Whether the tool is about the faces of both strips."""
    return all((found := option(task, f"input_{role}")) and not properties.shown(found) for role in shot.ROLES)


def is_of_shot(task: Task) -> bool:
    """Whether the tool is about something of the shot: its clips or the model."""
    return needs_strip(task) or needs_model(task) or needs_both(task)


def asks_for_faces(task: Task) -> bool:
    """Whether the tool takes a faces folder or leaves it alone, as the person likes."""
    faces = option(task, "faces")
    return faces is not None and not faces.declaration.required


def changes(task: Task, options: Any) -> bool:
    """Whether the tool, with these options, changes what is there, so that it asks first."""
    if not hasattr(options, "dry_run"):
        return False
    return not options.dry_run and getattr(options, "action", "move") == "move"


def warning(task: Task) -> str:
    """What is said before a tool changes something."""
    return (f"{properties.summary(task)}. Dry Run would only say what it does. Alignments that it changes are backed "
            "up first, beside them.")


# --- whether it can run -----------------------------------------------------------------------------------------


def problem(scene: Any, task: Task, role: str, board: Board,
            overrides: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Why a tool cannot run now, as one sentence that says what to do; "" if it can. No disk is touched.

    Args:
        overrides: options that win over the scene's.
    """
    try:
        return _core(board) or _clip(scene, task, role, board) or _lacking(scene, task, board, overrides)
    except UnderstudyError as error:
        return str(error)


def _core(board: Board) -> str:
    if bpy.app.background:  # there running the tool asks the interpreter
        return ""
    if board.environment is None:
        return "Looking at the core's Python"
    return "" if board.environment.usable else "Set up the core in Understudy's preferences first"


def _clip(scene: Any, task: Task, role: str, board: Board) -> str:
    if not needs_strip(task):
        view = latest(scene, task, role, board)
        if view is not None and view.going:
            return f"{view.label} is under way"
        if needs_both(task):
            return no_faces(scene, board)
        return no_model(scene, board) if needs_model(task) else ""
    if shot.work_folder_or_none(scene) is None:
        return UNSAVED
    strip = shot.tool_strip(scene, role)
    if strip is None:
        return f"Choose strip {role.upper()} first"
    busy = next((view for view in board.jobs if view.going and view.tag.get("strip") == strip.understudy_id), None)
    if busy is not None:
        return f"{busy.label} is under way"
    store = board.stores.get(str(shot.source_path(strip)))
    if option(task, "alignments") and store is not None and not store.exists and not _makes_alignments(task):
        return f"Extract the faces of {shot.called(scene, role, strip)} first"
    return ""


def no_model(scene: Any, board: Board) -> str:
    """Why nothing can be done with the shot's model; "" if it is there."""
    if shot.work_folder_or_none(scene) is None:
        return UNSAVED
    # Under -b nobody looks ahead, and the tool says itself what it does not find.
    if not bpy.app.background and not board.places.get(str(shot.model_folder(scene)), 0):
        return "Train a model first"
    return ""


def no_faces(scene: Any, board: Board) -> str:
    """Why nothing can be done with the faces of A and B; "" if they are there."""
    if shot.work_folder_or_none(scene) is None:
        return UNSAVED
    for role in shot.ROLES:
        if shot.strip_of(scene, role) is None and not (role == "b" and shot.active(scene).lender == "FOLDER"):
            return f"Choose strip {role.upper()} first"
        folders = shot.faces_folders(scene, role)
        if not bpy.app.background and not any(board.places.get(str(folder), 0) for folder in folders):
            return f"Extract the faces of {role.upper()} first"
    return ""


def _makes_alignments(task: Task) -> bool:
    """Whether the alignments are what the tool writes: its option for them stands with its output."""
    found = option(task, "alignments")
    return found is not None and found.declaration.group == "Output"


def _lacking(scene: Any, task: Task, board: Board, overrides: Mapping[str, Any]) -> str:
    if option(task, "online") and not bpy.app.online_access:
        return OFFLINE
    group = properties.settings(scene, task.name)
    values = {**properties.values_of(group, task.name, _looked_at(task.options)), **overrides}
    return unfilled(task, values) or weights.problem(task.options, values, board)


@cache
def _looked_at(options: type) -> frozenset[str]:
    """The options that say whether something is lacking."""
    return needs.deciding(options) | {one.name for one in options_of(options) if one.declaration.required}


def unfilled(task: Task, values: Mapping[str, Any]) -> str:
    """Which option a person has still to fill in, as one sentence; "" if none."""
    lacking = next((one for one in options_of(task.options)
                    if one.declaration.required and properties.shown(one) and not values[one.name]), None)
    return f"Fill in {lacking.declaration.label} first" if lacking is not None else ""


def latest(scene: Any, task: Task, role: str, board: Board) -> JobView | None:
    """The newest job of a tool, for this strip if it is about one."""
    if not needs_strip(task):
        return board.latest(task.name)
    strip = shot.tool_strip(scene, role)
    return board.latest(task.name, strip=strip.understudy_id) if strip is not None else None


# --- running it -------------------------------------------------------------------------------------------------


def plan(scene: Any, task: Task, role: str, **overrides: Any) -> Planned:
    """The job of a tool. Looks at the disk: for operators, not for panels.

    Args:
        overrides: options that win over the scene's and over what the strip fills in.

    Raises:
        UnderstudyError: a strip that is missing or has no file, an unsaved .blend, an option that must be given.
    """
    filled = {**_filled(scene, task, role), **overrides}
    options = properties.options_from(properties.settings(scene, task.name), task.name, **filled)
    for one in options_of(task.options):
        if one.declaration.required and not getattr(options, one.name):
            raise UsageError(f"{task.label} needs {one.declaration.label}", "Fill it in")
    if not needs_strip(task):
        return Planned(task.name, options, task.label, {"show": True} if needs_both(task) else {})
    strip = shot.needed_tool_strip(scene, role)
    return Planned(task.name, options, f"{task.label}, {shot.called(scene, role, strip)}",
                   {"strip": strip.understudy_id, "role": role})


def _filled(scene: Any, task: Task, role: str) -> dict[str, Any]:
    """What the strip and Blender's settings say, for the options that the tool has and no panel shows."""
    hidden = {one.name: one for one in options_of(task.options) if not properties.shown(one) and one.name in FILLED}
    filled: dict[str, Any] = {}
    if "online" in hidden:
        filled["online"] = bpy.app.online_access
    if "model_dir" in hidden:
        filled["model_dir"] = str(shot.model_folder(scene))
    chosen = properties.values_of(properties.settings(scene, task.name), task.name)
    for side in shot.ROLES:
        if f"input_{side}" in hidden:
            filled |= stages.inputs(scene, side)
        if f"alignments_{side}" in hidden and chosen.get(f"persons_{side}"):
            filled[f"alignments_{side}"] = stages.all_alignments(scene, side)
    if "source" in hidden:
        filled["source"] = str(shot.checked_footage(shot.needed_tool_strip(scene, role)))
    if "alignments" in hidden:
        store = stages.alignments_of(scene, shot.needed_tool_strip(scene, role))
        if "source" in hidden or store.exists():  # what works on a faces folder alone may do without
            filled["alignments"] = str(store)
    if "faces" in hidden:
        strip = shot.needed_tool_strip(scene, role)
        is_main = strip == shot.strip_of(scene, role)  # in whose place a folder may stand
        folder = shot.faces_folder(scene, role) if is_main else shot.faces_folder_of(scene, strip)
        if not asks_for_faces(task) or (shot.active(scene).tool_faces and folder.is_dir()):
            filled["faces"] = str(folder)
    return filled


def jobs_folder(scene: Any, task: Task) -> Path:
    """Where the job's folder goes: with the shot's jobs, or, for what is no shot's business, with the person's."""
    if not is_of_shot(task):
        return environment.setup_jobs()
    whereabouts.settle(scene)
    return shot.work_folder(scene) / "jobs"


def queue(scene: Any, planned: Planned) -> str:
    """Make the job's folder; the keeper's thread starts it. Returns its name."""
    folder = jobs_folder(scene, TASKS[planned.task])
    tag = {**planned.tag, "scene": scene.name}
    return client.create(folder, planned.task, planned.options, label=planned.label, tag=tag).path.name
