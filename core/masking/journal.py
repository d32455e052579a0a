"""How far a job came that cannot be told from its results; a file beside them, gone once the job is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..media.images import write_file
from .subject import Entry


class Journal:
    """Faces are done in the order of (frame, position, name); the journal notes the last one.

    Args:
        path: where it is kept.
        job: what was asked for; a journal of anything else is ignored and written over.

    Attributes:
        resumed: an earlier run of the same job left off here.
    """

    def __init__(self, path: Path, job: Mapping[str, Any]) -> None:
        self._path = path
        self._job = hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()
        self._last: tuple[int, int, str] | None = None
        with suppress(OSError, ValueError, KeyError, TypeError):
            noted = json.loads(path.read_text(encoding="utf-8"))
            if noted["job"] == self._job:
                frame, position, name = noted["last"]
                self._last = (int(frame), int(position), str(name))
        self.resumed = self._last is not None

    def is_done(self, entry: Entry) -> bool:
        return self._last is not None and _place(entry) <= self._last

    def note(self, entry: Entry) -> None:
        """Note that everything up to `entry` is stored."""
        self._last = _place(entry)
        with suppress(OutputError):  # without it, more is made again: no reason to fail
            write_file(self._path, json.dumps({"job": self._job, "last": self._last}).encode())

    def finish(self) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _place(entry: Entry) -> tuple[int, int, str]:
    return (entry.frame, entry.position, entry.name)
