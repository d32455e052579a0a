"""Everything that a shot still lacks as one queue: extract A, extract B, train to the target, convert."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ..core.errors import ModelError, UnderstudyError
from ..core.models.state import read_state
from . import stages
from .board import Board, JobView
from .stages import Planned


def problem(scene: Any, board: Board) -> str:
    """Why nothing can be queued now, as one sentence; "" if it can. No disk is touched."""
    busy = next((view for stage in stages.STAGES for view in stages.jobs_of(scene, stage, board) if view.going), None)
    if busy is not None:
        return f"{busy.label} is under way"
    return stages.problem(scene, "extract", board)


def tail(board: Board) -> JobView | None:
    """The last job of what runs and waits already, of whichever shot: two trainings at once would both be slower."""
    return next((view for view in reversed(board.jobs) if view.going and view.task in stages.STAGES), None)


def plan(scene: Any, board: Board) -> list[Planned]:
    """The jobs that are missing, in order; [] where the result is there. Looks at the disk: for operators.

    A strip is extracted unless its latest extraction finished with the same settings and its pictures are there; the
    model is trained unless it has reached its iterations; it is converted unless nothing before it runs and the latest
    conversion finished with the same settings.

    Raises:
        UnderstudyError: as `stages.plan`.
    """
    planned: list[Planned] = []
    for one in stages.plan(scene, "extract"):
        view = board.latest("extract", strip=one.tag["strip"])
        if not _is_done(one, view) or not board.places.get(one.options.faces, 0):
            planned.append(one)
    (training,) = stages.plan(scene, "train", ahead=True)
    if trained(Path(training.options.model_dir)) < training.options.iterations:
        planned.append(training)
    (conversion,) = stages.plan(scene, "convert", ahead=True)
    if planned or not any(_is_done(conversion, view) for view in stages.jobs_of(scene, "convert", board)):
        planned.append(conversion)
    return planned


def trained(model_dir: Path) -> int:
    """How many iterations a model has; 0 where there is none yet.

    Raises:
        ModelError: there is one, and it is damaged.
    """
    try:
        return read_state(model_dir).iterations
    except ModelError:
        if (model_dir / "state.json").exists():
            raise
        return 0


def _is_done(planned: Planned, view: JobView | None) -> bool:
    """Whether a finished job did just what is planned."""
    if view is None or view.status != "finished":
        return False
    wanted = dataclasses.asdict(planned.options)
    return all(_plain(view.options.get(name)) == _plain(value) for name, value in wanted.items())


def _plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    return list(value) if isinstance(value, tuple) else value


def steps(planned: list[Planned]) -> list[str]:
    """What is going to happen, for a person.

    Raises:
        UnderstudyError: there is nothing to do.
    """
    if not planned:
        raise UnderstudyError("Nothing is missing: the faces, the model and the result are there",
                              "Raise Iterations to train on, or change a setting")
    return [f"Train to {one.options.iterations:,} iterations" if one.task == "train" else one.label for one in planned]
