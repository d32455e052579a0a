"""Evening out the light in what an aligner looks at; the picture itself is never changed."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

_CLIP_LIMIT, _TILES = 2.0, (4, 4)


def normalized(pixels: np.ndarray, method: str) -> np.ndarray:
    """`pixels` with another distribution of brightness in each channel.

    Args:
        pixels: uint8 [H, W, 3].
        method: "none"; "mean" stretches each channel from its least to its greatest value over 0 .. 255; "hist"
            equalises its histogram; "clahe" does so in 4 by 4 tiles with limited contrast (K. Zuiderveld, "Contrast
            limited adaptive histogram equalization", Graphics Gems IV, 1994; clip limit 2).

    Returns:
        uint8 [H, W, 3]; `pixels` itself for "none".
    """
    if method == "none":
        return pixels
    change = _METHODS[method]
    return np.dstack([change(np.ascontiguousarray(pixels[..., channel])) for channel in range(3)])


def _stretched(channel: np.ndarray) -> np.ndarray:
    low, high = int(channel.min()), int(channel.max())
    if low == high:
        return channel
    values = np.rint((np.arange(256) - low) * (255 / (high - low))).clip(0, 255).astype(np.uint8)
    return values[channel]


def _equalized_in_tiles(channel: np.ndarray) -> np.ndarray:
    return cv2.createCLAHE(_CLIP_LIMIT, _TILES).apply(channel)


_METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean": _stretched, "hist": cv2.equalizeHist, "clahe": _equalized_in_tiles}
