"""Following faces through a shot: the same face from frame to frame, across short gaps (stdlib + numpy; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .matching import overlap
from .nouns import Box

GAP = 12  # frames that were looked at through which a face may be missing and still be followed
LEAST_OVERLAP = 0.25  # of a face's box with where it was seen last
_RECENT = 0.5  # weight of the newest vector in what a track looks like just now


@dataclass(frozen=True, eq=False)
class Sighting:
    """One face as far as following it goes.

    Attributes:
        place: which of the frames that were looked at, counted from 0.
        box: (x, y, w, h) in frame pixels.
        vector: its identity, float32 [D] of length 1; None where there is none.
    """

    place: int
    box: Box
    vector: np.ndarray | None


@dataclass(eq=False)
class _Open:
    members: list[int]
    place: int
    box: Box
    vector: np.ndarray | None

    def likeness(self, sighting: Sighting, cut: float) -> float:
        """How well a sighting goes on with this track, 0: not at all.

        A cut may put somebody else in the same place, so that vectors less alike than `cut` (a cosine) end a track.
        """
        common = overlap(self.box, sighting.box)
        if common < LEAST_OVERLAP:
            return 0.0
        if self.vector is None or sighting.vector is None:
            return common
        alike = float(self.vector @ sighting.vector) / float(np.linalg.norm(self.vector))
        return common + alike if alike >= cut else 0.0

    def add(self, index: int, sighting: Sighting) -> None:
        self.members.append(index)
        self.place, self.box = sighting.place, sighting.box
        if sighting.vector is not None:
            old = sighting.vector if self.vector is None else self.vector
            self.vector = (1 - _RECENT) * old + _RECENT * sighting.vector


def follow(sightings: list[Sighting], cut: float) -> list[list[int]]:
    """Group sightings into tracks: the same face, seen without a longer gap, a jump or a cut.

    Args:
        sightings: ascending by place.
        cut: least cosine between a track's recent vectors and the next one.

    Returns:
        indices into `sightings`, ascending, per track; tracks in order of their beginnings.
    """
    tracks: list[_Open] = []
    running: list[_Open] = []
    start = 0
    while start < len(sightings):
        end = start
        while end < len(sightings) and sightings[end].place == sightings[start].place:
            end += 1
        running = [track for track in running if sightings[start].place - track.place <= GAP]
        new = _continue(running, sightings, range(start, end), cut)
        running += new
        tracks += new
        start = end
    return [track.members for track in tracks]


def _continue(running: list[_Open], sightings: list[Sighting], frame: range, cut: float) -> list[_Open]:
    """Give each running track its best sighting of a frame; returns new tracks for the rest."""
    pairs = sorted(((track.likeness(sightings[i], cut), t, i) for t, track in enumerate(running) for i in frame),
                   key=lambda pair: (-pair[0], pair[1], pair[2]))
    taken_tracks: set[int] = set()
    taken: set[int] = set()
    for likeness, t, i in pairs:
        if likeness <= 0:
            break
        if t not in taken_tracks and i not in taken:
            running[t].add(i, sightings[i])
            taken_tracks.add(t)
            taken.add(i)
    return [_Open([i], sightings[i].place, sightings[i].box, sightings[i].vector) for i in frame if i not in taken]
