"""Statistics of long series of figures: smoothing, rolling means, trends, and thinning them out to be drawn."""

from __future__ import annotations

import numpy as np

LEAST_WEIGHT, MOST_WEIGHT = 0.001, 0.999  # of smoothing
ROLLING = 500  # iterations of a rolling mean
_LEAST_TREND = 10


def smooth(values: np.ndarray, weight: float) -> np.ndarray:
    """Exponential smoothing: s_0 = x_0, s_t = w s_(t-1) + (1 - w) x_t.

    Args:
        values: [N]; what is no number counts as the figure before it.
        weight: of what came before, held to 0.001 to 0.999.

    Returns:
        float64 [N].
    """
    from scipy.signal import lfilter  # takes most of a second to import, and trainings without graphs need it never

    known = filled(values)
    if not len(known):
        return known
    weight = min(max(weight, LEAST_WEIGHT), MOST_WEIGHT)
    return lfilter([1 - weight], [1, -weight], known, zi=[weight * known[0]])[0]


def rolling(values: np.ndarray, window: int = ROLLING) -> np.ndarray:
    """Mean of the latest `window` figures, float64 [N]; NaN until there are so many, and throughout where there are no
    more than two windows, which would show little but the gap.
    """
    known, out = filled(values), np.full(len(values), np.nan)
    if len(known) > 2 * window:
        sums = np.concatenate(([0.0], np.cumsum(known)))
        out[window - 1:] = (sums[window:] - sums[:-window]) / window
    return out


def trend(values: np.ndarray) -> np.ndarray:
    """The cubic polynomial that fits best, float64 [N]; NaN throughout for fewer than 10 figures."""
    known = filled(values)
    if len(known) < _LEAST_TREND:
        return np.full(len(values), np.nan)
    place = np.linspace(-1, 1, len(known))  # small numbers: powers of a million iterations drown the rest
    return np.polynomial.Polynomial.fit(place, known, 3)(place)


def without_outliers(values: np.ndarray) -> np.ndarray:
    """What lies a standard deviation or more from the mean becomes the mean, float64 [N]."""
    known = filled(values)
    if not len(known):
        return known
    mean = known.mean()
    return np.where(np.abs(known - mean) >= known.std(), mean, known) if known.std() else known


def filled(values: np.ndarray) -> np.ndarray:
    """float64 [N] in which every gap (NaN, infinity) holds the figure before it, a first gap the first figure."""
    values = np.asarray(values, np.float64)
    good = np.isfinite(values)
    if good.all() or not good.any():
        return values if good.all() else np.zeros(len(values))
    return values[np.maximum.accumulate(np.where(good, np.arange(len(values)), np.argmax(good)))]


def thinned(x: np.ndarray, y: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of which a line over so many columns of pixels looks the same: the least and the greatest y of each.

    Args:
        x, y: [N], x ascending.

    Returns:
        Both with at most 2 * `columns` points, or as they are where that is no fewer.
    """
    if len(x) <= 2 * columns:
        return x, y
    starts = np.linspace(0, len(x), columns, endpoint=False).astype(int)
    low, high = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    ends = np.append(starts[1:], len(x)) - 1
    return np.stack((x[starts], x[ends]), 1).ravel(), np.stack((low, high), 1).ravel()
