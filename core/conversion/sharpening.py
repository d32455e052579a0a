"""Sharpening the swapped face, in its patch: the frame around it stays as it is."""

from __future__ import annotations

import cv2
import numpy as np

from ..options.convert_look import ConvertLookOptions
from .mask import gaussian_sigma


def sharpened(rgb: np.ndarray, options: ConvertLookOptions, frame_width: int, scale: float) -> np.ndarray:
    """The patch sharpened as the options say.

    Args:
        rgb: float32 [S, S, 3], RGB 0..1.
        frame_width: of the frame, pixels; the radius is a share of it, at least 1.
        scale: patch pixels per frame pixel, which the radius is converted by.

    Returns:
        float32 [S, S, 3], 0..1; `rgb` itself without sharpening.
    """
    if options.sharpen == "none":
        return rgb
    radius = max(1, round(frame_width * options.sharpen_radius / 100.0))
    return METHODS[options.sharpen](rgb, max(1, round(radius * scale)), options.sharpen_amount / 100.0,
                                    options.sharpen_threshold / 255.0)


def box(rgb: np.ndarray, radius: int, amount: float, threshold: float) -> np.ndarray:
    """x + (x - mean) * amount, the mean over 2 radius + 1 pixels each way."""
    width = 2 * radius + 1
    return np.clip(rgb + (rgb - cv2.blur(rgb, (width, width))) * amount, 0.0, 1.0)


def gaussian(rgb: np.ndarray, radius: int, amount: float, threshold: float) -> np.ndarray:
    """x (1 + amount / 2) - blur amount / 2."""
    return np.clip(rgb + (rgb - _blurred(rgb, radius)) * (amount * 0.5), 0.0, 1.0)


def unsharp_mask(rgb: np.ndarray, radius: int, amount: float, threshold: float) -> np.ndarray:
    """x (1 + amount) - blur amount, where a channel differs from its blur by more than `threshold`; x elsewhere."""
    detail = rgb - _blurred(rgb, radius)
    return np.where(np.abs(detail) > threshold, np.clip(rgb + detail * amount, 0.0, 1.0), rgb)


METHODS = {"box": box, "gaussian": gaussian, "unsharp-mask": unsharp_mask}


def _blurred(rgb: np.ndarray, radius: int) -> np.ndarray:
    width = 2 * radius + 1
    return cv2.GaussianBlur(rgb, (width, width), gaussian_sigma(width))
