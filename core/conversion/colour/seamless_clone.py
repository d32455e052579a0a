"""Colour method `seamless-clone`: the swapped face's gradients inside the mask, the original's colours at its edge.

P. Pérez, M. Gangnet, A. Blake, "Poisson image editing", SIGGRAPH 2003, as OpenCV solves it.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ...options.convert_look import ConvertLookOptions
from ..protocols import Statistics


class SeamlessClone:
    """Outside the mask the result is the original; a pixel belongs to the mask as soon as it is above 0.

    What is measured, and can be held stable, is how far cloning moves the mean colour inside the mask: the colours at
    its edge, of which everything inside is made, are few and restless. See `conversion.protocols.ColourMethod`.
    """

    def __init__(self, options: ConvertLookOptions) -> None:
        pass

    def measure(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray) -> Statistics | None:
        """Mean colours inside the mask, weighted by it: of the swapped face before cloning, and after."""
        return _means(new, _cloned(new, old, mask), mask) if mask.any() else None

    def adjusted(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray,
                 statistics: Statistics | None = None) -> np.ndarray:
        if not mask.any():
            return old.copy()
        cloned = _cloned(new, old, mask)
        if statistics is None:
            return cloned
        own = _means(new, cloned, mask)
        shift = (statistics.old - statistics.new) - (own.old - own.new)
        return np.clip(cloned + (mask > 0.0)[..., None] * shift.astype(np.float32), 0.0, 1.0)


def _means(new: np.ndarray, cloned: np.ndarray, mask: np.ndarray) -> Statistics:
    total = mask.sum(dtype=np.float64)
    return Statistics(*((picture * mask[..., None]).sum(axis=(0, 1), dtype=np.float64) / total
                        for picture in (new, cloned)))


def _cloned(new: np.ndarray, old: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`new` cloned into `old`, float32 RGB 0..1. OpenCV works in 256 steps; those of `new` itself are kept finer."""
    size, inside = mask.shape[0], mask > 0.0
    (top, bottom), (left, right) = (_span(np.any(inside, axis=axis)) for axis in (1, 0))
    pad = max(2, size // 2)
    # Pictures go on as at their edge: black around them would seep in where the mask reaches there.
    piece, ground = (cv2.copyMakeBorder(_to_bytes(picture), pad, pad, pad, pad, cv2.BORDER_REPLICATE)
                     for picture in (new, old))
    centre = (left + pad + (right - left) // 2, top + pad + (bottom - top) // 2)  # of the mask's bounding rectangle
    blended = cv2.seamlessClone(piece, ground, np.pad(inside.astype(np.uint8) * 255, pad), centre, cv2.NORMAL_CLONE)
    moved = (blended[pad:pad + size, pad:pad + size].astype(np.float32) - _to_bytes(new)) / np.float32(255)
    return np.where(inside[..., None], np.clip(new + moved, 0.0, 1.0), old)


def _span(used: Any) -> tuple[int, int]:
    """First index that is used, and the one after the last."""
    found = np.flatnonzero(used)
    return int(found[0]), int(found[-1]) + 1


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    return np.rint(picture * 255.0).astype(np.uint8)
