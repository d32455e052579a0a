"""Heatmaps to places: exact on Gaussians at known places, sane on everything else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from understudy.core.extraction.aligners.heatmaps import dark, decode, neighbour

SIZE = 64


def gaussians(places: np.ndarray, sigma: float = 1.5, height: float = 0.8) -> np.ndarray:
    """float32 [N, 64, 64] with peaks at `places` [N, 2]."""
    y, x = np.mgrid[:SIZE, :SIZE]
    squared = (x - places[:, 0, None, None]) ** 2 + (y - places[:, 1, None, None]) ** 2
    return (height * np.exp(-squared / (2 * sigma ** 2))).astype(np.float32)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0])
def test_dark_recovers_places_between_pixels(sigma):
    places = np.random.default_rng(1).uniform(9, SIZE - 10, (300, 2))
    assert np.linalg.norm(dark(gaussians(places, sigma)) - places, axis=1).max() < 0.05


def test_dark_on_noise_and_an_offset_stays_within_a_fifth_of_a_pixel():
    random = np.random.default_rng(2)
    places = random.uniform(9, SIZE - 10, (200, 2))
    maps = gaussians(places, 2.0) + random.normal(0, 0.01, (200, SIZE, SIZE)).astype(np.float32)
    error = np.linalg.norm(dark(maps) - places, axis=1)
    assert error.mean() < 0.1
    assert error.mean() < np.linalg.norm(neighbour(maps) - places, axis=1).mean() / 2


def test_dark_fits_a_slanted_oval_too():
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    u, v = (x - 30.3) + 0.5 * (y - 25.8), (y - 25.8)
    oval = np.exp(-u ** 2 / 8 - v ** 2 / 18).astype(np.float32)
    np.testing.assert_allclose(dark(oval[None]), [(30.3, 25.8)], atol=0.05)


def test_neighbour_leans_a_quarter_towards_the_greater_side():
    places = np.array([(20.3, 40.8), (33.0, 12.4), (50.6, 50.0)])
    np.testing.assert_array_equal(neighbour(gaussians(places)), [(20.25, 40.75), (33.0, 12.25), (50.75, 50.0)])


@pytest.mark.parametrize("method", ["dark", "neighbour"])
@pytest.mark.parametrize("corner", [(0, 0), (SIZE - 1, 0), (0, SIZE - 1), (SIZE - 1, SIZE - 1), (1, 30), (30, 62)])
def test_peaks_on_the_rim_stay_on_the_map(method, corner):
    (place,) = decode(gaussians(np.array([corner], float))[None], method)[0]
    assert np.abs(place - corner).max() <= 1
    assert (place >= 0).all()
    assert (place <= SIZE - 1).all()


@pytest.mark.parametrize("method", ["dark", "neighbour"])
@given(maps=hnp.arrays(np.float32, (2, 3, 16, 16), elements=st.floats(-1, 1, width=32)))
@settings(max_examples=60, deadline=None)
def test_whatever_a_network_draws_gives_places_on_the_map(method, maps):
    places = decode(maps, method)
    assert places.shape == (2, 3, 2)
    assert np.isfinite(places).all()
    assert places.min() >= -1
    assert places.max() <= 16


def test_each_map_is_read_by_itself():
    places = np.random.default_rng(3).uniform(9, SIZE - 10, (2, 5, 2))
    maps = gaussians(places.reshape(-1, 2)).reshape(2, 5, SIZE, SIZE)
    together = decode(maps, "dark")
    for n in range(2):
        np.testing.assert_allclose(decode(maps[n:n + 1], "dark")[0], together[n], atol=1e-4)
