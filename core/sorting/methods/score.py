"""Base of the methods that measure one number of each face: sorted by it, grouped into equal parts of its range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..pictures import Picture
from ..protocols import Group, Tools


class Score:
    """One number for each face.

    Attributes:
        low_first: whether small numbers come first.
        limits: range that is divided into parts; None: from the smallest to the largest number there is.
        digits: of the numbers in groups' names, after the point.
    """

    low_first: ClassVar[bool] = False
    limits: ClassVar[tuple[float, float] | None] = None
    digits: ClassVar[int] = 0

    def __init__(self, tools: Tools) -> None:
        pass

    def look(self, picture: Picture) -> float:
        raise NotImplementedError

    def collect(self, looks: Sequence[float]) -> np.ndarray:
        return np.asarray(looks, np.float64)

    def order(self, measures: np.ndarray) -> np.ndarray:
        return np.argsort(measures if self.low_first else -measures, kind="stable")

    def groups(self, measures: np.ndarray, bins: int, threshold: float) -> list[Group]:
        low, high = self.limits or (float(measures.min()), float(measures.max()))
        width = (high - low) / bins
        parts = np.zeros(len(measures), int)
        if width > 0:
            parts = np.clip(((measures - low) / width).astype(int), 0, bins - 1)
        order = self.order(measures)
        found = []
        for part in range(bins):
            members = order[parts[order] == part]
            if len(members):
                number = part if self.low_first else bins - 1 - part
                found.append(Group(number, self._label(low + part * width, low + (part + 1) * width), members))
        return sorted(found, key=lambda group: group.number)

    def _label(self, low: float, high: float) -> str:
        return f"{low:.{self.digits}f}_to_{high:.{self.digits}f}"
