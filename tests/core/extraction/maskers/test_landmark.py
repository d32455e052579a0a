"""Masks that are drawn from landmarks alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from understudy.core.extraction.maskers.landmark import draw, raise_brows
from understudy.core.faces.geometry import MEAN_FACE, transform
from understudy.core.faces.nouns import AlignedFace
from understudy.core.options.maskers import MaskerOptions
from understudy.core.options.rows import MASKERS


def aligned(size: int = 256) -> np.ndarray:
    t = np.linspace(np.pi, 0, 17)
    jaw = np.column_stack([0.5 + 0.6 * np.cos(t), 0.25 + 0.9 * np.sin(t)])
    return np.concatenate([jaw, MEAN_FACE]) * size / 2 + size / 4


@pytest.mark.parametrize("row", [row for row in MASKERS if row.load().is_drawn], ids=lambda row: row.name)
def test_it_covers_the_face_and_not_the_corners(row):
    points = aligned()
    face = AlignedFace(np.zeros((256, 256, 3), np.uint8), np.eye(2, 3), points.astype(np.float32), "face", 1.0)
    (mask,) = row.load()(MaskerOptions(), "cpu").mask([face])
    assert mask.shape == (256, 256)
    assert mask.dtype == np.uint8
    for x, y in points[27:68]:
        assert mask[round(y), round(x)] == 255
    assert mask[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0


def test_extended_is_components_and_more_above():
    components, extended = draw(aligned(), 256, "components"), draw(aligned(), 256, "extended")
    assert (extended.astype(int) - components < -128).sum() < 0.01 * (components > 128).sum()
    more = np.argwhere(extended.astype(int) - components > 128)
    assert len(more) > 500
    assert more[:, 0].max() < aligned()[36:48, 1].max()
    raised = raise_brows(aligned())
    np.testing.assert_array_equal(np.delete(raised, range(17, 27), 0), np.delete(aligned(), range(17, 27), 0))
    assert (raised[17:27, 1] < aligned()[17:27, 1]).all()


@pytest.mark.parametrize("kind", ["components", "extended"])
def test_masks_are_the_same_at_every_size_and_glide_by_fractions_of_a_pixel(kind):
    large, small = draw(aligned(512), 512, kind), draw(aligned(512) / 8 - 0.4375, 64, kind)
    np.testing.assert_allclose(cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA), small, atol=64)
    np.testing.assert_allclose(large.mean(), small.mean(), rtol=0.02)
    areas = [float((draw(np.add(aligned(64), (shift, 0)), 64, kind).astype(float) @ np.arange(64)).sum())
             for shift in np.linspace(0, 1, 9)]
    assert (np.diff(areas) > 0).all()
    assert set(np.unique(draw(aligned(64), 64, kind))) - {0, 255}  # anti-aliased


def test_masks_bear_points_far_outside():
    assert draw(transform(aligned(), np.array([(1e6, 0, 0), (0, 1e6, 0)])), 64, "extended").shape == (64, 64)
