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
    facets = [_facets(to[:, keep], of[:, keep], crop_size) for to, of, keep in zip(goal, source, kept, strict=True)]
    return _interpolate(facets, size, crop_size, device)


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


def _facets(goal: np.ndarray, source: np.ndarray, crop_size: int) -> np.ndarray:
    """Of each triangle over `goal` [2, K]: the plane that lifts it, and the source's x and y over it.

    Returns:
        float64 [T, 3 (height, x, y), 3]: factors of x and y and an offset; all in the units of maps.
    """
    goal, source = to_unit(goal, crop_size), to_unit(source, crop_size)
    values = np.stack([(goal**2).sum(axis=0), *source])
    corners = Delaunay(goal.T).simplices.T  # [3, T]
    first, one, two = (goal[:, corner] for corner in corners)
    one, two = one - first, two - first
    area = one[0] * two[1] - one[1] * two[0]
    flat = np.abs(area) < 1e-9  # slivers along the edge
    v0, v1, v2 = (values[:, corner] for corner in corners)
    v1, v2 = v1 - v0, v2 - v0
    slopes = np.stack([v1 * two[1] - v2 * one[1], v2 * one[0] - v1 * two[0]], axis=-1)[:, ~flat]
    slopes /= area[~flat][:, None]
    offset = v0[:, ~flat] - (slopes * first.T[~flat]).sum(axis=-1)
    return np.concatenate([slopes, offset[..., None]], axis=-1).transpose(1, 0, 2)


def _interpolate(facets: list[np.ndarray], size: int, crop_size: int, device: torch.device) -> torch.Tensor:
    most = max(map(len, facets))
    table = np.zeros((len(facets), most, 3, 3))
    table[:, :, 0, 2] = -np.inf  # what only fills up lies below everything
    for row, of_face in zip(table, facets, strict=True):
        row[: len(of_face)] = of_face
    planes = torch.from_numpy(table).to(device, torch.float32)
    # Pixel centres of a picture of another size lie evenly over the same area.
    line = to_unit((np.arange(size) + 0.5) * crop_size / size - 0.5, crop_size)
    places = torch.from_numpy(line).to(device, torch.float32)
    block = _BLOCK if device.type == "cuda" else _CACHED
    made = [_look_up(part, places, max(1, block // (most * size)))
            for part in planes.split(max(1, block // (most * size * size)))]
    return torch.cat(made)


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
