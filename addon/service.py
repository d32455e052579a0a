"""The one service worker of this Blender: asked without waiting, answered on Blender's main thread.

It starts with the first question, with the core's Python of the preferences, starts again with the next one after a
crash, and ends with Blender. A thread does whatever can take time (asking the Python, copying the core, starting a
process); a timer, which runs only while something is awaited, brings the answers.
"""

from __future__ import annotations

import atexit
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..core.errors import JobError
from ..core.folders import user_logs
from ..core.jobs.service_client import Request, Service
from . import environment, preferences
from .timing import timed

_PAUSE = 0.02  # seconds between two looks for answers


class Asked:
    """One question and, once `ended`, its answer.

    Attributes:
        name, values: what was asked.
        result: of an answered question; {} until then.
        error: one line that says why there is no answer; "" while all is well.
        stopped: it was cancelled; there is neither result nor error.
    """

    def __init__(self, name: str, values: dict[str, Any], on_done: Callable[[Asked], None]) -> None:
        self.name = name
        self.values = values
        self.result: dict[str, Any] = {}
        self.error = ""
        self.stopped = False
        self._on_done = on_done
        self._request: Request | None = None
        self._ended = threading.Event()

    @property
    def ended(self) -> bool:
        if self._request is not None and self._request.ended and not self._ended.is_set():
            self.result, self.error = self._request.result, self._request.error
            self.stopped = not self.result and not self.error
            self._ended.set()
        return self._ended.is_set()

    def cancel(self) -> None:
        """Let it go: what has not begun will not begin. `on_done` is called all the same, with `stopped` or an answer
        that was quicker.
        """
        self.stopped = True
        _worker.cancel(self)

    def _fail(self, sentence: str) -> None:
        self.error = sentence
        self._ended.set()


def ask(name: str, on_done: Callable[[Asked], None], **values: Any) -> Asked:
    """Ask the service (see `core.jobs.requests`); returns at once, whatever there is to start.

    Args:
        name: the request.
        on_done: called once, on Blender's main thread, with what was asked: look at its `error`, `stopped` and
            `result`. It is not called when another .blend is opened meanwhile. In `blender -b` no timer runs: there
            `ask_and_wait` is for scripts.
        values: plain values.
    """
    asked = Asked(name, values, on_done)
    _awaited.append(asked)
    _worker.put(asked, preferences.interpreter())
    if not bpy.app.background and not bpy.app.timers.is_registered(_collect):
        bpy.app.timers.register(_collect, first_interval=_PAUSE, persistent=True)
    return asked


def ask_and_wait(name: str, timeout: float = 60.0, **values: Any) -> dict[str, Any]:
    """The answer, waited for: for scripts and `blender -b`, never for a button in a window.

    Raises:
        JobError: it failed, or is not there after `timeout` seconds.
    """
    asked = Asked(name, values, lambda _: None)
    _worker.put(asked, preferences.interpreter())
    end = time.monotonic() + timeout
    while not asked.ended:
        if time.monotonic() > end:
            asked.cancel()
            raise JobError(f"The core has not answered {name} within {timeout:g} s")
        time.sleep(_PAUSE)
    if asked.error:
        raise JobError(asked.error)
    return asked.result


def collect() -> None:
    """Hand over the answers that are there; the timer's work, which a script in `blender -b` may do itself."""
    for asked in [one for one in _awaited if one.ended]:
        if asked in _awaited:  # an answer's callback may have forgotten the others
            _awaited.remove(asked)
            asked._on_done(asked)


@timed
def _collect() -> float | None:
    collect()
    return _PAUSE if _awaited else None


def close() -> None:
    """End the service, which may take a second or two; whoever asks next starts it anew."""
    _worker.close()


class _Worker:
    """The thread that talks to the service."""

    def __init__(self) -> None:
        self._todo: queue.SimpleQueue[tuple[Asked, str] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._service: Service | None = None
        self._python: Path | None = None

    def put(self, asked: Asked, chosen: str) -> None:
        self._todo.put((asked, chosen))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="understudy-service", daemon=True)
            self._thread.start()

    def cancel(self, asked: Asked) -> None:
        service, request = self._service, asked._request
        if service is not None and request is not None:
            service.cancel(request)

    def close(self) -> None:
        """End the thread and the service; whoever asks later starts both anew."""
        if self._thread is not None:
            self._todo.put(None)
            self._thread.join(2.0)
            self._thread = None
        service, self._service = self._service, None
        if service is not None:
            service.close()

    def _run(self) -> None:
        while (item := self._todo.get()) is not None:
            asked, chosen = item
            if asked.stopped:
                asked._ended.set()
                continue
            try:
                asked._request = self._started(chosen).ask(asked.name, **asked.values)
                if asked.stopped:  # cancelled while it was being sent
                    self.cancel(asked)
            except Exception as error:
                asked._fail(environment.explain(error))

    def _started(self, chosen: str) -> Service:
        python = environment.ready(chosen)
        if self._service is None or python != self._python:
            if self._service is not None:
                self._service.close()
            self._service = Service(python, user_logs() / "service.log", environment.install_core_copy())
            self._python = python
        return self._service


_worker = _Worker()
_awaited: list[Asked] = []


@persistent
@timed
def _forget(*_: Any) -> None:
    """Another .blend is opened: whoever asked may be about to write into data that are gone."""
    for asked in _awaited:
        asked.cancel()
    _awaited.clear()


def register() -> None:
    bpy.app.handlers.load_pre.append(_forget)
    atexit.register(_worker.close)


def unregister() -> None:
    with suppress(ValueError):
        bpy.app.handlers.load_pre.remove(_forget)
    if bpy.app.timers.is_registered(_collect):
        bpy.app.timers.unregister(_collect)
    _forget()
    atexit.unregister(_worker.close)
    _worker.close()
