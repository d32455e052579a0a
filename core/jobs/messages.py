"""The closed vocabulary between a worker and whoever follows it (stdlib only; both sides import it).

A worker says each message once, as one JSON line; nothing else is ever parsed. Every `Reporter.progress` call answers
«has the person asked to stop?», so that progress and cancelling are one call.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol


@dataclass(frozen=True)
class Message:
    kind: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain data without the kind, JSON-ready."""
        return asdict(self)

    def to_json(self) -> str:
        """One line, no line break. JSON has no NaN or infinity: they become null."""
        data = {"kind": self.kind, **self.to_dict()}
        try:
            return json.dumps(data, ensure_ascii=False, allow_nan=False, default=str)
        except ValueError:
            return json.dumps(_finite(data), ensure_ascii=False, allow_nan=False, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


@dataclass(frozen=True)
class Started(Message):
    """The task begins: its name, in words for a person what it is about to do, and the worker's version."""

    kind = "started"
    task: str
    text: str = ""


@dataclass(frozen=True)
class Progress(Message):
    """Where the task stands. `rate` is units per second, `eta` seconds left; None: not known (yet)."""

    kind = "progress"
    done: int
    total: int | None
    unit: str
    text: str = ""
    rate: float | None = None
    eta: float | None = None


@dataclass(frozen=True)
class Metric(Message):
    """Figures of a training: `values` such as {"loss_a": 0.05, "loss_b": 0.06, "rate": 310.0} at `iteration`.

    None stands for a figure that is not a number (a diverged loss).
    """

    kind = "metric"
    iteration: int
    values: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Preview(Message):
    """A picture worth looking at has been (re)written at `path`."""

    kind = "preview"
    path: str


@dataclass(frozen=True)
class Warning_(Message):
    """Something a person should know; the task goes on."""

    kind = "warning"
    message: str
    detail: str = ""


@dataclass(frozen=True)
class Error(Message):
    """The task failed: `message` is one line for a person, `detail` (a traceback) is for the log."""

    kind = "error"
    message: str
    detail: str = ""


@dataclass(frozen=True)
class Done(Message):
    """The task ended: `status` is "finished", "failed" or "stopped"; `result` holds paths and counts."""

    kind = "done"
    status: str
    result: dict[str, Any] = field(default_factory=dict)


KINDS: dict[str, type[Message]] = {cls.kind: cls for cls in (Started, Progress, Metric, Preview, Warning_, Error, Done)}


def parse(line: str) -> Message | None:
    """The message in a line; None for a torn, foreign or newer line (a reader never fails on those)."""
    try:
        data = json.loads(line)
        return KINDS[data.pop("kind")](**data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


class Reporter(Protocol):
    """What a task speaks to. Tasks know nothing of job folders, consoles or Blender."""

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        """Say where the task stands; returns True once the person has asked to stop.

        Cheap enough to call for every frame or iteration (reporters throttle). Blocks while the job is paused. A task
        that hears True finishes its current unit, saves, and raises `Stopped`.
        """

    def metric(self, iteration: int, values: dict[str, float]) -> None: ...

    def preview(self, path: object) -> None: ...

    def warning(self, message: str, detail: str = "") -> None: ...

    def on_pause(self, free: Callable[[], None], restore: Callable[[], None]) -> None:
        """Have `free` called before a pause (give the graphics card back) and `restore` after it."""


class SilentReporter:
    """Says nothing and never stops; for tests and for calling tasks as plain functions."""

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        return False

    def metric(self, iteration: int, values: dict[str, float]) -> None:
        pass

    def preview(self, path: object) -> None:
        pass

    def warning(self, message: str, detail: str = "") -> None:
        pass

    def on_pause(self, free: Callable[[], None], restore: Callable[[], None]) -> None:
        pass
