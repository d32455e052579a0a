"""What training does to masks, and the masks of eyes and mouth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import UsageError
from understudy.core.extraction.maskers.landmark import draw
from understudy.core.faces.geometry import MEAN_FACE
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.folder import Settings
from understudy.core.training.faces import masks
from understudy.core.training.faces.data import load_faces
from understudy.core.training.faces.reading import Cut
from understudy.core.training.faces.sides import require_mask

JAW = np.array([(-0.08 + 1.16 * t, 0.2 + 0.95 * np.sin(np.pi * t) ** 0.6) for t in np.linspace(0, 1, 17)])
POINTS = np.concatenate((JAW, MEAN_FACE)) * 70 + 28


def disc(size: int = 128, radius: float = 30, value: int = 255) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.where(np.hypot(x, y) < radius, value, 0).astype(np.uint8)


def radius_of(mask: np.ndarray) -> float:
    return float(np.sqrt((mask > 127).sum() / np.pi))


@settings(max_examples=30, deadline=None)
@given(st.floats(-5, 5), st.sampled_from((64, 128, 256)))
def test_dilation_is_told_in_percent_of_the_side_and_keeps_the_place(percent: float, size: int) -> None:
    mask = disc(size, size / 4)
    changed = masks.dilate(mask, percent)
    width = round(size * abs(percent) / 100)
    grown = np.sign(percent) * ((width | 1) - 1) / 2 if width else 0
    assert radius_of(changed) == pytest.approx(size / 4 + grown, abs=0.8)
    np.testing.assert_array_equal(changed, changed[::-1, ::-1])


def test_threshold_makes_what_is_nearly_black_or_white_so() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(masks.clean(levels, 0), levels)
    cleaned = masks.clean(levels, 10).ravel()  # t = 25.5
    assert (cleaned[:26] == 0).all()
    assert (cleaned[230:] == 255).all()
    np.testing.assert_array_equal(cleaned[26:230], np.arange(26, 230))
    assert set(masks.clean(levels, 50).ravel()) == {0, 255}


def test_blur_is_told_for_a_mask_of_128_and_grows_with_it() -> None:
    sharp = disc()
    soft = masks.MaskWork(blur_kernel=4).stored(sharp)
    np.testing.assert_allclose(soft.astype(int), cv2.GaussianBlur(sharp, (5, 5), 0), atol=2)  # its fixed-point kernel
    assert np.array_equal(masks.MaskWork(blur_kernel=0).stored(sharp), sharp)
    large = masks.MaskWork(blur_kernel=4).stored(disc(256, 60))
    shrunk = cv2.resize(large, (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk.astype(int) - soft).mean() < 0.6
    assert ((large > 0) & (large < 255)).sum() > 1.6 * ((soft > 0) & (soft < 255)).sum()


def test_drawn_masks_are_only_widened() -> None:
    work = masks.MaskWork(dilation=4, threshold=50, blur_kernel=9)
    drawn = draw(POINTS, 128, "extended")
    np.testing.assert_array_equal(work.drawn(drawn), masks.dilate(drawn, 4))


def test_parts_cover_eyes_and_mouth_and_nothing_else() -> None:
    eyes, mouth = masks.part(POINTS, 128, "eyes"), masks.part(POINTS, 128, "mouth")
    for mask, inside, outside in ((eyes, range(36, 48), (*range(17), *range(48, 68))),
                                  (mouth, range(48, 68), (*range(17), *range(36, 48)))):
        x, y = np.rint(POINTS).astype(int).T
        assert (mask[y[list(inside)], x[list(inside)]] > 80).all()
        assert (mask[y[list(outside)], x[list(outside)]] == 0).all()
        assert 0.005 < (mask > 127).mean() < 0.1
        assert set(np.unique(mask)) - {0, 255}  # soft edges


def test_parts_come_as_channels_only_where_they_are_asked_for(faces_a: Path) -> None:
    plain = load_faces(faces_a, Cut(64, Settings("sketch")), SilentReporter(), "A")
    with_parts = load_faces(faces_a, Cut(64, Settings("sketch"), parts=True), SilentReporter(), "A")
    assert (plain.masks, plain.crops.shape) == (("face",), (28, 64, 64, 4))
    assert (with_parts.masks, with_parts.crops.shape) == (("face", "eyes", "mouth"), (28, 64, 64, 6))
    np.testing.assert_array_equal(with_parts.crops[..., :4], plain.crops)
    eyes, mouth = masks.part(with_parts.landmarks[5], 64, "eyes"), masks.part(with_parts.landmarks[5], 64, "mouth")
    np.testing.assert_allclose(with_parts.crops[5, ..., 4:].astype(int), np.dstack((eyes, mouth)), atol=3)


def test_no_mask_is_a_full_one_unless_something_needs_it(faces_a: Path) -> None:
    none = Settings("sketch", mask_type="none", penalized_mask_loss=False)
    require_mask(none)
    assert (load_faces(faces_a, Cut(32, none), SilentReporter(), "A").crops[..., 3] == 255).all()
    with pytest.raises(UsageError, match="--no-penalized-mask-loss"):
        require_mask(Settings("sketch", mask_type="none"))


def test_dilation_reaches_the_crops(faces_a: Path) -> None:
    areas = [(load_faces(faces_a, Cut(64, Settings("sketch"), masks.MaskWork(dilation=percent)), SilentReporter(), "A"
                         ).crops[..., 3] > 127).mean() for percent in (-5, 0, 5)]
    assert areas[0] < areas[1] < areas[2]
