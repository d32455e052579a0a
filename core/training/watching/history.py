"""Every iteration's losses on disk, four bytes a figure, read back as arrays in milliseconds.

    <model>/history/0001.bin    of session 1: one line of JSON (`_Header`), then float32 records, little-endian

A training of a million iterations that keeps two losses and the time of each step leaves 12 MB. A torn last record (a
killed process, a full disk) is left out when the file is read and cut off when the training goes on.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ...errors import ModelError, writing
from ...models.state import HISTORY_NAME

SECONDS = "seconds"  # the last column: how long the iteration took
_FORMAT = 1
_VALUE = np.dtype("<f4")
_LONGEST_HEADER = 65536


@dataclass(frozen=True)
class _Header:
    """The first line.

    Attributes:
        session: its number, from 1.
        first: iterations that the model had before.
        batch_size: faces of each side per iteration.
        columns: what each record holds.
    """

    session: int
    first: int
    batch_size: int
    columns: tuple[str, ...]
    format: int = _FORMAT


@dataclass(frozen=True, eq=False)
class History:
    """One session, iteration by iteration.

    Attributes:
        session, first, batch_size: as in `_Header`.
        columns: names of the losses, such as "loss_a", and `SECONDS`.
        values: float32 [iterations, columns]; NaN where a figure was not there.
    """

    session: int
    first: int
    batch_size: int
    columns: tuple[str, ...]
    values: np.ndarray

    @property
    def last(self) -> int:
        """The iteration that the session came to."""
        return self.first + len(self.values)

    @property
    def losses(self) -> tuple[str, ...]:
        return tuple(name for name in self.columns if name != SECONDS)

    def column(self, name: str) -> np.ndarray:
        """float32 [iterations]; all NaN where the session has no such column."""
        if name not in self.columns:
            return np.full(len(self.values), np.nan, np.float32)
        return self.values[:, self.columns.index(name)]

    @property
    def rate(self) -> np.ndarray:
        """EG/s of each iteration: faces of both sides per second, float32 [iterations]."""
        return 2 * self.batch_size / np.maximum(self.column(SECONDS), 1e-9)


class HistoryWriter:
    """Appends to one session's file; the columns are those of the first record.

    Args:
        model_dir: the model folder; exists.
        session, first, batch_size: as in `_Header`. A file of the same session is replaced: no save counted it.
    """

    def __init__(self, model_dir: Path, session: int, first: int, batch_size: int) -> None:
        self._path = path_of(model_dir, session)
        self._given = (session, first, batch_size)
        self._columns: tuple[str, ...] = ()
        self._waiting: list[list[float]] = []
        with writing(self._path):
            self._path.parent.mkdir(exist_ok=True)
            self._path.unlink(missing_ok=True)
        self._file: BinaryIO | None = None

    def add(self, losses: Mapping[str, float], seconds: float) -> None:
        """Note one iteration; a figure that the first one did not have is left out."""
        self._columns = self._columns or (*losses, SECONDS)
        self._waiting.append([*(losses.get(name, np.nan) for name in self._columns[:-1]), seconds])

    def flush(self) -> None:
        """Write what is gathered.

        Raises:
            OutputError: for a full disk or a place that cannot be written.
        """
        if not self._waiting:
            return
        with writing(self._path):
            if self._file is None:
                self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115 - closed in close()
                header = asdict(_Header(*self._given, self._columns))
                self._file.write(json.dumps(header).encode() + b"\n")
            self._append(np.array(self._waiting, _VALUE).tobytes())
        self._waiting = []

    def _append(self, records: bytes) -> None:
        """All of them or none: what came after half a record would mean nothing."""
        assert self._file is not None
        whole = os.fstat(self._file.fileno()).st_size
        try:
            if self._file.write(records) < len(records):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self._file.truncate(whole)
            raise

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def path_of(model_dir: Path, session: int) -> Path:
    """Where the file of a session is."""
    return model_dir / HISTORY_NAME / f"{session:04}.bin"


def read(model_dir: Path | str, recent: int = 0) -> list[History]:
    """The sessions of a model, oldest first; [] for a model that has none.

    Args:
        recent: read no more than so many iterations of each session's end; 0: all.

    Raises:
        ModelError: a file is damaged or of a newer Understudy.
    """
    files = sorted(Path(model_dir).joinpath(HISTORY_NAME).glob("*.bin"))
    return [found for found in (_read(path, recent) for path in files) if found is not None]


def _read(path: Path, recent: int) -> History | None:
    """None for a file in which nothing stands yet."""
    try:
        with open(path, "rb") as file:
            header, start = _read_header(file, path)
            if header is None:
                return None
            width = len(header.columns)
            count = max(0, os.fstat(file.fileno()).st_size - start) // (width * _VALUE.itemsize)
            skipped = max(0, count - recent) if recent else 0
            file.seek(start + skipped * width * _VALUE.itemsize)
            data = file.read((count - skipped) * width * _VALUE.itemsize)
    except OSError as error:
        raise ModelError(f"Cannot read {path} ({error.strerror})", "Check the permissions of the folder") from None
    values = np.frombuffer(data, _VALUE).reshape(-1, width)
    return History(header.session, header.first + skipped, header.batch_size, header.columns, values)


def _read_header(file: BinaryIO, path: Path) -> tuple[_Header | None, int]:
    """The header and where the records begin; (None, 0) while it is not whole."""
    line = file.readline(_LONGEST_HEADER)
    if not line.endswith(b"\n") and len(line) < _LONGEST_HEADER:
        return None, 0
    damaged = ModelError(f"The training's history {path} is damaged", "Delete it; only graphs need it")
    try:
        data: dict[str, Any] = json.loads(line)
        if data["format"] > _FORMAT:
            raise ModelError(f"{path} was written by a newer Understudy", "Update Understudy")
        columns = tuple(str(name) for name in data["columns"])
        header = _Header(int(data["session"]), int(data["first"]), int(data["batch_size"]), columns)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise damaged from None
    if not columns or min(header.first, header.batch_size) < 0:
        raise damaged
    return header, len(line)


def trim(model_dir: Path, sessions: Sequence[Mapping[str, Any]]) -> None:
    """Cut off what came after the last save: the model does not know of it and trains it again.

    Args:
        sessions: those of the model's state, oldest first, each with its `iterations`.
    """
    for path in sorted(model_dir.joinpath(HISTORY_NAME).glob("*.bin")):
        with writing(path):
            number = int(path.stem) if path.stem.isdecimal() else 0
            if not 1 <= number <= len(sessions):
                path.unlink()
                continue
            with open(path, "r+b") as file, suppress(ModelError):
                header, start = _read_header(file, path)
                if header is not None:
                    size = start + int(sessions[number - 1]["iterations"]) * len(header.columns) * _VALUE.itemsize
                    if os.fstat(file.fileno()).st_size > size:
                        file.truncate(size)


def recent_losses(model_dir: Path, count: int = 100) -> dict[str, float]:
    """Mean of each loss over the latest `count` iterations; {} where there is no history."""
    sessions = read(model_dir, count)
    if not sessions or not len(sessions[-1].values):
        return {}
    last = sessions[-1]
    return {name: float(np.nanmean(last.column(name)[-count:].astype(float))) for name in last.losses}
