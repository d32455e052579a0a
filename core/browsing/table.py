"""Every face of a store as columns, with what can be said of each by its landmarks alone (numpy)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import numpy as np

from ..errors import UsageError
from ..faces.geometry import MEAN_FACE, PADDING, average_distances
from ..faces.nouns import STATES
from ..faces.store import AlignmentsStore

FILTERS = ("all", "no-face", "several", "misaligned", "small", "blurred", "edited", "removed")
ORDERS = ("frame", "person", "likeness", "misaligned", "small", "blurred")
EVERYBODY, NOBODY = -1, -2
_INNER = 17  # the mean face has no jaw


@dataclass(frozen=True)
class Limits:
    """From where on a face is called so.

    Attributes:
        misaligned: mean distance of its landmarks from the mean face (`Alignment.average_distance`) above this.
        small: fewer frame pixels along the side of its face-centred crop (`Alignment.source_size`).
        blurred: less sharp than this share of the clip's median sharpness.
    """

    misaligned: float = 0.12
    small: float = 96.0
    blurred: float = 0.3


@dataclass(eq=False)
class Table:
    """Columns of equal length N, by frame and position, removed faces included.

    Attributes:
        uuids: who each is.
        frames, positions: int64.
        persons: int64; `NOBODY` where it is nobody's.
        states: int8, an index into `nouns.STATES`.
        distances: float32, mean distance from the mean face; inf for landmarks that no face can have.
        sizes: float32, frame pixels along the side of the face-centred crop; 0 for such landmarks.
        keys: uint32, change with the landmarks.
        sharpness: float32; NaN where it was not measured yet.
        names: person -> name.
        seen: frames that were looked at, ascending.
        source: the clip's name, for messages.
        revision: of the store.
    """

    uuids: list[str]
    frames: np.ndarray
    positions: np.ndarray
    persons: np.ndarray
    states: np.ndarray
    distances: np.ndarray
    sizes: np.ndarray
    keys: np.ndarray
    sharpness: np.ndarray
    names: dict[int, str] = field(default_factory=dict)
    seen: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    source: str = ""
    revision: int = 0

    def __len__(self) -> int:
        return len(self.uuids)

    @property
    def present(self) -> np.ndarray:
        """bool [N]: not removed."""
        return self.states != STATES.index("removed")

    def empty_frames(self) -> np.ndarray:
        """Frames that were looked at and have no face, ascending."""
        return np.setdiff1d(self.seen, self.frames[self.present])

    def masks(self, limits: Limits) -> dict[str, np.ndarray]:
        """Which faces each filter lets through: name -> bool [N]; "no-face" is about frames and not among them."""
        there = self.present
        _, back, counts = np.unique(np.where(there, self.frames, -1), return_inverse=True, return_counts=True)
        touched = np.isin(self.states, [STATES.index("edited"), STATES.index("added")])
        return {"all": there, "several": there & (counts[back] > 1), "edited": touched, "removed": ~there,
                "misaligned": there & (self.distances > limits.misaligned),
                "small": there & (self.sizes < limits.small),
                "blurred": there & (self.sharpness < limits.blurred * self.usual_sharpness())}

    def usual_sharpness(self) -> float:
        """The median of the faces that were measured; 0 without any."""
        known = self.sharpness[self.present & np.isfinite(self.sharpness)]
        return float(np.median(known)) if len(known) else 0.0

    def chosen(self, what: str, person: int, order: str, limits: Limits,
               likeness: Callable[[], np.ndarray]) -> np.ndarray:
        """Rows of the faces that a filter lets through, in order.

        Args:
            what: one of `FILTERS` but "no-face".
            person: an id, `EVERYBODY` or `NOBODY`.
            order: one of `ORDERS`; those about a flaw have the worst first.
            likeness: gives float32 [N], how like each face is to the rest of its person; asked for that order only.

        Raises:
            UsageError: for an unknown filter or order.
        """
        if what not in FILTERS or order not in ORDERS:
            raise UsageError(f"There is no filter {what!r} or no order {order!r}", "Update the extension")
        mask = self.masks(limits)[what]
        if person != EVERYBODY:
            mask = mask & (self.persons == person)
        rows = np.flatnonzero(mask)
        if order == "frame":
            return rows  # the table has it already
        keys = {"person": lambda: self.persons, "misaligned": lambda: -self.distances, "small": lambda: self.sizes,
                "blurred": lambda: self.sharpness, "likeness": likeness}[order]()
        return rows[np.argsort(keys[rows], kind="stable")]


def read_table(path: Path) -> Table:
    """A store's faces.

    Raises:
        AlignmentsError: the store is missing, damaged or of another version.
    """
    with AlignmentsStore.readonly(path) as store:
        rows = store.table()
        points = np.frombuffer(b"".join(row[4] for row in rows), "<f4").reshape(len(rows), 68, 2)
        distances = np.nan_to_num(average_distances(points), nan=np.inf).astype(np.float32)
        return Table([row[0] for row in rows], np.array([row[1] for row in rows], np.int64),
                     np.array([row[2] for row in rows], np.int64),
                     np.array([NOBODY if row[3] is None else row[3] for row in rows], np.int64),
                     np.array([STATES.index(row[5]) for row in rows], np.int8), distances, source_sizes(points),
                     np.array([crc32(row[4]) for row in rows], np.uint32), np.full(len(rows), np.nan, np.float32),
                     store.people(), np.array(sorted(store.frames_seen()), np.int64), store.source.name,
                     store.revision)


def source_sizes(points: np.ndarray) -> np.ndarray:
    """`Alignment.source_size` of many faces at once.

    Args:
        points: float32 [N, 68, 2], frame pixels.

    Returns:
        float32 [N], pixels; 0 for a face whose points all coincide.
    """
    inner = points[:, _INNER:].astype(np.float64)
    here, mean = inner[..., 0] + 1j * inner[..., 1], MEAN_FACE[:, 0] + 1j * MEAN_FACE[:, 1]
    here = here - here.mean(axis=1, keepdims=True)
    scale = np.abs((np.conj(here) * (mean - mean.mean())).sum(axis=1))  # of frame to unit box, times what follows
    spread = (np.abs(here) ** 2).sum(axis=1)
    usable = scale > 1e-12
    return np.where(usable, spread / (np.where(usable, scale, 1) * (1 - PADDING["face"])), 0).astype(np.float32)


def stamp_of(path: Path) -> tuple[tuple[int, int], ...]:
    """Changes whenever the store does; a commit may go to the file beside it first."""
    found = []
    for one in (path, path.with_name(path.name + "-wal")):
        try:
            stat = os.stat(one)
            found.append((stat.st_mtime_ns, stat.st_size))
        except OSError:
            found.append((-1, -1))
    return tuple(found)
