"""Colour method `match-hist`: each channel of the swapped face gets the original's distribution inside the mask."""

from __future__ import annotations

import numpy as np

from ...options.convert_look import ConvertLookOptions
from ..protocols import Statistics

_STEPS = np.linspace(0.0, 1.0, 1025)


class MatchHist:
    """A value with the share q of the swapped face's mask pixels at or below it becomes the original's value at q * t.

    `t` is the threshold: below 1 the brightest of the original are never reached. Distributions are held as their
    quantile functions in 1024 steps, since means of these are distributions between two, where means of histograms are
    both at once. See `protocols.ColourMethod`.
    """

    def __init__(self, options: ConvertLookOptions) -> None:
        self._threshold = options.histogram_threshold / 100.0

    def measure(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray) -> Statistics | None:
        """The quantiles of the three channels on the pixels whose mask is not 0, [3 * 1025]."""
        inside = mask > 0.0
        if not inside.any():
            return None
        return Statistics(*(np.concatenate([_quantiles(values) for values in picture[inside].T])
                            for picture in (new, old)))

    def adjusted(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray,
                 statistics: Statistics | None = None) -> np.ndarray:
        statistics = statistics or self.measure(new, old, mask)
        if statistics is None:
            return new
        result = np.empty_like(new)
        sources, targets = (half.reshape(3, -1) for half in statistics)
        for channel, (source, target) in enumerate(zip(sources, targets, strict=True)):
            share = np.interp(new[..., channel], source, _STEPS)
            result[..., channel] = np.interp(share * self._threshold, _STEPS, target)
        return result


def _quantiles(values: np.ndarray) -> np.ndarray:
    """The values below which the shares `_STEPS` lie, linearly between the values that occur."""
    found, counts = np.unique(values, return_counts=True)
    return np.interp(_STEPS, np.cumsum(counts) / counts.sum(), found.astype(np.float64))
