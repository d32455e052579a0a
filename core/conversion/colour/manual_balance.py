"""Colour method `manual-balance`: sliders for the three axes of a colour space, contrast and brightness."""

from __future__ import annotations

import cv2
import numpy as np

from ...options.convert_look import ConvertLookOptions
from ..protocols import Statistics
from .color_transfer import from_lab, to_lab

_HSV = np.array([360, 1, 1], np.float32)


class ManualBalance:
    """The same for every frame, and blind to the original; see `conversion.protocols.ColourMethod`.

    Each axis x, 0..1 over its range, becomes x + (1 - x) b for a slider b >= 0 (in shares of 1) and x (1 + b) below.
    Then contrast c and brightness r, both as v % -> max(-126, round(1.27 v)), make x (c / 127 + 1) - c + r of RGB
    0..255.
    """

    def __init__(self, options: ConvertLookOptions) -> None:
        self._space = options.balance_space
        self._sliders = np.array([options.balance_1, options.balance_2, options.balance_3], np.float32) / 100
        self._contrast, self._brightness = (max(-126, round(1.27 * value))
                                            for value in (options.balance_contrast, options.balance_brightness))

    def measure(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray) -> Statistics | None:
        return None

    def adjusted(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray,
                 statistics: Statistics | None = None) -> np.ndarray:
        result = new
        if self._sliders.any():
            axes = _to_axes(new, self._space)
            result = _from_axes(np.where(self._sliders >= 0, axes + (1 - axes) * self._sliders,
                                         axes * (1 + self._sliders)).astype(np.float32), self._space)
        gain = self._contrast / 127 + 1
        return np.clip(result * np.float32(gain) + np.float32((self._brightness - self._contrast) / 255), 0.0, 1.0)


def _to_axes(rgb: np.ndarray, space: str) -> np.ndarray:
    """float32 RGB 0..1 -> the space's three axes, each 0..1 over its range."""
    if space == "hsv":
        return cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV) / _HSV
    if space == "lab":
        return to_lab(rgb)
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb) if space == "ycrcb" else rgb


def _from_axes(axes: np.ndarray, space: str) -> np.ndarray:
    if space == "hsv":
        return cv2.cvtColor(axes * _HSV, cv2.COLOR_HSV2RGB)
    if space == "lab":
        return from_lab(axes)
    return np.clip(cv2.cvtColor(axes, cv2.COLOR_YCrCb2RGB), 0.0, 1.0) if space == "ycrcb" else axes
