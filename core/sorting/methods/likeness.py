"""Faces beside those that are like them, by landmarks or by colours; or those least like any others first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
import torch
from torch import Tensor

from ..pictures import Picture
from ..protocols import Group, Tools
from ..seriation import chain, leaders

_ROWS = 512  # of distances held at a time
_SIZE = 64  # px, the crop in which landmarks are compared


class _Likeness:
    """Vectors that are compared by `distances`."""

    default: ClassVar[float]

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @staticmethod
    def distances(one: Tensor, many: Tensor) -> Tensor:
        raise NotImplementedError

    def collect(self, looks: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack(looks).astype(np.float32)

    def order(self, measures: np.ndarray) -> np.ndarray:
        return chain(measures, self.distances, self._tools.device, self._tools.progress)

    def groups(self, measures: np.ndarray, bins: int, threshold: float) -> list[Group]:
        limit = self.default if threshold < 0 else threshold
        numbers = leaders(measures, self.distances, limit, self._tools.device, self._tools.progress)
        return by_size(numbers)


class Landmarks(_Likeness):
    """Sum of absolute differences of the landmarks' coordinates in a crop of 64 px."""

    default = 200.0  # px over 136 coordinates

    def look(self, picture: Picture) -> np.ndarray:
        return picture.alignment.points(_SIZE, "legacy").ravel()

    @staticmethod
    def distances(one: Tensor, many: Tensor) -> Tensor:
        return (many - one).abs_().sum(1)


class LandmarksDissim(Landmarks):
    """Greatest sum of distances to all others first."""

    def order(self, measures: np.ndarray) -> np.ndarray:
        return np.argsort(-_sums_of_differences(measures.astype(np.float64)), kind="stable")


class Histogram(_Likeness):
    """Bhattacharyya distance of the histograms of the face's blue channel.

    A. Bhattacharyya, "On a measure of divergence between two statistical populations", 1943; in the form that is 0 for
    equal histograms and 1 for those that share nothing: the root of 1 - sum(sqrt(p q)).
    """

    default = 0.3

    def look(self, picture: Picture) -> np.ndarray:
        mask = picture.mask.astype(np.uint8) if picture.mask.any() else None
        counts = cv2.calcHist([picture.face], [2], mask, [256], [0, 256]).ravel()
        return np.sqrt(counts / counts.sum())

    @staticmethod
    def distances(one: Tensor, many: Tensor) -> Tensor:
        return (1 - many @ one).clamp_(min=0).sqrt_()


class HistogramDissim(Histogram):
    """Greatest sum of distances to all others first."""

    def order(self, measures: np.ndarray) -> np.ndarray:
        roots = torch.from_numpy(measures).to(self._tools.device)
        sums = torch.empty(len(roots))
        for start in range(0, len(roots), _ROWS):
            self._tools.progress("Comparing faces", start, len(roots))
            block = (1 - roots[start:start + _ROWS] @ roots.T).clamp_(min=0).sqrt_()
            sums[start:start + _ROWS] = block.sum(1).cpu()
        return np.argsort(-sums.numpy(), kind="stable")


def by_size(numbers: np.ndarray) -> list[Group]:
    """Groups of equal numbers, the largest first."""
    found, first, counts = np.unique(numbers, return_index=True, return_counts=True)
    order = sorted(range(len(found)), key=lambda n: (-counts[n], first[n]))
    return [Group(place, "", np.flatnonzero(numbers == found[n])) for place, n in enumerate(order)]


def _sums_of_differences(values: np.ndarray) -> np.ndarray:
    """For each row of [N, D] the sum over all rows of the sum of absolute differences, [N].

    Coordinate by coordinate: in ascending order, the i-th of N numbers x lies i x - (the i below it) above those below
    and (the rest) - (N - i) x below those above.
    """
    count = len(values)
    order = np.argsort(values, axis=0)
    ascending = np.take_along_axis(values, order, 0)
    below = np.cumsum(ascending, 0) - ascending
    rank = np.arange(count)[:, None]
    sums = rank * ascending - below + (ascending.sum(0) - below - ascending) - (count - 1 - rank) * ascending
    result = np.empty_like(sums)
    np.put_along_axis(result, order, sums, 0)
    return result.sum(1)
