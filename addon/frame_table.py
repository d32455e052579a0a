"""Which frames of a clip have faces, several, none, misplaced landmarks, or a person's edits (no bpy).

Made in the keeper's thread from the whole store; what is asked of it afterwards is arithmetic over a few arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..core.errors import UnderstudyError
from ..core.faces.geometry import average_distances
from ..core.faces.store import AlignmentsStore

KINDS = ("ANY", "FACES", "NONE", "SEVERAL", "MISALIGNED", "EDITED")
_EMPTY = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class FrameTable:
    """What each frame of a clip holds.

    Attributes:
        store: the alignments that it was made from.
        seen: int64, ascending: frames that were looked at.
        frames: int64, ascending: those with faces.
        counts: int64, how many faces each of `frames` has.
        distances: float64, of each of `frames` the greatest `Alignment.average_distance`.
        edited: int64, ascending: frames with faces that a person edited, added or removed.
    """

    store: Path
    seen: np.ndarray = field(default_factory=_EMPTY.copy)
    frames: np.ndarray = field(default_factory=_EMPTY.copy)
    counts: np.ndarray = field(default_factory=_EMPTY.copy)
    distances: np.ndarray = field(default_factory=lambda: np.zeros(0))
    edited: np.ndarray = field(default_factory=_EMPTY.copy)

    def of_kind(self, kind: str, threshold: float) -> np.ndarray | None:
        """The clip's frames of a kind, int64 ascending; None for "ANY": every frame, also those never looked at.

        Args:
            threshold: of "MISALIGNED": a frame counts from the first face that is further from the mean face.
        """
        if kind == "ANY":
            return None
        if kind == "FACES":
            return self.frames
        if kind == "NONE":
            return np.setdiff1d(self.seen, self.frames, assume_unique=True)
        if kind == "SEVERAL":
            return self.frames[self.counts > 1]
        if kind == "MISALIGNED":
            return self.frames[self.distances > threshold]
        if kind == "EDITED":
            return self.edited
        raise ValueError(f"no such kind of frames: {kind}")


def read_table(path: Path) -> FrameTable:
    """The table of a store; an empty one where there is none, or while it cannot be read."""
    try:
        with AlignmentsStore.readonly(path) as store:
            return _read(store)
    except UnderstudyError:
        return FrameTable(path)


def _read(store: AlignmentsStore) -> FrameTable:
    counts, seen, edited = store.counts(), store.frames_seen(), store.frames_edited()
    frames = np.fromiter(counts, np.int64, len(counts))
    worst = np.zeros(len(frames))
    for where, landmarks in store.all_landmarks():
        at = np.searchsorted(frames, where)
        known = at < len(frames)  # faces come and go between two queries while somebody writes
        known[known] = frames[at[known]] == where[known]
        np.fmax.at(worst, at[known], average_distances(landmarks[known]))
    return FrameTable(store.path, np.sort(np.fromiter(seen, np.int64, len(seen))), frames,
                      np.fromiter(counts.values(), np.int64, len(counts)), worst, np.array(edited, np.int64))
