"""Placing, bending and shrinking whole batches of pictures.

Where pixels are fetched from is told by 5x5 points that lie evenly over a crop, its edges included; between them the
way is bilinear, so that an affine placement stays exact. Coordinates are pixels of a crop, x right, y down, pixel
centres at integers: the crop's area runs from -0.5 to its size - 0.5.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional

GRID = 5


def grid_points(size: int) -> np.ndarray:
    """The points of a crop of `size` pixels at rest: float64 [2 (x, y), 5, 5]."""
    line = np.linspace(0, size, GRID) - 0.5
    return np.stack(np.meshgrid(line, line))


def through(matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """`points` [N, 2, …] through matrices [N, 2, 3]."""
    flat = points.reshape(*points.shape[:2], -1)
    return (matrices[:, :, :2] @ flat + matrices[:, :, 2:]).reshape(points.shape)


def inverted(matrices: np.ndarray) -> np.ndarray:
    """Inverses of matrices [N, 2, 3]."""
    linear = np.linalg.inv(matrices[:, :, :2])
    return np.concatenate([linear, -linear @ matrices[:, :, 2:]], axis=2)


def spread(points: np.ndarray, size: int, crop_size: int, device: torch.device) -> torch.Tensor:
    """A map for `fetch` from grid points.

    Args:
        points: [N, 2, 5, 5] in pixels of a crop of `crop_size`.
        size: side of the picture to be made.

    Returns:
        float32 [N, size, size, 2].
    """
    small = torch.from_numpy(to_unit(points, crop_size)).to(device, torch.float32)
    weights = _weights(size, device)
    return (weights @ small @ weights.T).permute(0, 2, 3, 1)


def to_unit(points: np.ndarray, crop_size: int) -> np.ndarray:
    """Pixels in the units of maps: -1 and 1 are the centres of a crop's first and last pixels."""
    return points * (2 / (crop_size - 1)) - 1


def fetch(pictures: torch.Tensor, maps: torch.Tensor, *, edge: bool) -> torch.Tensor:
    """The pictures at the places of `maps`, bilinearly.

    Args:
        pictures: float32 [N, C, H, H].
        maps: float32 [N, S, S, 2], see `to_unit`.
        edge: what lies beyond the picture is its edge; otherwise black.

    Returns:
        float32 [N, C, S, S].
    """
    return functional.grid_sample(pictures, maps, mode="bilinear", padding_mode="border" if edge else "zeros",
                                  align_corners=True)


def shrink(pictures: torch.Tensor, size: int) -> torch.Tensor:
    """[N, C, H, H] -> [N, C, size, size], each pixel the mean of the area that it covers; `size` is at most H."""
    factor, rest = divmod(pictures.shape[-1], size)
    if factor == 1 and not rest:
        return pictures
    if factor == 2 and not rest:  # a sixth of the time of the pooling layer on a processor
        rows = pictures[:, :, ::2] + pictures[:, :, 1::2]
        return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)
    rows = _area(pictures.shape[-1], size, pictures.device)
    return rows @ pictures @ rows.T


@lru_cache(maxsize=16)
def _weights(size: int, device: torch.device) -> torch.Tensor:
    """[size, 5]: how much each grid point counts for each pixel along one axis."""
    place = (np.arange(size) + 0.5) * (GRID - 1) / size
    left = np.minimum(place.astype(int), GRID - 2)
    weights = np.zeros((size, GRID))
    weights[np.arange(size), left] = 1 - (place - left)
    weights[np.arange(size), left + 1] = place - left
    return torch.tensor(weights, dtype=torch.float32, device=device)


@lru_cache(maxsize=16)
def _area(size: int, smaller: int, device: torch.device) -> torch.Tensor:
    """[smaller, size]: how much of each pixel lies in each larger one along one axis; rows add up to 1."""
    edges = np.arange(smaller + 1) * size / smaller
    first, last = edges[:-1, None], edges[1:, None]
    pixels = np.arange(size)
    overlap = np.clip(np.minimum(last, pixels + 1) - np.maximum(first, pixels), 0, None)
    return torch.tensor(overlap * smaller / size, dtype=torch.float32, device=device)
