"""What panels may show: jobs, clips, alignments and weights as plain data, ready to draw (no bpy).

The keeper's thread makes a new `Board` whenever something has changed; panels and polls read it and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..core.jobs.folder import JobFolder
from ..core.jobs.follow import Follower
from ..core.jobs.progress import duration, fraction, rate_text
from . import environment
from .cleaning import SpaceView
from .models import ModelView

GOING = ("waiting", "queued", "running", "paused", "stopping")
_MOST_LINES = 200  # of what a job tells: more belongs into a file


@dataclass(frozen=True)
class JobView:
    """One job, ready to draw.

    Attributes:
        status: as `core.jobs.folder.STATUSES`, or "waiting" for one that begins when another has finished.
        doing: what it is doing, or how it ended, in words.
        count: "132 of 1,000 frames".
        pace: "12.3 per s".
        left: "1:11 left", "" while unknown.
        factor: 0 to 1.
        told: of a finished job, what a person asked to see, line by line.
        notes: what was done about its end: {"told": True, "placed": True}.
    """

    job: JobFolder
    task: str
    label: str
    tag: dict[str, Any]
    options: dict[str, Any]
    status: str
    doing: str
    count: str = ""
    pace: str = ""
    left: str = ""
    factor: float = 0.0
    told: tuple[str, ...] = ()
    error: str = ""
    warning: str = ""
    preview: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    created: float = 0.0

    @property
    def name(self) -> str:
        return self.job.path.name

    @property
    def going(self) -> bool:
        return self.status in GOING


@dataclass(frozen=True)
class PersonView:
    """Somebody in a clip: the id and name in the store, and how many faces."""

    id: int
    name: str
    faces: int


@dataclass(frozen=True)
class StoreView:
    """A clip's alignments.

    Attributes:
        path: where they are, or would be.
        exists: whether they are there.
        people: everyone who has faces, most faces first.
        nobody: how many faces are nobody's.
        faces: how many there are in all.
        stamp: another one whenever they were written to.
    """

    path: str
    exists: bool = False
    people: tuple[PersonView, ...] = ()
    nobody: int = 0
    faces: int = 0
    stamp: tuple[int, ...] = ()


@dataclass(frozen=True)
class FilmView:
    """A film that was counted: how many frames, and how many of them a second."""

    frames: int
    rate: Fraction


@dataclass(frozen=True)
class Board:
    """All that panels may show. Immutable: a new one takes its place."""

    jobs: tuple[JobView, ...] = ()
    places: dict[str, int] = field(default_factory=dict)  # folder -> how many pictures or model files it holds
    sources: dict[str, str] = field(default_factory=dict)  # film -> as `counting.Counter.look` answers
    environment: environment.EnvironmentState | None = None
    consent: bool = False
    films: dict[str, FilmView] = field(default_factory=dict)  # film -> what counting it has told
    stores: dict[str, StoreView] = field(default_factory=dict)  # film -> its alignments
    weights: frozenset[str] = frozenset()  # names of those that are here
    pictures: dict[str, int] = field(default_factory=dict)  # picture that is shown -> when its file was written
    models: dict[str, ModelView] = field(default_factory=dict)  # model folder -> what it holds
    space: SpaceView | None = None  # what could be deleted, once somebody has asked
    device: str = ""  # where the core computes, once the preferences have been looked at
    version: int = 0

    def job(self, name: str) -> JobView | None:
        return next((job for job in self.jobs if job.name == name), None)

    def latest(self, task: str, **tag: Any) -> JobView | None:
        """The newest job of a task whose tag has these entries."""
        found = [j for j in self.jobs if j.task == task and all(j.tag.get(k) == v for k, v in tag.items())]
        return found[-1] if found else None

    def waiting_for(self, name: str) -> list[JobView]:
        """The jobs of a queue that come after this one, in order."""
        found: list[JobView] = []
        while (view := next((job for job in self.jobs if job.tag.get("after") == name), None)) and view not in found:
            found.append(view)
            name = view.name
        return found

    @property
    def busy(self) -> bool:
        return any(job.going for job in self.jobs)


def view_of(follower: Follower, status: str, tag: dict[str, Any], notes: dict[str, Any]) -> JobView:
    """A job in words."""
    state, spec, progress = follower.state, follower.spec, follower.progress
    count = pace = left = ""
    if progress is not None:
        count = (f"{progress.done:,} {progress.unit}" if progress.total is None
                 else f"{progress.done:,} of {progress.total:,} {progress.unit}").rstrip()
        pace = rate_text(progress.rate) if progress.rate and status == "running" else ""
        if progress.eta is not None and status == "running" and progress.total is not None:
            left = f"{duration(progress.eta)} left"
    doing = {
        "waiting": "Waits for the job before it", "queued": "Starting", "paused": "Paused",
        "stopping": "Saving and stopping", "finished": ended_text(spec.task, state.result), "failed": "Failed",
        "stopped": state.error or "Stopped", "lost": "Ended without a word",
    }.get(status) or (progress.text if progress and progress.text else "Working")
    return JobView(follower.job, spec.task, spec.label, tag, spec.options, status, doing, count, pace, left,
                   1.0 if status == "finished" else fraction(progress), told_lines(status, state.result), state.error,
                   state.warnings[-1] if state.warnings else "", state.preview, state.result, notes, spec.created)


def ended_text(task: str, result: dict[str, Any]) -> str:
    """What a finished job has made, in words."""
    def of(*names: str) -> int | None:
        return next((result[n] for n in names if isinstance(result.get(n), int)), None)

    faces, frames, iteration = of("faces"), of("frames"), of("iterations", "iteration")
    if task == "extract" and faces is not None:
        return f"{faces:,} faces" + (f" in {frames:,} frames" if frames is not None else "")
    if task == "train" and iteration is not None:
        return f"Trained {iteration:,} iterations"
    if task == "convert" and frames is not None:
        return f"{frames:,} frames converted"
    counts = [f"{value:,} {key.replace('_', ' ')}" for key, value in result.items()
              if isinstance(value, int) and not isinstance(value, bool)]
    trial = "Nothing was changed: this was a dry run" if result.get("dry_run") is True else ""
    return "; ".join(part for part in (trial, ", ".join(counts)) if part) or "Finished"


def told_lines(status: str, result: dict[str, Any]) -> tuple[str, ...]:
    """What a finished job has found, line by line: its own words, or its list, and where it wrote more."""
    if status != "finished":
        return ()
    text, listed = result.get("text"), result.get("lines")
    lines = text.splitlines() if isinstance(text, str) else []
    if not lines and isinstance(listed, list):
        lines = [str(line) for line in listed]
    made = [f"{key.capitalize()}: {result[key]}" for key in ("file", "report", "folder", "output", "backup")
            if isinstance(result.get(key), str) and result[key]]
    return (*lines[:_MOST_LINES], *made)
