"""The squares that aligners look at: where they lie in a picture, and how they are cut out of it."""

from __future__ import annotations

import numpy as np

from ...faces.crop import warp
from ...faces.nouns import Box

# The box of a typical detector around an upright face, in units of the mean face's box: that one, padded to 1 / 0.7.
UPRIGHT_BOX: Box = (0.5 - 0.5 / 0.7, 0.5 - 0.5 / 0.7, 1 / 0.7, 1 / 0.7)


def centre_of(box: Box) -> tuple[float, float]:
    """The middle of a box whose first pixel has its centre at (x, y)."""
    x, y, w, h = box
    return x + w / 2 - 0.5, y + h / 2 - 0.5


def square(centre: tuple[float, float], side: float, size: int) -> np.ndarray:
    """The matrix, float64 [2, 3], that maps a square of a picture onto `size` by `size` pixels.

    Pixel centres are at integers on both sides: the square's area becomes the crop's, from -0.5 to size - 0.5.

    Args:
        centre: of the square, in the picture's pixels.
        side: of the square, in the picture's pixels.
        size: of the crop.
    """
    scale = size / side
    middle = (size - 1) / 2
    return np.array([(scale, 0.0, middle - scale * centre[0]), (0.0, scale, middle - scale * centre[1])])


def cut(pixels: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """uint8 [size, size, 3] through `matrix` (picture -> crop); black beyond the picture."""
    return warp(pixels, matrix, size)
