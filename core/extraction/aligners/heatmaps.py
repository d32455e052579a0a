"""From heatmaps, one per landmark, to places finer than a heatmap's pixel."""

from __future__ import annotations

import numpy as np

_KERNEL, _SIGMA = 11, 2.0  # of the blur that DARK begins with: its published settings
_FLOOR = 1e-10  # before the logarithm; networks answer slightly below zero where nothing is


def decode(heatmaps: np.ndarray, method: str) -> np.ndarray:
    """Where each heatmap has its peak.

    Args:
        heatmaps: float32 [N, K, S, S].
        method: "dark" or "neighbour", as the functions below.

    Returns:
        float64 [N, K, 2], x and y in heatmap pixels, centres at integers.
    """
    flat = np.asarray(heatmaps, np.float32).reshape(-1, *heatmaps.shape[2:])
    return {"dark": dark, "neighbour": neighbour}[method](flat).reshape(*heatmaps.shape[:2], 2)


def neighbour(heatmaps: np.ndarray) -> np.ndarray:
    """The greatest pixel, moved a quarter of a pixel towards its greater neighbour on each axis.

    A. Newell, K. Yang, J. Deng, "Stacked hourglass networks for human pose estimation", ECCV 2016, section 3.1.

    Args:
        heatmaps: float32 [M, S, S].

    Returns:
        float64 [M, 2].
    """
    x, y = _peaks(heatmaps)
    each, last = np.arange(len(heatmaps)), heatmaps.shape[-1] - 1
    before, after = np.maximum(x - 1, 0), np.minimum(x + 1, last)
    above, below = np.maximum(y - 1, 0), np.minimum(y + 1, last)
    across = np.sign(heatmaps[each, y, after] - heatmaps[each, y, before])
    down = np.sign(heatmaps[each, below, x] - heatmaps[each, above, x])
    # On the rim one of the two neighbours is missing, and there is nothing to compare.
    across[(x == 0) | (x == last)] = 0
    down[(y == 0) | (y == last)] = 0
    return np.column_stack([x + across / 4, y + down / 4])


def dark(heatmaps: np.ndarray) -> np.ndarray:
    """The peak of the Gaussian that the heatmap looks like.

    F. Zhang, X. Zhu, H. Dai, M. Ye, C. Zhu, "Distribution-aware coordinate representation for human pose estimation",
    CVPR 2020 (arXiv 1910.06278), section 3.1: blur, logarithm, and one Newton step from the greatest pixel, which is
    exact for a Gaussian because its logarithm is quadratic (equation 8). Within two pixels of the rim, where
    derivatives are missing, and where the map has no peak of such a shape, the greatest pixel stands.

    Args:
        heatmaps: float32 [M, S, S].

    Returns:
        float64 [M, 2].
    """
    size = heatmaps.shape[-1]
    blur = _blur(size)
    smooth = blur @ heatmaps @ blur  # symmetric, so the same matrix serves both axes; beyond the rim counts as zero
    x, y = _peaks(smooth)
    inside = (np.minimum(x, y) >= 2) & (np.maximum(x, y) <= size - 3)
    u, v, each = np.clip(x, 2, size - 3), np.clip(y, 2, size - 3), np.arange(len(heatmaps))
    log = np.log(np.maximum(smooth, _FLOOR)).astype(np.float64)

    def at(across: int, down: int) -> np.ndarray:
        return log[each, v + down, u + across]

    dx, dy = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    dxx, dyy = (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4, (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4
    dxy = (at(1, 1) - at(-1, 1) - at(1, -1) + at(-1, -1)) / 4
    determinant = dxx * dyy - dxy ** 2
    usable = inside & (dxx < 0) & (determinant > 0)
    divisor = np.where(usable, determinant, 1.0)
    step = np.column_stack([(dxy * dy - dyy * dx) / divisor, (dxy * dx - dxx * dy) / divisor])
    # The expansion speaks for the pixel's neighbourhood only.
    step = np.where(usable[:, None], step.clip(-1, 1), 0.0)
    return np.column_stack([x, y]) + step


def _peaks(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.divmod(heatmaps.reshape(len(heatmaps), -1).argmax(1), heatmaps.shape[-1])
    return x, y


def _blur(size: int) -> np.ndarray:
    """The matrix [size, size] that blurs a column by a Gaussian of `_KERNEL` taps."""
    taps = np.exp(-np.square(np.arange(_KERNEL) - _KERNEL // 2) / (2 * _SIGMA ** 2))
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    by_distance = np.zeros(size)
    by_distance[:_KERNEL // 2 + 1] = taps[_KERNEL // 2:] / taps.sum()
    return by_distance[distance].astype(np.float32)
