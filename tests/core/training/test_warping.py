"""Placing, bending and shrinking against OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.training.augmenting.warping import fetch, grid_points, inverted, shrink, spread, through

CPU = torch.device("cpu")


def pictures(count: int, size: int, channels: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(seed))


def in_pixels(maps: torch.Tensor, crop_size: int) -> np.ndarray:
    return (maps.numpy() + 1) * (crop_size - 1) / 2


@pytest.mark.parametrize("size", [64, 80, 96, 100, 128, 144, 256])
def test_points_at_rest_fetch_every_pixel_from_its_own_place(size: int) -> None:
    maps = in_pixels(spread(grid_points(size)[None], size, size, CPU), size)
    expected = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1)
    np.testing.assert_allclose(maps[0], expected, atol=1e-3)


def test_the_warp_is_the_enlarged_grid_without_its_edges() -> None:
    """Against OpenCV's own enlargement of the same 5x5 grid, an eighth cut away around it."""
    size = 64
    points = grid_points(size) + np.random.default_rng(8).normal(0, 1.25, (3, 2, 5, 5))
    maps = in_pixels(spread(points, size, size, CPU), size)
    for face in range(3):
        for axis in range(2):
            large = cv2.resize(points[face, axis], (80, 80), interpolation=cv2.INTER_LINEAR)[8:72, 8:72]
            np.testing.assert_allclose(maps[face, ..., axis], large, atol=1e-3)


@given(angle=st.floats(-30, 30), scale=st.floats(0.7, 1.4), x=st.floats(-9, 9), y=st.floats(-9, 9),
       mirrored=st.booleans(), size=st.integers(8, 70))
@settings(max_examples=40, deadline=None)
def test_placing_is_opencv_s_affine_warp_with_its_edge_repeated(angle: float, scale: float, x: float, y: float,
                                                              mirrored: bool, size: int) -> None:
    cos, sin = np.cos(np.radians(angle)) * scale, np.sin(np.radians(angle)) * scale
    matrix = np.array([[cos, sin, x], [-sin, cos, y]])
    if mirrored:
        matrix[0] *= -1
        matrix[0, 2] += size - 1
    picture = pictures(1, size)
    points = through(inverted(matrix[None]), grid_points(size)[None])
    got = fetch(picture, spread(points, size, size, CPU), edge=True)[0].permute(1, 2, 0).numpy()
    # OpenCV's affine warp rounds places to 1/32 pixel, so it is asked for the places of each pixel instead.
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)))[None].astype(float)
    places = through(inverted(matrix[None]), pixels)
    left = np.floor(places[0]).astype(int)
    part = places[0] - left
    source = picture[0].permute(1, 2, 0).numpy()

    def at(dx: int, dy: int) -> np.ndarray:
        return source[np.clip(left[1] + dy, 0, size - 1), np.clip(left[0] + dx, 0, size - 1)]

    u, v = part[0][..., None], part[1][..., None]
    expected = (at(0, 0) * (1 - u) + at(1, 0) * u) * (1 - v) + (at(0, 1) * (1 - u) + at(1, 1) * u) * v
    np.testing.assert_allclose(got, expected, atol=2e-4)
    near = cv2.warpAffine(source, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(got - near.reshape(got.shape)).mean() < 0.02


def test_beyond_the_picture_is_its_edge_or_black() -> None:
    picture = torch.ones(1, 3, 16, 16)
    points = grid_points(16)[None] - np.array([4.0, 0.0])[:, None, None]
    maps = spread(points, 16, 16, CPU)
    assert (fetch(picture, maps, edge=True) > 0.999).all()
    black = fetch(picture, maps, edge=False)
    assert (black[..., :3] == 0).all()
    assert (black[..., 5:] > 0.999).all()


@pytest.mark.parametrize(("size", "smaller"), [(64, 64), (128, 64), (256, 64), (96, 64), (100, 48), (144, 128),
                                               (64, 7)])
def test_shrinking_is_opencv_s_area_mean(size: int, smaller: int) -> None:
    picture = pictures(2, size, 4)
    expected = np.stack([cv2.resize(p.permute(1, 2, 0).numpy(), (smaller, smaller), interpolation=cv2.INTER_AREA)
                         for p in picture])
    np.testing.assert_allclose(shrink(picture, smaller).permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)
