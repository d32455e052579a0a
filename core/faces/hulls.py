"""Which landmarks' hulls are the face: what the drawn masks are made of (stdlib + numpy; both sides import it)."""

from __future__ import annotations

import numpy as np

# 68-point indices whose convex hulls together cover the face from jaw to brows.
PARTS: tuple[tuple[int, ...], ...] = (
    (*range(9), 17), (*range(8, 17), 26),  # cheeks and jaw
    (17, 18, 19, 8), (24, 25, 26, 8), (*range(19, 25), 8),  # temples and middle, down to the chin
    (*range(17, 22), 27, *range(31, 36), 8), (*range(22, 27), 27, *range(31, 36), 8), (*range(27, 36),),  # eyes, nose
)


def raise_brows(landmarks: np.ndarray) -> np.ndarray:
    """The landmarks with each brow point moved up by half its distance from the eye below it, [68, 2]."""
    points = landmarks.copy()
    outer_right = (points[36] + (points[36] + points[0]) / 2) / 2
    outer_left = (points[45] + (points[16] + points[45]) / 2) / 2
    below_right = np.vstack([outer_right, points[36:40]])
    below_left = np.vstack([points[42:46], outer_left])
    points[17:22] += (points[17:22] - below_right) / 2
    points[22:27] += (points[22:27] - below_left) / 2
    return points


def convex_hull(points: np.ndarray) -> np.ndarray:
    """The corners of the convex hull of points [N, 2], in order around it, [C, 2].

    A. M. Andrew, "Another efficient algorithm for convex hulls in two dimensions", Information Processing Letters 9(5),
    1979: the lower and the upper chain from left to right.
    """
    ordered = sorted(set(map(tuple, np.asarray(points, np.float64).tolist())))

    def chain(way: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
        found: list[tuple[float, ...]] = []
        for point in way:
            while len(found) > 1 and _turn(found[-2], found[-1], point) <= 0:
                found.pop()
            found.append(point)
        return found

    if len(ordered) < 3:
        return np.array(ordered).reshape(-1, 2)
    return np.array(chain(ordered)[:-1] + chain(ordered[::-1])[:-1])


def _turn(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def depth(landmarks: np.ndarray, kind: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How deep inside the drawn mask places are: above 0 inside, below 0 outside, in the landmarks' pixels.

    The distance to the nearest edge, except outside near a corner, where it is somewhat less: 0 lies where
    `maskers.landmark.draw` has its edge.

    Args:
        landmarks: [68, 2], in any pixels.
        kind: "components" or "extended".
        x, y: the places, of any one shape.
    """
    points = np.asarray(landmarks, np.float64)
    if kind == "extended":
        points = raise_brows(points)
    elif kind != "components":
        raise ValueError(kind)
    deepest = np.full(np.broadcast_shapes(x.shape, y.shape), -np.inf)
    for part in PARTS:
        corners = convex_hull(points[list(part)])
        if len(corners) < 3:
            continue
        sides = np.roll(corners, -1, axis=0) - corners
        inward = np.stack([-sides[:, 1], sides[:, 0]], axis=1) / np.hypot(*sides.T)[:, None]
        inside = np.full(deepest.shape, np.inf)
        for corner, normal in zip(corners, inward, strict=True):
            np.minimum(inside, (x - corner[0]) * normal[0] + (y - corner[1]) * normal[1], out=inside)
        np.maximum(deepest, inside, out=deepest)
    return deepest
