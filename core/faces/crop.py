"""Cutting faces out of frames and out of saved face pictures (cv2; worker-side)."""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np

from .geometry import Alignment, mean_scale, sub_crop_box
from .nouns import AlignedFace


def interpolations(matrix: np.ndarray) -> tuple[int, int]:
    """cv2 flags for warping frame -> crop and back: cubic where pixels grow, area where they shrink."""
    return (cv2.INTER_CUBIC, cv2.INTER_AREA) if mean_scale(matrix) >= 1 else (cv2.INTER_AREA, cv2.INTER_CUBIC)


def crop(frame: np.ndarray, alignment: Alignment, size: int, centering: str = "face", coverage: float = 1.0,
         vertical_offset: float = 0.0) -> AlignedFace:
    """Cut a face upright from a frame.

    Args:
        frame: uint8 [H, W, 3] RGB.
        size: side of the crop in pixels.
        centering, coverage, vertical_offset: as in `Alignment.matrix`.
    """
    matrix = alignment.matrix(size, centering, coverage, vertical_offset)
    points = alignment.points(size, centering, coverage, vertical_offset).astype(np.float32)
    return AlignedFace(warp(frame, matrix, size), matrix, points, centering, coverage, vertical_offset)


def warp(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """`image` through a 2x3 matrix (image -> result) into [size, size(, channels)]; black (0) outside the image.

    Cubic where pixels grow. Where they shrink, cv2's affine warp has no area average (it falls back to point sampling,
    which shimmers from frame to frame): the warp goes to a whole multiple of the size first, which is then averaged.
    """
    scale = mean_scale(matrix)
    if scale >= 1:
        return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_CUBIC)
    factor = ceil(1 / scale)
    larger = matrix * factor
    larger[:, 2] += (factor - 1) / 2
    big = cv2.warpAffine(image, larger, (size * factor, size * factor), flags=cv2.INTER_LINEAR)
    return cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA)


def sub_crop(picture: np.ndarray, alignment: Alignment, size: int, centering: str = "face", coverage: float = 1.0,
             vertical_offset: float = 0.0) -> np.ndarray:
    """Another crop out of a saved face picture (head-centred, coverage 1), without going back to the frame.

    Args:
        picture: uint8 [S, S(, channels)], a saved face or a mask drawn over one.
        alignment: of the landmarks that the picture was saved with (any frame of reference: only the pose counts).
        size: side of the result in pixels; the others as in `Alignment.matrix`.

    Returns:
        uint8 [size, size(, channels)], within half a pixel of `picture` the same as `crop` from the frame.
    """
    x, y, side = sub_crop_box(alignment.offsets, picture.shape[0], centering, coverage, vertical_offset)
    cut = _cut(picture, x, y, side)
    if side == size:
        return cut
    return cv2.resize(cut, (size, size), interpolation=cv2.INTER_CUBIC if size > side else cv2.INTER_AREA)


def _cut(picture: np.ndarray, x: int, y: int, side: int) -> np.ndarray:
    end = picture.shape[0]
    if x >= 0 and y >= 0 and x + side <= end and y + side <= end:
        return picture[y:y + side, x:x + side].copy()
    cut = np.zeros((side, side, *picture.shape[2:]), picture.dtype)
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + side, end), min(y + side, end)
    if left < right and top < bottom:
        cut[top - y:bottom - y, left - x:right - x] = picture[top:bottom, left:right]
    return cut
