"""Normalisation against its definitions, written down once more in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import astronaut

from understudy.core.extraction.aligners.normalization import normalized

PICTURE = astronaut()[40:168, 160:288]


def stretched(channel: np.ndarray) -> np.ndarray:
    low, high = float(channel.min()), float(channel.max())
    return np.rint((channel - low) / (high - low) * 255)


def equalized(channel: np.ndarray) -> np.ndarray:
    counts = np.bincount(channel.ravel(), minlength=256)
    below = np.cumsum(counts)
    first = counts[counts > 0][0]
    return np.rint((below[channel] - first) / (channel.size - first) * 255)


def equalized_in_tiles(channel: np.ndarray, limit: float = 2.0, tiles: int = 4) -> np.ndarray:
    """CLAHE for sides that the tiles divide: clipped histograms, and a blend of the four nearest tiles' curves."""
    side = channel.shape[0] // tiles
    clip = int(limit * side * side / 256)
    curves = np.zeros((tiles, tiles, 256))
    for row in range(tiles):
        for column in range(tiles):
            counts = np.bincount(channel[row * side:][:side, column * side:][:, :side].ravel(), minlength=256)
            excess = int(np.maximum(counts - clip, 0).sum())
            counts = np.minimum(counts, clip) + excess // 256
            left = excess % 256
            if left:
                counts[np.arange(0, 256, max(256 // left, 1))[:left]] += 1
            curves[row, column] = np.rint(np.cumsum(counts) * 255 / side ** 2).clip(0, 255)
    along = np.arange(channel.shape[0]) / side - 0.5
    before = np.floor(along).astype(int)
    share = along - before
    first, second = before.clip(0, tiles - 1), (before + 1).clip(0, tiles - 1)
    y, x = share[:, None], share[None, :]
    return np.rint((curves[first[:, None], first[None, :], channel] * (1 - x)
                    + curves[first[:, None], second[None, :], channel] * x) * (1 - y)
                   + (curves[second[:, None], first[None, :], channel] * (1 - x)
                      + curves[second[:, None], second[None, :], channel] * x) * y)


@pytest.mark.parametrize(("method", "definition"), [
    ("mean", stretched), ("hist", equalized), ("clahe", equalized_in_tiles)])
@pytest.mark.parametrize("dark", [False, True])
def test_each_method_is_what_its_definition_says(method, definition, dark):
    picture = (PICTURE * 0.3 + 20).astype(np.uint8) if dark else PICTURE
    result = normalized(picture, method)
    assert result.dtype == np.uint8
    for channel in range(3):
        np.testing.assert_allclose(result[..., channel], definition(picture[..., channel]), atol=1)


def test_none_is_the_picture_itself_and_no_method_changes_its_input():
    before = PICTURE.copy()
    assert normalized(PICTURE, "none") is PICTURE
    for method in ("mean", "hist", "clahe"):
        normalized(PICTURE, method)
    np.testing.assert_array_equal(PICTURE, before)


@pytest.mark.parametrize("method", ["mean", "hist", "clahe"])
def test_one_flat_colour_and_tiny_pictures_pass(method):
    flat = np.full((9, 7, 3), (0, 90, 255), np.uint8)
    assert normalized(flat, method).shape == flat.shape
    assert normalized(flat[:1, :1], method).shape == (1, 1, 3)


def test_hard_light_becomes_even():
    shadowed = (PICTURE * np.linspace(0.15, 1, 128)[None, :, None]).astype(np.uint8)

    def tilt(picture):
        return abs(float(picture[:, :64].mean()) - float(picture[:, 64:].mean())) / float(picture.std())

    assert tilt(normalized(shadowed, "clahe")) < tilt(shadowed)
