"""Masks from landmarks, drawn over training crops."""

from __future__ import annotations

import cv2
import numpy as np

_GROUPS = ([*range(9), 17], [*range(8, 17), 26], [17, 18, 19, 8], [24, 25, 26, 8], [19, 20, 21, 22, 23, 24, 8],
           [17, 18, 19, 20, 21, 27, 31, 32, 33, 34, 35, 8], [22, 23, 24, 25, 26, 27, 31, 32, 33, 34, 35, 8],
           [27, 28, 29, 30, 31, 32, 33, 34, 35])


def draw(points: np.ndarray, size: int, kind: str) -> np.ndarray:
    """uint8 [size, size]: 255 inside the mask `kind` ("components" or "extended") of landmarks [68, 2]."""
    p = np.rint(points).astype(np.int32)
    if kind == "extended":
        p = _raised_brows(p)
    mask = np.zeros((size, size), np.uint8)
    for group in _GROUPS:
        cv2.fillConvexPoly(mask, cv2.convexHull(p[group]), 255, cv2.LINE_AA)
    return mask


def _raised_brows(p: np.ndarray) -> np.ndarray:
    p = p.copy()
    outer_right, outer_left = (p[36] + (p[36] + p[0]) // 2) // 2, (p[45] + (p[16] + p[45]) // 2) // 2
    below = np.concatenate(([outer_right], p[36:40], p[42:46], [outer_left]))
    p[17:27] += (p[17:27] - below) // 2
    return p
