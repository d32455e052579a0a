"""Masks drawn from the landmarks: convex hulls of the facial parts, without or with raised brows.

They are cheap and follow every correction of the landmarks, so they are never stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from ...faces.hulls import PARTS, raise_brows
from ...faces.nouns import AlignedFace
from ...options.maskers import MaskerOptions

_BITS = 4  # cv2 takes fixed-point coordinates: 1/16 px


def draw(landmarks: np.ndarray, size: int, kind: str) -> np.ndarray:
    """Draw a mask at any size and centring.

    Args:
        landmarks: [68, 2] in the pixels of the crop to be masked, centres at integers; they may lie outside.
        size: side of the crop.
        kind: "components" or "extended".

    Returns:
        uint8 [size, size], 0 outside, 255 inside, anti-aliased in between.
    """
    points = np.asarray(landmarks, np.float64)
    if kind == "extended":
        points = raise_brows(points)
    elif kind != "components":
        raise ValueError(kind)
    return draw_hulls(points, size, PARTS)


def draw_hulls(points: np.ndarray, size: int, hulls: Iterable[Sequence[int]]) -> np.ndarray:
    """The convex hulls of some of the points, filled.

    Args:
        points: [68, 2] in the pixels of a crop, centres at integers; they may lie outside.
        size: side of the crop.
        hulls: indices of the points of each.

    Returns:
        uint8 [size, size], 0 outside, 255 inside, anti-aliased in between.
    """
    # Drawn larger and averaged: exact at the edges, where cv2's own anti-aliasing widens a hull by a pixel all round,
    # and gliding by fractions of a pixel from frame to frame.
    factor = 4 if size <= 256 else 2
    # Far outside points would overflow the fixed-point arithmetic; the hull inside the crop barely feels the limit.
    larger = (np.clip(points, -8 * size, 9 * size) + 0.5) * factor - 0.5
    fixed = np.rint(larger * (1 << _BITS)).astype(np.int32)
    mask = np.zeros((size * factor, size * factor), np.uint8)
    for hull in hulls:
        cv2.fillConvexPoly(mask, cv2.convexHull(fixed[list(hull)]), 255, cv2.LINE_8, _BITS)
    return cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA)


class _Drawn:
    """Draws over crops of any size and centring, so that nothing is ever warped."""

    is_drawn = True
    size, centering, batch_size = 256, "face", 1
    kind: str

    def __init__(self, options: MaskerOptions | None = None, device: str = "cpu") -> None:
        pass

    def mask(self, faces: Sequence[AlignedFace]) -> list[np.ndarray]:
        """uint8 [size, size] for each crop, of the crop's own size."""
        return [draw(face.landmarks, face.size, self.kind) for face in faces]


class Components(_Drawn):
    """Tight: ends at the brows."""

    kind = "components"


class Extended(_Drawn):
    """As components, with a part of the forehead."""

    kind = "extended"
