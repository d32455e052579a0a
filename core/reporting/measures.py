"""What is measured of a swapped face: how far it is from the performer, from its neighbours in time, from its place.

All three are numbers of which more is worse:

    identity      distance of its vector (dlib's network) to the mean vector of B's faces; dlib calls two faces one
                  person's below 0.6
    flicker       how much its colours jump, in CIELAB units (2.3 is just noticeable): the swap's difference from the
                  source, by fields of a grid over the face, against the median of the same in the four nearest frames.
                  What the source itself does (a lamp that is switched on) leaves it alone
    misalignment  mean distance of the landmarks found again on the result from the stored ones, brows to mouth, as a
                  share of the distance of the outer corners of the eyes
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from ..extraction.maskers.landmark import draw
from ..faces.crop import crop
from ..faces.geometry import Alignment
from ..faces.nouns import Face

MEASURES = ("identity", "flicker", "misalignment")
LABELS = {"identity": "Likeness", "flicker": "Flicker", "misalignment": "Fit"}
_SIDE, _GRID = 64, 4  # pixels of the crop whose colours are compared, fields along each of its sides
_COVERAGE = 0.8
_NEIGHBOURS, _REACH = 4, 4  # how many frames a face is compared with, the nearest, and how far away they may be
_LOST = 2  # frames after which a face that was not seen is another one
_LEAST_MASK = 0.05  # share of a field that the face must cover for the field to count
_OUTER_EYES = (36, 45)
_INNER = slice(17, 68)  # brows to mouth: the jaw's outline is the aligner's guess


@dataclass(eq=False)
class Measured:
    """A face of a frame and its figures; None: could not be measured.

    Attributes:
        track: which faces of other frames are the same one's.
        offset: float32 [fields, 3], how the swap's colours differ from the source's, CIELAB.
        weight: float32 [fields], how much of each field is face.
    """

    frame: int
    name: str
    face: str
    position: int
    person: int | None
    track: int
    offset: np.ndarray
    weight: np.ndarray
    identity: float | None = None
    flicker: float | None = None
    misalignment: float | None = None


def colours(pixels: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
    """Mean CIELAB colours of a face's fields and how much of each is face: float32 [16, 3], [16].

    Raises:
        ValueError: landmarks that cannot be a face.
    """
    aligned = crop(pixels, Alignment(face.landmarks), _SIDE, "face", _COVERAGE)
    mask = draw(aligned.landmarks, _SIDE, "extended").astype(np.float32) / 255.0
    lab = cv2.cvtColor(aligned.pixels.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    weight = _fields(mask[..., None])[:, 0]
    return _fields(lab * mask[..., None]) / np.maximum(weight, 1e-6)[:, None], weight


def _fields(values: np.ndarray) -> np.ndarray:
    """The mean of each field of a grid: [S, S, C] -> [fields, C]."""
    side = _SIDE // _GRID
    blocks = values.reshape(_GRID, side, _GRID, side, -1)
    return blocks.mean(axis=(1, 3)).reshape(_GRID * _GRID, -1)


def misalignment(found: np.ndarray, stored: np.ndarray) -> float | None:
    """See the module's docstring; None where the eyes lie on one spot."""
    outer, inner = (np.asarray(stored[point], np.float64) for point in _OUTER_EYES)
    eyes = float(np.linalg.norm(inner - outer))
    if eyes < 1.0:
        return None
    away = np.linalg.norm(np.asarray(found, np.float64)[_INNER] - np.asarray(stored, np.float64)[_INNER], axis=1)
    return float(away.mean() / eyes)


def set_flicker(measured: Iterable[Measured]) -> None:
    """Fill in `flicker`, comparing each face with the same one's in the frames around it."""
    tracks: dict[int, list[Measured]] = {}
    for one in measured:
        tracks.setdefault(one.track, []).append(one)
    for track in tracks.values():
        track.sort(key=lambda one: one.frame)
        for place, one in enumerate(track):
            near = [other for other in track[max(0, place - _REACH):place + _REACH + 1]
                    if other is not one and abs(other.frame - one.frame) <= _REACH]
            near.sort(key=lambda other, frame=one.frame: abs(other.frame - frame))  # type: ignore[misc]
            one.flicker = _jump(one, near[:_NEIGHBOURS])


def _jump(one: Measured, around: Sequence[Measured]) -> float | None:
    if not around:
        return None
    usual = np.median([other.offset for other in around], axis=0)
    weight = np.where(one.weight > _LEAST_MASK, one.weight, 0.0)
    if not weight.sum():
        return None
    squares = ((one.offset - usual) ** 2).sum(axis=1)
    return float(np.sqrt((squares * weight).sum() / weight.sum()))


@dataclass
class Tracker:
    """Tells which faces of successive frames are the same one's, by person, or by where they are."""

    _last: dict[int, tuple[int, Face]] = field(default_factory=dict)
    _count: int = 0

    def follow(self, frame: int, faces: Sequence[Face]) -> list[int]:
        """The number of the track of each face."""
        free = {track: face for track, (seen, face) in self._last.items() if frame - seen <= _LOST}
        found = []
        for face in faces:
            near = [(_distance(face, other), track) for track, other in free.items() if _may_be(face, other)]
            if near:
                track = min(near)[1]
                del free[track]
            else:
                track, self._count = self._count, self._count + 1
            self._last[track] = frame, face
            found.append(track)
        return found


def _distance(a: Face, b: Face) -> float:
    """Between the middles of two faces, as a share of the larger one's width."""
    ends = [np.array([face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2]) for face in (a, b)]
    return float(np.linalg.norm(ends[0] - ends[1]) / max(a.box[2], b.box[2], 1.0))


def _may_be(a: Face, b: Face) -> bool:
    if a.person is not None and b.person is not None:
        return a.person == b.person
    return _distance(a, b) < 0.6
