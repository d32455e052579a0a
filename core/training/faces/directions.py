"""In which directions the faces of A look, and which of them B hardly ever does: there the model can only guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

NEAR = 10.0  # degrees within which two faces look in the same direction
_LEAST, _SHARE = 3, 1 / 500  # faces of B, and part of them, that have to look somewhere for the model to learn it
_YAW, _FAR_YAW, _PITCH = 15.0, 40.0, 12.0  # degrees from which a direction has another name
_SPOKEN = 3  # directions named in a sentence
_WORTH_SAYING = 0.01  # part of the faces of A, below which nobody would see what lacks


@dataclass(frozen=True)
class Gap:
    """A direction that A shows and B lacks.

    Attributes:
        words: such as "looking up and to the left"; left and right are the picture's.
        faces_a: how many of A look there where B hardly ever does.
        faces_b: how many of B look near them.
    """

    words: str
    faces_a: int
    faces_b: int

    def __str__(self) -> str:
        of_a = "1 face" if self.faces_a == 1 else f"{self.faces_a:,} faces"
        if not self.faces_b:
            return f"{self.words}: {of_a} of A, none of B"
        return f"{self.words}: {of_a} of A, {self.faces_b:,} of B"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What B has of A's directions.

    Attributes:
        lacking: bool [N], the faces of A that look where B hardly ever does.
        gaps: where that is, the most faces first.
    """

    lacking: np.ndarray
    gaps: Sequence[Gap]

    @property
    def share(self) -> float:
        """Part of A's faces that look where B hardly ever does."""
        return float(self.lacking.mean()) if len(self.lacking) else 0.0

    @property
    def sentence(self) -> str:
        """What is to be said before a training; "" where hardly anything lacks."""
        if self.share < _WORTH_SAYING:
            return ""
        named = "; ".join(map(str, self.gaps[:_SPOKEN])) + ("; …" if len(self.gaps) > _SPOKEN else "")
        return f"{max(round(self.share * 100), 1)} % of the faces of A look where B hardly ever does ({named})"


def compare(a: np.ndarray, b: np.ndarray, *, flip: bool) -> Comparison:
    """Find what A shows and B lacks.

    A direction counts as shown where 3 faces of B, or one in 500 if that is more, look within 10 degrees of it.

    Args:
        a, b: float [N, 2] and [M, 2], yaw and pitch in degrees.
        flip: what B shows in a mirror counts as well, as a training that mirrors half of the faces learns it.
    """
    shown = mirrored(b) if flip else b
    needed = max(_LEAST, round(len(b) * _SHARE))
    if len(shown) < needed:
        lacking = np.ones(len(a), bool)
    else:
        distance, _ = cKDTree(shown).query(a, k=[needed], distance_upper_bound=NEAR)
        lacking = np.isinf(distance[:, 0])
    return Comparison(lacking, _gaps(a[lacking], shown))


def mirrored(angles: np.ndarray) -> np.ndarray:
    """The faces and their mirror images, [2 N, 2]."""
    return np.concatenate((angles, angles * (-1, 1)))


def words(yaw: float, pitch: float) -> str:
    """A direction as a person would say it."""
    up_or_down = "up" if pitch >= _PITCH else "down" if pitch <= -_PITCH else ""
    side = f"to the {'right' if yaw > 0 else 'left'}" if abs(yaw) >= _YAW else ""
    side = f"far {side}" if abs(yaw) >= _FAR_YAW else side
    return "looking " + (" and ".join(part for part in (up_or_down, side) if part) or "straight ahead")


def _gaps(lacking: np.ndarray, shown: np.ndarray) -> list[Gap]:
    names = np.array([words(yaw, pitch) for yaw, pitch in lacking])
    gaps = []
    for name in dict.fromkeys(names):
        there = lacking[names == name]
        near = 0
        if len(shown):
            distance, _ = cKDTree(there).query(shown, distance_upper_bound=NEAR)
            near = int(np.isfinite(distance).sum())
        gaps.append(Gap(str(name), len(there), near))
    return sorted(gaps, key=lambda gap: -gap.faces_a)
