"""Warping to landmarks against SciPy's own interpolation over a Delaunay triangulation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from understudy.core.faces.geometry import MEAN_FACE
from understudy.core.training.augmenting.landmark_warp import anchors, maps, nearest, within

CPU = torch.device("cpu")
JAW = np.array([(-0.08 + 1.16 * t, 0.2 + 0.95 * np.sin(np.pi * t) ** 0.6) for t in np.linspace(0, 1, 17)])
FACE = np.concatenate((JAW, MEAN_FACE))


def shapes(count: int, size: int, seed: int, turned: float = 0.0) -> np.ndarray:
    """Landmarks of faces, [N, 68, 2]; `turned` moves one side of the jaw into the face."""
    rng = np.random.default_rng(seed)
    points = (FACE * 0.5 + 0.25) * size + rng.normal(0, 0.01 * size, (count, 68, 2))
    points[:, :5, 0] += turned * size
    return points


def still(count: int) -> np.ndarray:
    return np.broadcast_to(np.eye(2, 3), (count, 2, 3))


def in_hull(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    planes = ConvexHull(corners).equations
    return (points @ planes[:, :2].T + planes[:, 2]).max(axis=1) <= 1e-9


@pytest.mark.parametrize("turned", [0.0, 0.15])
@pytest.mark.parametrize("size", [64, 96])
def test_the_map_is_linear_over_the_delaunay_triangles(size: int, turned: float) -> None:
    source, goal = shapes(6, size, 0), shapes(6, size, 1, turned)
    got = (maps(source, goal, still(6), still(6), size, size, CPU).numpy() + 1) * (size - 1) / 2
    y, x = np.mgrid[:size, :size]
    dropped = 0
    for mine, of, to in zip(got, source, goal, strict=True):
        drop = in_hull(of[17:], of[:18]) | in_hull(to[17:], to[:18])
        dropped += drop.sum()
        kept = np.r_[~drop, np.ones(50, bool)]
        fixed = anchors(size).T
        expected = LinearNDInterpolator(np.r_[to[kept], fixed], np.r_[of[kept], fixed])(x, y)
        error = np.abs(mine - expected)
        assert np.percentile(error, 99.9) < 1e-3
        assert error.max() < 0.1
    assert dropped >= (20 if turned else 6)


def test_landmarks_land_where_they_should() -> None:
    """A map that is asked at the goal's points answers with the source's."""
    size = 256
    source, goal = shapes(4, size, 2), np.round(shapes(4, size, 3))
    got = (maps(source, goal, still(4), still(4), size, size, CPU).numpy() + 1) * (size - 1) / 2
    for mine, of, to in zip(got, source, goal, strict=True):
        x, y = to[27:60].astype(int).T
        np.testing.assert_allclose(mine[y, x], of[27:60], atol=0.02)


def test_placed_and_in_one_mean_the_same() -> None:
    """Fetching from the placed crop, or from the crop itself through the way back."""
    size, turn = 64, np.radians(8)
    placement = np.array([[[-np.cos(turn), np.sin(turn), 60.0], [np.sin(turn), np.cos(turn), -4.0]]])
    source, goal = shapes(1, size, 4), shapes(1, size, 5)
    placed = maps(source, goal, placement, still(1), size, size, CPU)[0].numpy()
    linear = np.linalg.inv(placement[0, :, :2])
    back = np.column_stack((linear, -linear @ placement[0, :, 2]))[None]
    direct = maps(source, goal, placement, back, size, size, CPU)[0].numpy()
    pixels = (placed + 1) * (size - 1) / 2
    expected = (pixels - placement[0, :, 2]) @ linear.T
    np.testing.assert_allclose((direct + 1) * (size - 1) / 2, expected, atol=0.02)


def test_a_smaller_map_lies_over_the_same_area() -> None:
    source, goal = shapes(1, 128, 6), shapes(1, 128, 7)
    large = maps(source, goal, still(1), still(1), 128, 128, CPU)[0].numpy()
    small = maps(source, goal, still(1), still(1), 128, 64, CPU)[0].numpy()
    means = large.reshape(64, 2, 64, 2, 2).mean(axis=(1, 3))
    assert np.percentile(np.abs(small - means), 99) < 0.5 * 2 / 127


def test_points_in_hulls() -> None:
    rng = np.random.default_rng(0)
    corners, points = rng.normal(0, 1, (20, 2, 30)), rng.normal(0, 1.6, (20, 2, 18))
    points[:, :, 0] = corners[:, :, 5]  # on the hull or in it, never outside
    found = within(corners, points)
    for hull, of, inside in zip(corners, points, found, strict=True):
        assert np.array_equal(inside, in_hull(hull.T, of.T))
    assert found[:, 0].all()
    assert 0.2 < found.mean() < 0.9


def test_the_nearest_faces_of_the_other_side() -> None:
    mine, theirs = shapes(40, 64, 8).astype(np.float32), shapes(70, 64, 9).astype(np.float32)
    found = nearest(mine, theirs, CPU)
    expected = np.argsort(cdist(mine.reshape(40, -1), theirs.reshape(70, -1)), axis=1)[:, :10]
    assert np.array_equal(np.sort(found, axis=1), np.sort(expected, axis=1))
    assert nearest(mine[:6], theirs, CPU).shape == (6, 5)
    assert nearest(mine[:1], theirs, CPU).shape == (1, 1)
