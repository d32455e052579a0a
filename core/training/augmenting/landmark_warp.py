"""Bending a face so that its landmarks come to lie on those of a similar face of the other side.

The model then sees the faces of A with the shapes of B, and the other way round. Between the landmarks the picture
follows linearly, triangle by triangle of their Delaunay triangulation; the picture's corners and edges stay.

How a whole batch becomes affordable: lifted onto the paraboloid z = x² + y², the triangles of a Delaunay triangulation
are the lower side of a convex body (Brown 1979, "Voronoi diagrams from convex hulls"). Over each pixel the highest of
the lifted triangles' planes is therefore that of the triangle that holds the pixel. So only some seventy points a face
have to be triangulated one by one (0.1 ms), and all pixels find their triangles by a sum and a maximum, on any device,
without gaps or tests at edges.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import Delaunay

from .warping import through, to_unit

NEAREST = 10  # faces of the other side among which one is drawn
SPREAD = 2 / 256  # standard deviation of the places that landmarks go to, as a part of the side
_CONTOUR = 18  # the points that may lie within the face when it is turned away: 0 .. 17
_BLOCK, _CACHED = 2**24, 2**18  # heights of planes over pixels that a card, and a processor, look at together


def nearest(landmarks: np.ndarray, others: np.ndarray, device: torch.device) -> np.ndarray:
    """For each face the faces of the other side whose landmarks lie nearest, in no particular order.

    Args:
        landmarks, others: float32 [N, 68, 2] and [M, 68, 2] in the same units.

    Returns:
        int64 [N, K]; K is 10, or the smaller side's number of faces less one where that is fewer (but at least 1).
    """
    count = min(NEAREST, max(min(len(landmarks), len(others)) - 1, 1))
    middle = others.mean(axis=0)  # around 0 the differences of large products stay exact enough
    mine, theirs = (torch.from_numpy((side - middle).reshape(len(side), -1)).to(device) for side in (landmarks, others))
    rows = max(1, _BLOCK // len(others))
    found = [torch.cdist(part, theirs).topk(count, largest=False, sorted=False).indices for part in mine.split(rows)]
    return torch.cat(found).cpu().numpy()


def maps(landmarks: np.ndarray, towards: np.ndarray, placements: np.ndarray, back: np.ndarray, crop_size: int,
         size: int, device: torch.device) -> torch.Tensor:
    """Maps for `warping.fetch`.

    Args:
        landmarks: [N, 68, 2], of the faces in their crops' pixels.
        towards: [N, 68, 2], where they go, in the pixels of the placed crops.
        placements: [N, 2, 3], crop -> placed crop.
        back: [N, 2, 3], from a placed crop to the picture that is fetched from: the inverse of `placements` where that
            is the crop itself, the identity where it is the placed crop.
        crop_size: side of the crops.
        size: side of the picture to be made.

    Returns:
        float32 [N, size, size, 2].
    """
    placed = through(placements, landmarks.transpose(0, 2, 1))
    goal = towards.transpose(0, 2, 1)
    stay = ~(within(placed[:, :, 17:], placed[:, :, :_CONTOUR]) | within(goal[:, :, 17:], goal[:, :, :_CONTOUR]))
    fixed = anchors(crop_size)
    kept = np.concatenate([stay, np.ones((len(stay), 68 - _CONTOUR + fixed.shape[1]), bool)], axis=1)
    goal, source = (np.concatenate([x, np.broadcast_to(fixed, (len(x), *fixed.shape))], axis=2) for x in (goal, placed))
    source = through(back, source)
    goal, source = to_unit(goal, crop_size), to_unit(source, crop_size)
    planes = torch.from_numpy(_planes(goal, source, _triangles(goal, kept))).to(device, torch.float32)
    # Pixel centres of a picture of another size lie evenly over the same area.
    line = torch.from_numpy(to_unit((np.arange(size) + 0.5) * crop_size / size - 0.5, crop_size))
    line = line.to(device, torch.float32)
    block, triangles = _BLOCK if device.type == "cuda" else _CACHED, planes.shape[1]
    made = [_look_up(part, line, max(1, block // (triangles * size)))
            for part in planes.split(max(1, block // (triangles * size * size)))]
    return torch.cat(made)


def within(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which of `points` [N, 2, K] lie in or on the convex hull of `corners` [N, 2, M]: bool [N, K].

    A point is outside where all corners are seen within less than half a turn.
    """
    x, y = np.moveaxis(corners[:, :, None, :] - points[:, :, :, None], 1, 0)
    angles = np.sort(np.arctan2(y, x), axis=-1)
    gaps = np.diff(angles, axis=-1, append=angles[..., :1] + 2 * np.pi)
    meets = ((x == 0) & (y == 0)).any(axis=-1)
    return meets | (gaps.max(axis=-1) <= np.pi)


def anchors(size: int) -> np.ndarray:
    """The corners and the middles of the edges of a picture, which stay: float64 [2, 8]."""
    first, middle, last = 0, size // 2 - 1, size - 1
    return np.array([(first, first), (first, last), (last, last), (last, first),
                     (first, middle), (middle, last), (last, middle), (middle, first)], float).T


def _triangles(points: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The Delaunay triangles over the points [N, 2, K] that are kept [N, K], as indices of points.

    Returns:
        int [N, 3, T]; where a face has fewer triangles than another, flat ones of a single point fill up.
    """
    found = [np.flatnonzero(keep)[Delaunay(of[:, keep].T).simplices.T] for of, keep in zip(points, kept, strict=True)]
    triangles = np.zeros((len(found), 3, max(one.shape[1] for one in found)), int)
    for row, one in zip(triangles, found, strict=True):
        row[:, : one.shape[1]] = one
    return triangles


def _planes(goal: np.ndarray, source: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Of each triangle over `goal` [N, 2, K]: the plane that lifts it, and those of the source's x and y over it.

    Returns:
        float64 [N, T, 3 (height, x, y), 3]: factors of x and y and an offset. Flat triangles, those that fill up and
        slivers along the edge, lie below everything.
    """
    values = np.concatenate([goal, (goal**2).sum(axis=1, keepdims=True), source], axis=1)
    first, one, two = (np.take_along_axis(values, corner[:, None], axis=2) for corner in triangles.transpose(1, 0, 2))
    (x1, y1), (x2, y2) = ((corner - first)[:, :2].transpose(1, 0, 2) for corner in (one, two))
    v1, v2 = (one - first)[:, 2:], (two - first)[:, 2:]
    area = (x1 * y2 - y1 * x2)[:, None]
    flat = np.abs(area) < 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        along_x, along_y = ((v1 * y2[:, None] - v2 * y1[:, None]) / area, (v2 * x1[:, None] - v1 * x2[:, None]) / area)
    offset = first[:, 2:] - along_x * first[:, :1] - along_y * first[:, 1:2]
    planes = np.where(flat[..., None], 0, np.stack([along_x, along_y, offset], axis=-1))  # [N, 3, T, 3]
    planes[:, 0, :, 2] = np.where(flat[:, 0], -np.inf, planes[:, 0, :, 2])
    return planes.transpose(0, 2, 1, 3)


def _look_up(planes: torch.Tensor, line: torch.Tensor, rows: int) -> torch.Tensor:
    """planes [N, T, 3, 3] and the places [S] of rows and columns -> the sources' x and y, [N, S, S, 2].

    Args:
        rows: how many are looked at together.
    """
    slope_x, slope_y, offset = planes[:, None, :, 0].unbind(-1)  # [N, 1, T] each
    across = (slope_x * line[:, None])[:, None]  # [N, 1, S, T]
    down = (slope_y * line[:, None] + offset)[:, :, None]  # [N, S, 1, T]
    over = torch.cat([_highest(across + part) for part in down.split(rows, dim=1)], dim=1)
    faces = torch.arange(len(planes), device=line.device)[:, None, None] * planes.shape[1]
    chosen = planes[:, :, 1:].reshape(-1, 6).index_select(0, (over + faces).flatten()).view(*over.shape, 2, 3)
    return chosen[..., 0] * line[:, None] + chosen[..., 1] * line[:, None, None] + chosen[..., 2]


def _highest(heights: torch.Tensor) -> torch.Tensor:
    """argmax of the last dimension; on a processor NumPy's, which takes a quarter of the time."""
    if heights.device.type == "cpu":
        return torch.from_numpy(heights.numpy().argmax(axis=-1))
    return heights.argmax(dim=-1)
