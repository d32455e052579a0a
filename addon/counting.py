"""Lets the core count the frames of films before anything needs their number, since Blender cannot tell it (no bpy)."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from ..core.errors import UnderstudyError
from ..core.folders import user_logs
from ..core.jobs.service_client import Service
from ..core.media.index import cached_index, file_fingerprint
from . import environment

COUNTING = "counting"


def is_counted(path: Path | str) -> bool:
    """Whether a film's index is in the cache; image folders need none.

    Raises:
        OSError: if the file cannot be read.
    """
    return os.path.isdir(path) or cached_index(path, file_fingerprint(path)) is not None


def count(paths: Iterable[Path | str], python: Path) -> dict[str, str]:
    """Count these films now, which takes seconds for long ones; path -> "" or the sentence that says why not."""
    service = Service(python, user_logs() / "service.log", environment.install_core_copy())
    told = {}
    try:
        for path in paths:
            try:
                service.ask("probe", path=str(path)).wait()
                told[str(path)] = ""
            except UnderstudyError as error:
                told[str(path)] = str(error)
    finally:
        service.close(patience=1.0)
    return told


class Counter:
    """What is known of each source, counted by a thread. `look` returns at once."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[tuple[int, int], str]] = {}
        self._thread: threading.Thread | None = None

    def look(self, paths: Iterable[str], python: Path | None) -> dict[str, str]:
        """path -> "" (counted), `COUNTING`, or why it cannot be.

        Args:
            python: the core's Python; None while it is not ready.
        """
        answers, missing = {}, []
        for path in paths:
            try:
                stat = os.stat(path)
                stamp = (stat.st_mtime_ns, stat.st_size)
                if path not in self._told or self._told[path][0] != stamp:
                    self._told[path] = stamp, "" if is_counted(path) else COUNTING
            except OSError:
                answers[path] = f"The file is missing: {path}; put it back, or choose the strip's file again"
                continue
            answers[path] = self._told[path][1]
            if answers[path] == COUNTING:
                missing.append(path)
        if missing and python is not None and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._count, args=(missing, python), name="count", daemon=True)
            self._thread.start()
        return answers

    def _count(self, paths: list[str], python: Path) -> None:
        try:
            told = count(paths, python)
        except (UnderstudyError, OSError) as error:
            told = dict.fromkeys(paths, environment.explain(error))
        for path, sentence in told.items():
            self._told[path] = self._told[path][0], sentence
