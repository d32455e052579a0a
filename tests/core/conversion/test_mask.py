"""Mask blur, erosion and box against scipy and plain numpy, from their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from understudy.core.conversion import mask as masks


def disc(size: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return (x * x + y * y <= radius * radius).astype(np.float32)


def gaussian(mask: np.ndarray, width: int) -> np.ndarray:
    """Convolution with a sampled, normalised gaussian; edges mirrored about the border pixels."""
    sigma = 0.3 * ((width - 1) * 0.5 - 1) + 0.8
    x = np.arange(width) - width // 2
    taps = np.exp(-x * x / (2 * sigma * sigma))
    taps /= taps.sum()
    return ndimage.convolve1d(ndimage.convolve1d(mask, taps, 0, mode="mirror"), taps, 1, mode="mirror")


@pytest.mark.parametrize(("kind", "kernel", "passes", "widths"), [
    ("normalized", 3, 4, [3, 3, 3, 3]),  # 3 * 0.5 = 1.5 -> 2 -> 3
    ("normalized", 9, 4, [9, 5, 3, 3]),
    ("gaussian", 9, 4, [9, 7, 7, 7]),
    ("gaussian", 4, 2, [5, 5]),
    ("gaussian", 1, 8, []),
    ("none", 9, 8, []),
])
def test_blur_kernels(kind: str, kernel: int, passes: int, widths: list[int]) -> None:
    assert masks.blur_kernels(kind, kernel, passes) == widths


@pytest.mark.parametrize("kernel", [1, 2, 3, 6, 9])
@pytest.mark.parametrize("passes", [1, 4])
def test_blur_agrees_with_scipy(kernel: int, passes: int) -> None:
    drawn = disc(64, 21.3)
    drawn[:, :8] = 1.0  # reaches the edge, so that the border rule is seen too
    for kind in ("normalized", "gaussian"):
        expected = drawn.astype(np.float64)
        for width in masks.blur_kernels(kind, kernel, passes):
            expected = (ndimage.uniform_filter(expected, width, mode="mirror") if kind == "normalized"
                        else gaussian(expected, width))
        np.testing.assert_allclose(masks.blur(drawn, kind, kernel, passes), expected, atol=2e-6)


def test_no_blur_leaves_the_mask_alone() -> None:
    drawn = disc(32, 10)
    assert masks.blur(drawn, "none", 9, 8) is drawn


@pytest.mark.parametrize("percent", [-40.0, -10.0, 0.0, 1.0, 10.0, 40.0])
def test_erosion_moves_the_edge_by_its_kernel(percent: float) -> None:
    drawn = disc(129, 40)
    width = int(abs(percent) / 100 * np.sqrt(drawn.sum()) / 2)
    moved = (width | 1) // 2 if width else 0
    changed = masks.erode(drawn, percent)
    radius = 40 - np.sign(percent) * moved
    row = changed[64]
    assert row.sum() == pytest.approx(2 * radius + 1, abs=4)  # OpenCV's round kernels have flattened sides
    np.testing.assert_array_equal(changed, changed[::-1, ::-1])  # it stays where it is
    assert (changed <= drawn).all() if percent >= 0 else (changed >= drawn).all()


@pytest.mark.parametrize("size", [32, 64, 100, 256])
def test_box(size: int) -> None:
    border = size // 32 + 1
    hard = masks.box(size, soft=False)
    expected = np.pad(np.ones((size - 2 * border,) * 2), border)
    np.testing.assert_array_equal(hard, expected)
    width = 2 * max(1, round(0.06 * np.sqrt(expected.sum()))) + 1
    np.testing.assert_allclose(masks.box(size, soft=True), gaussian(expected, width), atol=2e-6)
    assert masks.box(size, soft=True)[0].max() < 0.15


def test_blended_is_the_lesser_of_mask_and_box() -> None:
    ones = np.ones((64, 64), np.float32)
    np.testing.assert_allclose(masks.blended(ones), masks.box(64, True), atol=1e-6)
    np.testing.assert_array_equal(masks.blended(ones, with_box=False), ones)
    small = disc(64, 10)
    np.testing.assert_array_equal(masks.blended(small), small)  # well inside the box


@settings(max_examples=40, deadline=None)
@given(st.integers(16, 96), st.floats(-100, 100), st.sampled_from(["gaussian", "normalized", "none"]),
       st.integers(1, 9), st.integers(1, 8), st.integers(0, 2**31))
def test_any_setting_gives_a_mask(size: int, percent: float, kind: str, kernel: int, passes: int, seed: int) -> None:
    raw = (np.random.default_rng(seed).random((size, size)) > 0.4).astype(np.float32)
    mask = masks.blended(masks.blur(raw, kind, kernel, passes), erosion=percent, soft_box=kind != "none")
    assert mask.shape == (size, size)
    assert mask.dtype == np.float32
    assert 0.0 <= mask.min() <= mask.max() <= 1.0
