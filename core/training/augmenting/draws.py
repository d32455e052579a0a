"""The random numbers that augmentation needs, the same wherever and with whatever else a face is augmented.

A face's numbers follow from the seed, the iteration, its side and its place in the whole batch: several processes that
make parts of a batch draw together what one process draws alone, and a larger batch begins like a smaller one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_STREAM = 2  # beside those of the shuffles (0 and 1, the sides), the preview (3) and the augmentation sheet (4)
_UNIFORM = 11  # columns of uniform numbers per face
_NORMAL = 50 + 3 + 136


@dataclass(frozen=True, eq=False)
class Draws:
    """Independent random numbers for n faces; float64, uniform ones in [0, 1), normal ones with mean 0 and spread 1.

    Attributes:
        colors: uniform [n, 3], for L, a and b.
        clahe: uniform [n, 2]: whether, and how large the grid.
        turn, zoom, mirror, partner: uniform [n].
        shift: uniform [n, 2], x and y.
        bends: normal [n, 2, 5, 5], x and y of the warp's grid points.
        light: normal [n, 3]: gamma, slope along x and along y.
        nudges: normal [n, 68, 2], for the landmarks that a face is warped to.
    """

    colors: np.ndarray
    clahe: np.ndarray
    turn: np.ndarray
    zoom: np.ndarray
    mirror: np.ndarray
    partner: np.ndarray
    shift: np.ndarray
    bends: np.ndarray
    light: np.ndarray
    nudges: np.ndarray

    def __len__(self) -> int:
        return len(self.turn)

    def faces(self, which: slice) -> Draws:
        """Those of some of the faces."""
        return Draws(*(numbers[which] for numbers in vars(self).values()))


def draw(seed: int, iteration: int, side: int, places: range) -> Draws:
    """The numbers of the faces at `places` (consecutive, counted from 0) of a side's part of the whole batch.

    Args:
        side: 0 for A, 1 for B.
    """
    # Rows are filled one after the other, so a row does not depend on how many follow.
    uniform = np.random.default_rng([seed, _STREAM, iteration, side, 0]).random((places.stop, _UNIFORM))
    normal = np.random.default_rng([seed, _STREAM, iteration, side, 1]).standard_normal((places.stop, _NORMAL))
    u, n = uniform[places.start:], normal[places.start:]
    return Draws(u[:, :3], u[:, 3:5], u[:, 5], u[:, 6], u[:, 7], u[:, 8], u[:, 9:11],
                 n[:, :50].reshape(-1, 2, 5, 5), n[:, 50:53], n[:, 53:].reshape(-1, 68, 2))


def joined(first: Draws, second: Draws) -> Draws:
    """The numbers of both, one after the other."""
    return Draws(*(np.concatenate(pair) for pair in zip(vars(first).values(), vars(second).values(), strict=True)))
