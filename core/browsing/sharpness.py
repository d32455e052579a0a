"""How sharp the faces of a clip are, by their thumbnails: measured some at a time, and remembered between sessions."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np

from ..faces.store import AlignmentsStore
from ..folders import user_cache
from .table import Table

_AT_ONCE = 100  # thumbnails between two looks at the clock
_INNER = 20  # pixels of a thumbnail on each side that are hair, ears and background rather than face


def sharpness(jpeg: bytes) -> float:
    """Variance of the Laplacian (J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR
    2000) over the brightness of the face's middle, so that a dark face is not a blurred one; 0 for no picture.
    """
    grey = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None or min(grey.shape) <= 2 * _INNER:
        return 0.0
    middle = grey[_INNER:-_INNER, _INNER:-_INNER].astype(np.float32)
    return float(cv2.Laplacian(middle, cv2.CV_32F).var() / (middle.mean() + 1) ** 2)


class Memory:
    """What was measured, by face and landmarks; kept in the user's cache, one file per store."""

    def __init__(self, store: Path) -> None:
        place = f"{store.stem}-{crc32(str(store).encode()):08x}.npz"
        self._file = user_cache() / "sharpness" / place
        self._known: dict[tuple[str, int], float] = {}
        with suppress(OSError, ValueError, KeyError, EOFError), np.load(self._file, allow_pickle=False) as data:
            self._known = dict(zip(zip(data["uuids"].tolist(), data["keys"].tolist(), strict=True),
                                   data["values"].tolist(), strict=True))

    def fill(self, table: Table) -> int:
        """Write what is known into the table; returns how many present faces were never measured."""
        for row, key in enumerate(zip(table.uuids, table.keys.tolist(), strict=True)):
            table.sharpness[row] = self._known.get(key, np.nan)
        return int((np.isnan(table.sharpness) & table.present).sum())

    def measure(self, table: Table, store: AlignmentsStore, seconds: float) -> int:
        """Measure for about so long; returns how many are left. What is new is saved when all are done."""
        todo = np.flatnonzero(np.isnan(table.sharpness) & table.present)
        end = time.monotonic() + seconds
        for start in range(0, len(todo), _AT_ONCE):
            rows = todo[start:start + _AT_ONCE]
            pictures = store.thumbnails([table.uuids[row] for row in rows])
            for row in rows:
                value = sharpness(pictures.get(table.uuids[row], b"\0"))
                table.sharpness[row] = self._known[table.uuids[row], int(table.keys[row])] = value
            if time.monotonic() > end and start + _AT_ONCE < len(todo):
                return len(todo) - start - _AT_ONCE
        if len(todo):
            self._save(table)
        return 0

    def _save(self, table: Table) -> None:
        """A cache that cannot be written is no failure: all is measured again next time."""
        beside = self._file.with_name(f".{os.getpid()}-{self._file.name}")
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with open(beside, "wb") as file:
                np.savez(file, uuids=np.array(table.uuids, "U32"), keys=table.keys, values=table.sharpness)
            os.replace(beside, self._file)

