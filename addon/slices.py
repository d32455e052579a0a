"""Work in slices: a generator runs on a timer in a window, a few milliseconds at a time, and in one go under `-b`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..core.errors import JobError, UnderstudyError
from .timing import timed

Steps = Generator[float, None, str]  # yields the share that is done, 0..1; returns a sentence for the person

_SLICE = 0.02  # seconds of work in one turn of the timer; a single step may take as long again
_PAUSE = 0.001  # seconds in which Blender handles events
_TOLD = 0.4  # seconds between two words of the status bar: each makes Blender draw its windows


class _Work:
    """What is under way."""

    def __init__(self, steps: Steps, text: str, done: Callable[[str, str], None]) -> None:
        self.steps, self.text, self.done = steps, text, done
        self.told = time.perf_counter()


_work: _Work | None = None


def is_busy() -> bool:
    return _work is not None


def run(steps: Steps, text: str, done: Callable[[str, str], None]) -> None:
    """Begin the work, or under `-b` do it.

    Args:
        text: what the status bar says meanwhile, such as "Applying corrections".
        done: called at the end with a level for reports, "INFO" or "ERROR", and the sentence. Under `-b` errors are
            raised instead. It is not called where undo, redo or opening another file ended the work.

    Raises:
        JobError: other work is under way.
        UnderstudyError: under `-b`, what the steps raise.
    """
    global _work
    if bpy.app.background:
        done("INFO", _exhausted(steps))
        return
    if _work is not None:
        steps.close()
        raise JobError(f"{_work.text} is under way", "Wait for it to end: it takes seconds")
    _work = _Work(steps, text, done)
    bpy.app.timers.register(_turn, first_interval=0.0, persistent=True)


def _exhausted(steps: Steps) -> str:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return str(end.value)


@timed
def _turn() -> float | None:
    global _work
    work, end, share = _work, time.perf_counter() + _SLICE, 0.0
    if work is None:
        return None
    try:
        while time.perf_counter() < end:
            share = next(work.steps)
    except StopIteration as stop:
        _end(work, "INFO", str(stop.value))
        return None
    except UnderstudyError as error:
        _end(work, "ERROR", str(error))
        return None
    except Exception as error:
        _end(work, "ERROR", f"{work.text} failed: {error}")
        raise
    if time.perf_counter() - work.told > _TOLD:
        work.told = time.perf_counter()
        status(f"{work.text}: {share:.0%}")
    return _PAUSE


def _end(work: _Work, level: str, sentence: str) -> None:
    global _work
    _work = None
    status(None)
    work.done(level, sentence)


def status(text: str | None) -> None:
    """Show a text in the status bars of all windows; None takes it away."""
    for window in bpy.context.window_manager.windows:
        if window.workspace is not None:
            window.workspace.status_text_set(text)


@persistent
@timed
def _drop(*_: Any) -> None:
    """Undo, redo and other files replace the data that the steps work on."""
    global _work
    work, _work = _work, None
    if work is not None:
        work.steps.close()
        status(None)


_HANDLERS = ("undo_pre", "redo_pre", "load_pre")


def register() -> None:
    for name in _HANDLERS:
        getattr(bpy.app.handlers, name).append(_drop)


def unregister() -> None:
    _drop()
    if bpy.app.timers.is_registered(_turn):
        bpy.app.timers.unregister(_turn)
    for name in _HANDLERS:
        if _drop in getattr(bpy.app.handlers, name):
            getattr(bpy.app.handlers, name).remove(_drop)
