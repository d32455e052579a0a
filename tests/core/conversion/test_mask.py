"""Mask blur, threshold, erosion and box against scipy and plain numpy, from their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from understudy.core.conversion import mask as masks
from understudy.core.options.convert_look import ConvertLookOptions


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


def side_by_definition(mask: np.ndarray, percent: float, side: str, reach: float) -> np.ndarray:
    """Least (or greatest) of the pixels on a line of the kernel's length that ends at each pixel, edges going on."""
    width = int(abs(percent) / 100 * reach)
    turned = {"left": mask, "right": mask[:, ::-1], "top": mask.T, "bottom": mask[::-1].T}[side]
    back, ahead = (width - 1, 0) if percent > 0 else (0, width - 1)
    padded = np.pad(turned, ((0, 0), (back, ahead)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)
    moved = windows.min(-1) if percent > 0 else windows.max(-1)
    return {"left": moved, "right": moved[:, ::-1], "top": moved.T, "bottom": moved.T[::-1]}[side]


@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
@pytest.mark.parametrize("percent", [30.0, -30.0, 75.0])
def test_a_side_moves_alone(side: str, percent: float) -> None:
    mask = np.zeros((96, 96), np.float32)
    mask[30:70, 20:60] = 1.0
    mask[40:50, 30:35] = 0.3
    reach = np.sqrt(mask.sum()) / 2
    moved = masks.erode_side(mask, percent, side, reach)
    np.testing.assert_allclose(moved, side_by_definition(mask, percent, side, reach))
    way = (int(abs(percent) / 100 * reach) - 1) * np.sign(percent)
    edges = {"left": 20, "top": 30, "right": 59, "bottom": 69}
    edges[side] += int(way if side in ("left", "top") else -way)
    rows, columns = np.nonzero(moved)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == tuple(edges.values())


def test_sides_follow_the_erosion_all_round() -> None:
    """All kernels are measured on the mask as it was before any of them."""
    mask = np.zeros((96, 96), np.float32)
    mask[30:70, 20:60] = 1.0
    look = ConvertLookOptions(erosion=20.0, erosion_left=40.0, erosion_bottom=-30.0, erosion_top=10.0)
    reach = np.sqrt(mask.sum()) / 2
    expected = masks.erode(mask, 20.0)
    for side, percent in (("left", 40.0), ("top", 10.0), ("bottom", -30.0)):
        expected = side_by_definition(expected, percent, side, reach)
    np.testing.assert_allclose(masks.blended(mask, look, with_box=False), expected)


@pytest.mark.parametrize("percent", [0.0, 4.0, 25.0, 50.0])
def test_threshold(percent: float) -> None:
    values = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    t = percent / 100 * 255
    levels = np.arange(256).reshape(16, 16).astype(float)
    expected = np.where(levels < t, 0, np.where(levels > 255 - t, 255, levels)) / 255
    np.testing.assert_allclose(masks.thresholded(values, percent), expected, atol=1e-6)


@pytest.mark.parametrize("size", [32, 64, 100, 256])
@pytest.mark.parametrize(("distance", "radius", "passes"), [(3.125, 6.0, 1), (10.0, 3.0, 2), (0.0, 12.0, 1)])
def test_box(size: int, distance: float, radius: float, passes: int) -> None:
    border = size // 32 + 1 if distance == 3.125 else int(size * distance / 100) + 1
    expected = np.pad(np.ones((size - 2 * border,) * 2), border)
    np.testing.assert_array_equal(masks.box(size, "none", distance, radius, passes), expected)
    width = 2 * max(1, round(radius / 100 * np.sqrt(expected.sum()))) + 1
    soft = expected
    for number in range(passes):
        soft = gaussian(soft, width if number == 0 else round(width * 0.8) | 1)
    np.testing.assert_allclose(masks.box(size, "gaussian", distance, radius, passes), soft, atol=2e-6)
    mean = ndimage.uniform_filter(expected, width, mode="mirror")
    np.testing.assert_allclose(masks.box(size, "normalized", distance, radius, 1), mean, atol=2e-6)


def test_the_usual_box_hides_the_crops_edge() -> None:
    assert masks.box(128)[0].max() < 0.15
    assert masks.box(128)[64, 64] == pytest.approx(1.0)


def test_blended_is_the_lesser_of_mask_and_box() -> None:
    ones = np.ones((64, 64), np.float32)
    look = ConvertLookOptions()
    np.testing.assert_allclose(masks.blended(ones, look), masks.box(64), atol=1e-6)
    np.testing.assert_array_equal(masks.blended(ones, look, with_box=False), ones)
    small = disc(64, 10)
    np.testing.assert_array_equal(masks.blended(small, look), small)  # well inside the box
    # An unblurred mask has an unblurred box, unless a person says otherwise.
    hard = masks.blended(ones, ConvertLookOptions(mask_blur="none"))
    np.testing.assert_array_equal(hard, np.pad(np.ones((58, 58)), 3))
    asked = ConvertLookOptions(mask_blur="none", box_blur="gaussian", box_distance=10.0, box_radius=2.0)
    np.testing.assert_allclose(masks.blended(ones, asked), masks.box(64, "gaussian", 10.0, 2.0), atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(16, 96), st.lists(st.floats(-100, 100), min_size=5, max_size=5),
       st.sampled_from(["gaussian", "normalized", "none"]), st.integers(1, 9), st.integers(1, 8), st.integers(0, 2**31))
def test_any_setting_gives_a_mask(size: int, percents: list[float], kind: str, kernel: int, passes: int,
                                  seed: int) -> None:
    raw = (np.random.default_rng(seed).random((size, size)) > 0.4).astype(np.float32)
    names = ("erosion", "erosion_top", "erosion_bottom", "erosion_left", "erosion_right")
    look = ConvertLookOptions(mask_blur=kind, **dict(zip(names, percents, strict=True)))
    mask = masks.blended(masks.blur(raw, kind, kernel, passes), look)
    assert mask.shape == (size, size)
    assert mask.dtype == np.float32
    assert 0.0 <= mask.min() <= mask.max() <= 1.0
