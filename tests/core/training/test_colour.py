"""Colour augmentation against OpenCV, and its distributions."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.training.augmenting.colour import clahe, lab_tables, vary, vary_in_8_bits


def faces(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Smooth colour pictures, uint8 [N, size, size, 4]."""
    rng = np.random.default_rng(seed)
    return np.stack([cv2.resize(rng.integers(0, 256, (6, 6, 4), np.uint8), (size, size)) for _ in range(count)])


def by_tensors(crops: np.ndarray, shifts: np.ndarray, grids: np.ndarray) -> np.ndarray:
    planes = torch.from_numpy(crops[..., :3]).permute(0, 3, 1, 2).contiguous()
    return vary(planes, shifts, grids).permute(0, 2, 3, 1).numpy() * 255


def test_colour_tables_follow_the_formula() -> None:
    tables = lab_tables(np.array([[0.3, -0.08, 0.0]]))
    assert tables.shape == (1, 1, 256, 3)
    for x in (0, 17, 128, 255):
        assert tables[0, 0, x].tolist() == [round(x + (255 - x) * 0.3), round(x * (1 - 0.08)), x]


def test_no_shift_changes_nothing_on_a_card() -> None:
    """All 256 values of each channel, which 8-bit LAB could not give back."""
    crops = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 2, indexing="ij"), -1)
    crops = np.stack([np.dstack((crops, np.full(crops.shape[:2], blue))) for blue in (0, 60, 255)]).astype(np.uint8)
    out = by_tensors(crops, np.zeros((3, 3)), np.zeros(3, int))
    np.testing.assert_allclose(out, crops, atol=0.05)


@pytest.mark.parametrize(("grid", "mean", "most"), [(0, 1.0, 6), (3, 2.0, 10)])
def test_both_roads_show_the_same(grid: int, mean: float, most: float) -> None:
    """8-bit LAB rounds L to 0.4 %, a and b to whole steps; CLAHE stretches a step of L to some."""
    crops = faces(16, 64)
    shifts = np.random.default_rng(1).uniform(-1, 1, (16, 3)) * [0.3, 0.08, 0.08]
    grids = np.full(16, grid)
    difference = np.abs(by_tensors(crops, shifts, grids) - vary_in_8_bits(crops, shifts, grids))
    assert difference.mean() < mean
    assert np.percentile(difference, 99.5) <= most


def test_mixed_grids_are_those_of_each_face() -> None:
    crops, grids = faces(6, 64), np.array([0, 4, 2, 4, 6, 0])
    shifts = np.random.default_rng(1).uniform(-0.3, 0.3, (6, 3))
    whole = by_tensors(crops, shifts, grids)
    for index in range(6):
        one = slice(index, index + 1)
        np.testing.assert_allclose(by_tensors(crops[one], shifts[one], grids[one])[0], whole[index], atol=1e-3)


@given(size=st.integers(16, 97), grid=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_clahe_is_opencv_s_whatever_the_grid(size: int, grid: int, seed: int) -> None:
    if -(-size // grid) * grid - size >= size:
        return  # more mirrored picture than there is picture
    picture = cv2.resize(np.random.default_rng(seed).integers(0, 256, (5, 7), np.uint8), (size, size))
    expected = cv2.createCLAHE(2.0, (grid, grid)).apply(picture)
    got = clahe(torch.from_numpy(picture)[None].float(), grid)[0].numpy()
    assert np.abs(got - expected).max() <= 0.51  # it rounds, we do not


def test_clahe_spreads_what_it_clips_as_opencv_does() -> None:
    """Few levels: nearly everything is clipped, and the rest of the division is spread in steps."""
    for levels in (2, 3, 7):
        picture = (np.arange(64 * 64) % levels * 40).astype(np.uint8).reshape(64, 64)
        expected = cv2.createCLAHE(2.0, (4, 4)).apply(picture)
        got = clahe(torch.from_numpy(picture)[None].float(), 4)[0].numpy()
        assert np.abs(got - expected).max() <= 0.51


def test_clahe_works_on_lightness_alone() -> None:
    crops = faces(1, 64)
    lab = cv2.cvtColor(crops[0, ..., :3].copy(), cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(2.0, (2, 2)).apply(lab[..., 0].copy())
    expected = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    assert np.array_equal(vary_in_8_bits(crops, np.zeros((1, 3)), np.array([2]))[0], expected)
