"""Masks on their way into the store and out again: nothing moves, and nothing lies outside the frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import UsageError
from understudy.core.extraction.maskers.custom import Custom
from understudy.core.extraction.maskers.landmark import draw
from understudy.core.extraction.maskers.stored import check_size, inside_frame, interpolator, lay, to_store
from understudy.core.faces.crop import crop
from understudy.core.faces.geometry import MEAN_FACE, Alignment, invert, transform
from understudy.core.faces.nouns import AlignedFace, StoredMask
from understudy.core.options.maskers import MaskerOptions

WIDTH, HEIGHT = 400, 300


def landmarks(x: float, y: float, size: float, degrees: float) -> np.ndarray:
    t = np.linspace(np.pi, 0, 17)
    jaw = np.column_stack([0.5 + 0.6 * np.cos(t), 0.25 + 0.9 * np.sin(t)])
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return ((np.concatenate([jaw, MEAN_FACE]) - 0.5) @ matrix * size + (x, y)).astype(np.float32)


def cut(points: np.ndarray, size: int, centering: str) -> AlignedFace:
    return crop(np.zeros((HEIGHT, WIDTH, 3), np.uint8), Alignment(points), size, centering)


@settings(max_examples=40, deadline=None)
@given(st.floats(100, 300), st.floats(100, 200), st.floats(40, 110), st.floats(-60, 60),
       st.sampled_from([256, 300, 500, 512]), st.sampled_from([64, 100, 128, 0]),
       st.sampled_from(["face", "head", "legacy"]))
def test_a_mask_lies_over_the_frame_where_it_was_made(x: float, y: float, size: float, degrees: float, own: int,
                                                      stored: int, centering: str) -> None:
    points = landmarks(x, y, size, degrees)
    face = cut(points, own, centering)
    mask = to_store("test", draw(face.landmarks, own, "components"), face, (WIDTH, HEIGHT), stored)
    assert mask.pixels.shape == (stored or own,) * 2
    np.testing.assert_allclose(mask.matrix, Alignment(points).matrix(stored or own, centering), atol=1e-6)
    laid = lay(mask, np.eye(2, 3), (WIDTH, HEIGHT)) > 127
    wanted = draw(points, WIDTH, "components")[:HEIGHT] > 127
    assert laid.shape == (HEIGHT, WIDTH)
    assert (laid & wanted).sum() / (laid | wanted).sum() > 0.95


@settings(max_examples=60, deadline=None)
@given(st.floats(-200, 600), st.floats(-200, 500), st.floats(5, 800), st.floats(-180, 180))
def test_nothing_beyond_the_frame_counts(x: float, y: float, size: float, degrees: float) -> None:
    matrix = Alignment(landmarks(x, y, size, degrees)).matrix(64, "face")
    kept = inside_frame(np.full((64, 64), 255, np.uint8), matrix, (WIDTH, HEIGHT)) > 0
    u, v = transform(np.mgrid[:64, :64][::-1].transpose(1, 2, 0), invert(matrix)).transpose(2, 0, 1)
    margin = 1.5 / np.hypot(*matrix[0, :2]) + 0.5  # a mask's pixel and a half
    surely_in = (u > margin) & (v > margin) & (u < WIDTH - 1 - margin) & (v < HEIGHT - 1 - margin)
    surely_out = (u < -margin) | (v < -margin) | (u > WIDTH - 1 + margin) | (v > HEIGHT - 1 + margin)
    assert kept[surely_in].all()
    assert not kept[surely_out].any()


def test_masks_are_shrunk_without_shimmering() -> None:
    """A fine pattern becomes its mean, rather than whichever pixels are hit."""
    fine = (np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)
    small = lay(StoredMask("", fine, np.eye(2, 3)), np.eye(2, 3) / 8, 64)
    np.testing.assert_allclose(small[4:-4, 4:-4], 127.5, atol=6)


def test_the_flag_for_laying_a_mask_back() -> None:
    assert interpolator(np.eye(2, 3) * 0.4) == cv2.INTER_LINEAR
    assert interpolator(np.eye(2, 3)) == cv2.INTER_AREA


def test_sizes() -> None:
    for good in (0, 64, 128, 1024):
        check_size(good)
    for bad in (1, 63):
        with pytest.raises(UsageError, match="64 to 1024"):
            check_size(bad)


@pytest.mark.parametrize(("fill", "value"), [("face", 255), ("background", 0)])
@pytest.mark.parametrize("centering", ["face", "head"])
def test_custom_masks_are_all_one_thing(fill: str, value: int, centering: str) -> None:
    masker = Custom(MaskerOptions(custom_fill=fill, custom_centering=centering))
    assert masker.centering == centering
    (mask,) = masker.mask([cut(landmarks(200, 150, 80, 0), masker.size, centering)])
    assert mask.shape == (masker.size, masker.size)
    assert (mask == value).all()
