"""The three stages of a shot: why one cannot run yet, which jobs it takes, and running them under `blender -b`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..core import consent
from ..core.errors import FacesError, JobError, ModelError, OutputError, SourceError, UnderstudyError, writing
from ..core.faces.places import default_store
from ..core.jobs import client
from ..core.jobs.messages import Message
from ..core.jobs.tasks import TASKS
from ..core.weights import needs
from . import counting, environment, footage, preferences, properties, scene_copies, shot, weights, whereabouts
from .board import Board, JobView

STAGES = ("extract", "train", "convert")
LINKED = "This scene is linked from another file, which keeps its shots: open that file, or make the scene local first"
FEWEST_FACES = 25  # what the trainer asks for on each side


@dataclass(frozen=True)
class Planned:
    """A job that a stage takes; those of one stage run one after the other."""

    task: str
    options: Any
    label: str
    tag: dict[str, Any]


# --- what a panel says ------------------------------------------------------------------------------------------


def blocked(scene: Any, board: Board) -> str:
    """What stands in the way of every stage, as one sentence that says what to do; "" if nothing does."""
    if scene.library is not None:
        return LINKED
    if shot.work_folder_or_none(scene) is None:
        return "Save the .blend first: Understudy keeps its files beside it"
    if not bpy.app.background:  # under -b nobody looks ahead; running the stage asks the interpreter then
        if board.environment is None:
            return "Looking at the core's Python"
        if not board.environment.usable:
            return "Set up the core in Understudy's preferences first"
    a, b, data = shot.strip_of(scene, "a"), shot.strip_of(scene, "b"), shot.active(scene)
    if a is None:
        return "Choose strip A, whose face is replaced"
    if data.lender == "FOLDER":
        if not data.folder_b:
            return "Choose the faces folder that lends the face"
    elif b is None:
        return "Choose strip B, which lends the face"
    elif a == b:
        return "Choose two different strips"
    strips = (strip for role in shot.ROLES for strip in shot.strips_of(scene, role))
    return next((told for strip in strips if (told := _counted(strip, board))), "")


def _counted(strip: Any, board: Board) -> str:
    """Why the strip's footage is not ready; "" if it is."""
    path = str(shot.source_path(strip))
    told = board.sources.get(path, counting.COUNTING)
    if told == counting.COUNTING:
        # Under -b nobody looks ahead; running the stage counts the frames then.
        return "" if bpy.app.background else f"Counting the frames of {Path(path).name}"
    return told


def problem(scene: Any, stage: str, board: Board, *, beside: bool = False) -> str:
    """Why a stage cannot run now, as one sentence that says what to do; "" if it can.

    Args:
        beside: what is to run takes what the stage takes, and may do so while the stage is under way.
    """
    try:
        going = "" if beside else _going(scene, stage, board)
        return blocked(scene, board) or going or _lacking(scene, stage, board)
    except UnderstudyError as error:
        return str(error)


def _going(scene: Any, stage: str, board: Board) -> str:
    view = next((v for v in jobs_of(scene, stage, board) if v.going), None)
    return f"{view.label} is under way" if view else ""


def _lacking(scene: Any, stage: str, board: Board) -> str:
    if stage == "extract":
        options = TASKS["extract"].options
        values = properties.values_of(shot.active(scene).extract, "extract", needs.deciding(options))
        return weights.problem(options, values, board)
    if stage == "train":
        for role in shot.ROLES:
            if sum(board.places.get(str(folder), 0) for folder in shot.faces_folders(scene, role)) < FEWEST_FACES:
                return f"Extract first: fewer than {FEWEST_FACES} faces of {role.upper()} yet"
    if stage == "convert" and not board.places.get(str(shot.model_folder(scene)), 0):
        return "Train a model first"
    return ""


def next_step(scene: Any, board: Board) -> str:
    """The shot's next step in one sentence."""
    reason = blocked(scene, board)
    if reason:
        return reason
    busy = next((v for stage in STAGES for v in jobs_of(scene, stage, board) if v.going), None)
    if busy:
        return f"{busy.label} is under way"
    for stage, sentence in (("train", "Extract the faces of both strips"), ("convert", "Train a model on both faces")):
        try:
            if _lacking(scene, stage, board):
                return sentence
        except UnderstudyError as error:
            return str(error)
    if not any(view.status == "finished" for view in jobs_of(scene, "convert", board)):
        return "Convert strip A with the trained model"
    return "The result is on the strip above A"


def jobs_of(scene: Any, stage: str, board: Board) -> list[JobView]:
    """The newest job of a stage for the active shot; for extract one for each strip."""
    data = shot.active(scene)
    if stage == "extract":
        uids = dict.fromkeys(strip.understudy_id for role in shot.ROLES for strip in shot.strips_of(scene, role))
        found = [board.latest("extract", strip=uid) for uid in uids]
    else:
        sides = {"a": data.strip_a_id, "b": data.strip_b_id} if stage == "train" else {"a": data.strip_a_id}
        # Jobs of the first schema do not name their shot.
        found = [board.latest(stage, **sides, shot=data.uid) or board.latest(stage, **sides, shot=None)]
    return [view for view in found if view is not None]


def stores(scene: Any) -> list[tuple[Path, Path]]:
    """(footage, folder for its alignments where its own cannot be written) of the shot's strips, as far as known."""
    return [(path, elsewhere(scene, strip)) for strip, path in _footage(scene)]


def places(scene: Any) -> list[Path]:
    """The folders whose contents decide what can run."""
    found: list[Path] = []
    for look in (lambda: shot.faces_folders(scene, "a"), lambda: shot.faces_folders(scene, "b"),
                 lambda: [shot.model_folder(scene)]):
        try:
            found += look()
        except UnderstudyError:
            pass  # no strip yet, or one without a file
    return found


def sources(scene: Any) -> list[Path]:
    """The footage of the shot's strips, as far as it is known."""
    return [path for _, path in _footage(scene)]


def _footage(scene: Any) -> list[tuple[Any, Path]]:
    found = []
    for strip in (strip for role in shot.ROLES for strip in shot.strips_of(scene, role)):
        try:
            found.append((strip, shot.source_path(strip)))
        except UnderstudyError:
            pass  # a strip without a file
    return found


# --- what a stage does ------------------------------------------------------------------------------------------


def plan(scene: Any, stage: str, roles: tuple[str, ...] = shot.ROLES, *, ahead: bool = False,
         **overrides: Any) -> list[Planned]:
    """The jobs of a stage, in order. Looks at the disk: for operators, not for panels.

    Args:
        ahead: what the stage needs will be made by jobs before it, so that it need not be there yet.
        overrides: options that win over the shot's.

    Raises:
        UnderstudyError: strips without a file or that cannot be mapped, an unsaved .blend, too few faces, no model.
    """
    scene_copies.tell_apart()  # the timer may not have come round since the scene was duplicated
    data = shot.active(scene)
    both = {"a": data.strip_a_id, "b": data.strip_b_id, "shot": data.uid}
    if stage == "extract":
        return [_extraction(scene, role, strip, number, overrides) for role in roles
                for number, strip in enumerate(_needed_strips(scene, role))]
    if stage == "train":
        filled: dict[str, Any] = {"model_dir": str(shot.model_folder(scene))}
        chosen = properties.values_of(properties.settings(scene, "train"), "train") | overrides
        for role in shot.ROLES:
            filled |= inputs(scene, role)
            _need_faces(scene, role, overrides, ahead)
            if chosen.get(f"persons_{role}"):
                filled[f"alignments_{role}"] = all_alignments(scene, role)
        return [Planned("train", _options(scene, "train", filled, overrides), "Train", both)]
    source = shot.checked_source(scene, "a")
    model = Path(overrides.get("model_dir") or shot.model_folder(scene))
    if not ahead and not model.is_dir():
        raise ModelError(f"There is no model in {model}", "Train one first, or choose a model folder")
    filled = {"source": str(source), "model_dir": str(model), "output": str(shot.converted_folder(scene)),
              "alignments": str(alignments(scene, "a")), "frames": footage_frames(scene, shot.needed_strip(scene, "a"))}
    return [Planned("convert", _options(scene, "convert", filled, overrides), "Convert", both)]


def inputs(scene: Any, role: str) -> dict[str, Any]:
    """The options that name a side's faces."""
    first, *more = map(str, shot.faces_folders(scene, role))
    return {f"input_{role}": first, f"more_input_{role}": tuple(more)}


def _needed_strips(scene: Any, role: str) -> list[Any]:
    strips = shot.strips_of(scene, role)
    return strips or ([] if role == "b" and shot.active(scene).lender == "FOLDER" else [shot.needed_strip(scene, role)])


def _extraction(scene: Any, role: str, strip: Any, number: int, overrides: dict[str, Any]) -> Planned:
    data = shot.active(scene)
    filled = {"source": str(shot.checked_footage(strip)), "faces": str(shot.faces_folder_of(scene, strip)),
              "alignments": str(alignments_of(scene, strip))}
    if data.strip_only and not data.extract.frames:
        filled["frames"] = footage_frames(scene, strip, exact=role == "a")
    label = f"Extract {role.upper()}" + (f", {strip.name}" if number else "")
    return Planned("extract", _options(scene, "extract", filled, overrides), label,
                   {"strip": strip.understudy_id, "role": role})


def _options(scene: Any, task: str, filled: dict[str, Any], overrides: dict[str, Any]) -> Any:
    group = properties.settings(scene, task)
    return properties.options_from(group, task, **{**filled, **overrides})


def _need_faces(scene: Any, role: str, overrides: dict[str, Any], ahead: bool) -> None:
    given = overrides.get(f"input_{role}")
    folders = [Path(given)] if given else shot.faces_folders(scene, role)
    count = sum(1 for folder in folders if folder.is_dir() for _ in folder.glob("*.png"))
    if count < FEWEST_FACES and not ahead:
        raise FacesError(f"There are {count} faces of {role.upper()} in {' and '.join(map(str, folders))}, and "
                         f"training needs {FEWEST_FACES}", "Extract them first, or choose a longer strip")


def alignments(scene: Any, role: str) -> Path:
    """Where the alignments of the shot's strip A or B are."""
    return alignments_of(scene, shot.needed_strip(scene, role))


def alignments_of(scene: Any, strip: Any) -> Path:
    """Where a strip's alignments are: beside the footage, or in the work folder where that place is read-only."""
    return default_store(shot.source_path(strip), elsewhere(scene, strip))


def all_alignments(scene: Any, role: str) -> tuple[str, ...]:
    """The alignments of all strips of a side."""
    return tuple(dict.fromkeys(str(alignments_of(scene, strip)) for strip in _needed_strips(scene, role)))


def elsewhere(scene: Any, strip: Any) -> Path:
    """Where a strip's alignments go if no file can be written beside its footage."""
    return shot.work_folder(scene) / "alignments" / shot.source_name(strip)


def footage_frames(scene: Any, strip: Any, *, exact: bool = True) -> str:
    """The frames of the source that the strip shows, such as "10-84".

    Raises:
        StripError: if the strip cannot be mapped to frames exactly.
    """
    try:
        return footage.frames_shown(scene, strip, exact=exact)
    except footage.NotIndexedError:
        if not bpy.app.background:
            raise  # the keeper is at it
        path = str(shot.source_path(strip))
        told = counting.count([path], environment.ready(preferences.interpreter()))[path]
        if told:
            raise SourceError(told) from None
        return footage.frames_shown(scene, strip, exact=exact)


# --- running ----------------------------------------------------------------------------------------------------


def queue(scene: Any, planned: list[Planned], behind: str = "") -> list[str]:
    """Make the job folders; the keeper's thread starts the first and then each next one. Returns their names.

    Args:
        behind: name of a job that is to end before the first one begins.
    """
    names: list[str] = []
    whereabouts.settle(scene)
    folder = _jobs_folder(scene)
    for one in planned:
        waits = {"after": names[-1]} if names else {"behind": behind} if behind else {}
        tag = {**one.tag, "scene": scene.name, **waits}
        names.append(client.create(folder, one.task, one.options, label=one.label, tag=tag).path.name)
    return names


def _jobs_folder(scene: Any) -> Path:
    """Where the shot's jobs lie, made if it is not there.

    Raises:
        OutputError: it cannot be written to; says where the person chooses another place.
    """
    folder = shot.work_folder(scene) / "jobs"
    hint = "Choose a Work Folder that can be written to, under Folders in the panel Shot"
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except OutputError as error:
        raise OutputError(error.message, hint) from error
    if not os.access(folder, os.W_OK):
        raise OutputError(f"May not write to {folder}", hint)
    return folder


def run_and_wait(scene: Any, planned: list[Planned], on_message: Callable[[str, Message], None]) -> str:
    """Run the jobs one after the other to the end of each, for `blender -b`; returns the last status.

    Raises:
        UnderstudyError: before a job starts, or with a failed job's own sentence.
    """
    whereabouts.settle(scene)
    status, _ = run_in(_jobs_folder(scene), scene, planned, on_message)
    return status


def run_in(folder: Path, scene: Any, planned: list[Planned],
           on_message: Callable[[str, Message], None]) -> tuple[str, dict[str, Any]]:
    """As `run_and_wait`, with the jobs' folders in `folder`; also returns the last result."""
    if any(TASKS[one.task].consent(one.options) for one in planned):
        consent.require()
    result: dict[str, Any] = {}
    python = environment.ready(preferences.interpreter())
    status = "finished"
    for one in planned:
        tag = {**one.tag, "scene": scene.name}
        job = client.start(folder, one.task, one.options, python=python,
                           root=environment.install_core_copy(), label=one.label, tag=tag)
        status = client.wait(job, lambda message, label=one.label: on_message(label, message))
        if status == "failed":
            raise JobError(f"{one.label}: {job.state().error}")
        if status == "lost":
            raise JobError(f"{one.label} ended without a word", f"See {job.log_file}")
        result = job.state().result
        if status != "finished":
            break
    return status, result
