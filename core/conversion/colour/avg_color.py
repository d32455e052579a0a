"""Colour method `avg-color`: the swapped face takes on the mean colour of the original inside the mask."""

from __future__ import annotations

import numpy as np

from ...options.convert_look import ConvertLookOptions
from ..protocols import Statistics


class AvgColor:
    """Shifts each channel so that its mean inside the mask equals the original's; see `protocols.ColourMethod`.

    With `old` the original crop, `new` the swapped one and `m` the mask, each channel becomes
    new + sum((old - new) * m) / sum(m). All pixels are shifted alike, so contrast and shading stay the model's.
    """

    def __init__(self, options: ConvertLookOptions) -> None:
        pass

    def measure(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray) -> Statistics | None:
        """Means of the three channels, weighted by the mask."""
        total = float(mask.sum(dtype=np.float64))
        if total <= 0.0:
            return None
        return Statistics(*((picture * mask[..., None]).sum(axis=(0, 1), dtype=np.float64) / total
                            for picture in (new, old)))

    def adjusted(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray,
                 statistics: Statistics | None = None) -> np.ndarray:
        """An empty mask gives the original, since no mean is known."""
        statistics = statistics or self.measure(new, old, mask)
        if statistics is None:
            return old.copy()
        return np.clip(new + (statistics.old - statistics.new).astype(np.float32), 0.0, 1.0)
