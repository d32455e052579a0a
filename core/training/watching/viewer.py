"""The training's side of the preview window: starts its process, hears its keys, and never waits for it."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Literal

from ...jobs.messages import Reporter
from . import window

Key = Literal["save", "refresh", "mask", "quit"]
_KEYS: tuple[Key, ...] = ("save", "refresh", "mask", "quit")
_PATIENCE = 5.0  # seconds that a window has to close


class Viewer:
    """A window that shows a picture file as long as the training runs.

    Without a display, or where the window cannot be made, the reporter is told once and the training goes on.
    """

    def __init__(self, picture: Path, reporter: Reporter) -> None:
        self._picture, self._reporter = picture, reporter
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._is_shown = False

    def __enter__(self) -> Viewer:
        if not has_display():
            self._tell_failure("this session has no display")
            return self
        command = [sys.executable, "-I", str(Path(window.__file__)), str(self._picture)]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=subprocess.DEVNULL, text=True)
        except OSError as error:
            self._tell_failure(str(error))
            return self
        threading.Thread(target=self._listen, args=(self._process,), name="preview window", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        with suppress(OSError):  # its pipe may be broken already
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def keys(self) -> set[Key]:
        """What was pressed since last time."""
        pressed: set[Key] = set()
        while not self._said.empty():
            word = self._said.get_nowait()
            self._is_shown = self._is_shown or word == "ready"
            if word in _KEYS:
                pressed.add(word)
            elif word == "ended" and not self._is_shown:
                self._tell_failure("it could not be opened")
        return pressed

    def _listen(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._said.put(line.strip())
        self._said.put("ended")

    def _tell_failure(self, why: str) -> None:
        self._reporter.warning(f"There is no preview window: {why}", f"{self._picture} shows the same")


def has_display() -> bool:
    """Whether windows can be expected to open: on Linux somebody has to have said where."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
