"""Every colour method keeps shape and range; avg-color against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.core.options import Row, find
from understudy.core.options.rows import COLOURS


def pictures(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    new = random.uniform(0.3, 0.6, (48, 48, 3)).astype(np.float32)
    old = random.uniform(0.2, 0.8, (48, 48, 3)).astype(np.float32)
    mask = random.uniform(0, 1, (48, 48)).astype(np.float32) ** 2
    return new, old, mask


@pytest.mark.parametrize("row", COLOURS, ids=lambda row: row.name)
def test_every_method_gives_a_picture(row: Row) -> None:
    method = row.load()()
    for mask in (pictures()[2], np.zeros((48, 48), np.float32), np.ones((48, 48), np.float32)):
        new, old, _ = pictures()
        before = (new.copy(), old.copy(), mask.copy())
        result = method(new, old, mask)
        assert result.shape == new.shape
        assert result.dtype == np.float32
        assert result.min() >= 0.0
        assert result.max() <= 1.0
        for given, kept in zip((new, old, mask), before, strict=True):
            np.testing.assert_array_equal(given, kept)


def test_avg_color_is_the_definition() -> None:
    new, old, mask = pictures(1)
    expected = new.astype(np.float64)
    for _ in range(2):
        for channel in range(3):
            difference = (old[..., channel] - expected[..., channel]) * mask
            expected[..., channel] += difference.sum() / mask.sum(dtype=np.float64)
    result = find(COLOURS, "avg-color").load()()(new, old, mask)
    np.testing.assert_allclose(result, np.clip(expected, 0, 1), atol=1e-5)


def test_avg_color_matches_the_mean_inside_the_mask_only() -> None:
    new, old, _ = pictures(2)
    mask = np.zeros((48, 48), np.float32)
    mask[10:30, 12:40] = 1.0
    old[mask == 0] = 0.0  # what lies outside must not count
    result = find(COLOURS, "avg-color").load()()(new, old, mask)
    np.testing.assert_allclose(result[mask > 0].mean(0), old[mask > 0].mean(0), atol=1e-4)


def test_none_changes_nothing() -> None:
    new, old, mask = pictures(3)
    np.testing.assert_array_equal(find(COLOURS, "none").load()()(new, old, mask), new)
