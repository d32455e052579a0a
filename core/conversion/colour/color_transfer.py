"""Colour method `color-transfer`: mean and spread of the colours in LAB become the original's.

E. Reinhard, M. Ashikhmin, B. Gooch, P. Shirley, "Color transfer between images", IEEE CG&A 21(5), 2001, in CIE LAB.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...options.convert_look import ConvertLookOptions
from ..protocols import Statistics

_ZERO, _RANGE = np.array([0, 128, 128], np.float32), np.array([100, 255, 255], np.float32)


class ColorTransfer:
    """Each LAB channel x becomes (x - mean_new) * k + mean_old; see `protocols.ColourMethod`.

    Means and standard deviations are of both pictures multiplied by the mask, over all their pixels, so that what lies
    outside counts as black. k is std_new / std_old as the paper prints it (`transfer_paper`), or std_old / std_new,
    which gives the swapped face the original's spread. What leaves the range is cut off, or each channel's range is
    squeezed into it. Computed in float32: nothing is rounded to 256 steps on the way.
    """

    def __init__(self, options: ConvertLookOptions) -> None:
        self._paper, self._clip = options.transfer_paper, options.transfer_clip

    def measure(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray) -> Statistics | None:
        """Of each channel in shares of its range: mean and standard deviation; of the swapped face least and most."""
        if not mask.any():
            return None
        source, target = (to_lab(picture * mask[..., None]) for picture in (old, new))
        return Statistics(np.concatenate([*_spread(target), target.min(axis=(0, 1)), target.max(axis=(0, 1))]),
                          np.concatenate(_spread(source)))

    def adjusted(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray,
                 statistics: Statistics | None = None) -> np.ndarray:
        statistics = statistics or self.measure(new, old, mask)
        if statistics is None:
            return new
        mean_new, std_new, low, high = statistics.new.reshape(4, 3)
        mean_old, std_old = statistics.old.reshape(2, 3)
        upper, lower = (std_new, std_old) if self._paper else (std_old, std_new)
        factor = np.where(lower > 1e-6, upper / np.maximum(lower, 1e-6), 1.0)
        lab = (to_lab(new) - mean_new) * factor + mean_old
        if not self._clip:
            low, high = ((edge - mean_new) * factor + mean_old for edge in (low, high))
            lowest, highest = np.maximum(low, 0.0), np.minimum(high, 1.0)
            lab = (lab - low) / np.maximum(high - low, 1e-6) * (highest - lowest) + lowest
        return from_lab(np.clip(lab, 0.0, 1.0).astype(np.float32))


def _spread(lab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return lab.mean(axis=(0, 1), dtype=np.float64), lab.std(axis=(0, 1), dtype=np.float64)


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """float32 RGB 0..1 -> CIE LAB (D65) with L / 100, (a + 128) / 255, (b + 128) / 255."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    return (lab + _ZERO) / _RANGE


def from_lab(lab: np.ndarray) -> np.ndarray:
    """The inverse of `to_lab`, clipped to 0..1."""
    plain = lab * _RANGE - _ZERO
    return np.clip(cv2.cvtColor(plain.astype(np.float32), cv2.COLOR_LAB2RGB), 0.0, 1.0)
