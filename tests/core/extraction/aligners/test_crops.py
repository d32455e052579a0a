"""Squares for networks: points go in and come back, pixels lie where the matrix says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.extraction.aligners.crops import UPRIGHT_BOX, centre_of, cut, square
from understudy.core.extraction.aligners.cv2_dnn import Cv2Dnn
from understudy.core.faces.geometry import invert, transform

numbers = st.floats(-3000, 3000)


def ramp(height: int = 200, width: int = 240) -> np.ndarray:
    """A picture whose red is x and whose green is y."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.zeros_like(x)], 2).astype(np.uint8)


@given(numbers, numbers, st.floats(1, 5000), st.integers(8, 512), numbers, numbers)
def test_points_come_back(x, y, side, size, u, v):
    matrix = square((x, y), side, size)
    np.testing.assert_allclose(transform(transform(np.array([(u, v)]), matrix), invert(matrix)), [(u, v)], atol=1e-5)


@given(numbers, numbers, st.floats(1, 5000), st.integers(8, 512))
def test_the_squares_area_is_the_crops(x, y, side, size):
    corners = np.array([(x - side / 2, y - side / 2), (x + side / 2, y + side / 2), (x, y)])
    wanted = [(-0.5, -0.5), (size - 0.5, size - 0.5), ((size - 1) / 2, (size - 1) / 2)]
    np.testing.assert_allclose(transform(corners, square((x, y), side, size)), wanted, atol=1e-6)


@pytest.mark.parametrize("side", [64.0, 100.0, 47.3])
def test_pixels_lie_where_the_matrix_says(side):
    matrix = square((120.3, 95.6), side, 64)
    crop = cut(ramp(), matrix, 64)
    places = np.array([(8, 8), (31, 40), (55, 20)])
    in_picture = transform(places, invert(matrix))
    np.testing.assert_allclose([crop[y, x, :2] for x, y in places], in_picture, atol=0.8)


def test_whole_pixels_are_copied():
    crop = cut(ramp(), square((99.5, 79.5), 64, 64), 64)
    np.testing.assert_array_equal(crop, ramp()[48:112, 68:132])


def test_beyond_the_picture_is_black():
    crop = cut(np.full((50, 50, 3), 200, np.uint8), square((0, 25), 40, 40), 40)
    assert crop[:, :18].max() == 0
    assert crop[:, 22:].min() == 200


def test_the_centre_of_a_box_is_that_of_its_pixels():
    assert centre_of((10, 20, 1, 1)) == (10, 20)
    assert centre_of((10, 20, 4, 2)) == (11.5, 20.5)


def test_the_upright_box_is_padded_by_three_tenths():
    x, y, w, h = UPRIGHT_BOX
    assert 1 / w == pytest.approx(0.7)
    assert (x + w / 2, y + h / 2, w) == pytest.approx((0.5, 0.5, h))


@pytest.mark.parametrize("box", [(30, 40, 60, 90), (30, 40, 90, 60)])
def test_opencvs_square_has_the_longer_side_and_is_lower_by_half_the_difference(box):
    corners = transform(np.array([(-0.5, -0.5), (127.5, 127.5)]), invert(Cv2Dnn._matrix(box)))
    left, top, right, bottom = corners.ravel()
    assert (right - left, bottom - top) == pytest.approx((90, 90))
    x, y = centre_of(box)
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((x, y + 15))
