"""Masks drawn from landmarks: components and extended. They cost next to nothing, so they are never stored."""

from __future__ import annotations

import cv2
import numpy as np

# Facial parts as groups of the 68 landmarks; a part is the convex hull of its group.
_PARTS = ([*range(9), 17], [*range(8, 17), 26], [17, 18, 19, 8], [24, 25, 26, 8], [19, 20, 21, 22, 23, 24, 8],
          [17, 18, 19, 20, 21, 27, 31, 32, 33, 34, 35, 8], [22, 23, 24, 25, 26, 27, 31, 32, 33, 34, 35, 8],
          [27, 28, 29, 30, 31, 32, 33, 34, 35])


def draw(points: np.ndarray, size: int, kind: str) -> np.ndarray:
    """The mask `kind` ("components" or "extended") over a crop.

    Args:
        points: [68, 2] landmarks in the crop's pixels, centres at integers; rounded before drawing.
        size: side of the crop.

    Returns:
        uint8 [size, size], 255 inside, its edge anti-aliased.
    """
    rounded = np.rint(points).astype(np.int32)
    if kind == "extended":
        rounded = _with_raised_brows(rounded)
    mask = np.zeros((size, size), np.uint8)
    for part in _PARTS:
        cv2.fillConvexPoly(mask, cv2.convexHull(rounded[part]), 255, cv2.LINE_AA)
    return mask


def _with_raised_brows(points: np.ndarray) -> np.ndarray:
    """The brows moved away from the eyes by half of their distance to them, which takes in a part of the forehead."""
    outer_right = (points[36] + (points[36] + points[0]) // 2) // 2
    outer_left = (points[45] + (points[16] + points[45]) // 2) // 2
    below = np.concatenate(([outer_right], points[36:40], points[42:46], [outer_left]))
    raised = points.copy()
    raised[17:27] += (points[17:27] - below) // 2
    return raised
