"""From frame pixels to the screen: where known corners land, round trips, and outlines of masks of known shape."""

from __future__ import annotations

from dataclasses import replace
from math import cos, pi, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.addon.overlay import geometry as g
from understudy.core.faces.geometry import MEAN_FACE, Alignment, compose, invert, transform

share = st.floats(-2.0, 2.0)
positive = st.floats(0.1, 4.0)
places = st.builds(
    g.StripPlace, st.tuples(st.integers(16, 4000), st.integers(16, 4000)), st.tuples(st.floats(-900, 900),
                                                                                     st.floats(-900, 900)),
    st.tuples(positive, positive), st.floats(-7, 7), st.tuples(share, share), st.tuples(st.booleans(), st.booleans()),
    positive)


def test_an_untouched_strip_fills_the_picture() -> None:
    """The frame's outer corners are half the size from the middle, y up."""
    matrix = g.strip_view((640, 360), g.StripPlace((640, 360)))
    np.testing.assert_allclose(transform(np.array([(-0.5, -0.5), (639.5, 359.5), (319.5, 179.5)]), matrix),
                               [(-320, 180), (320, -180), (0, 0)], atol=1e-9)


def test_a_quarter_turn_is_counter_clockwise() -> None:
    matrix = g.strip_view((640, 360), g.StripPlace((640, 360), rotation=pi / 2))
    np.testing.assert_allclose(transform(np.array([(639.5, 179.5)]), matrix), [(0, 320)], atol=1e-9)


def test_a_flip_mirrors_the_whole_picture() -> None:
    """Not the strip in its place: one that stands on the right is seen on the left."""
    moved = g.StripPlace((640, 360), offset=(100, 30), flip=(True, True))
    np.testing.assert_allclose(transform(np.array([(319.5, 179.5)]), g.strip_view((640, 360), moved)), [(-100, -30)],
                               atol=1e-9)


@given(places, st.floats(0, 1), st.floats(0, 1))
def test_a_strip_s_pixels_lie_where_blender_was_measured_to_put_them(place: g.StripPlace, nx: float, ny: float) -> None:
    """The formula that was found by rendering dots (0.2 px, Blender 4.2 to 5.2), written out once more."""
    (w, h), (ox, oy) = place.size, place.origin
    px, py = (nx - ox) * w * place.scale[0], (ny - oy) * h * place.scale[1]
    c, s = cos(place.rotation), sin(place.rotation)
    x, y = c * px - s * py + (ox - .5) * w + place.offset[0], s * px + c * py + (oy - .5) * h + place.offset[1]
    x, y = (-x if place.flip[0] else x) * place.aspect, -y if place.flip[1] else y
    frame = np.array([(nx * 1920 - 0.5, (1 - ny) * 1080 - 0.5)])
    np.testing.assert_allclose(transform(frame, g.strip_view((1920, 1080), place)), [(x, y)], atol=1e-6)


@given(places, st.floats(-500, 500), st.floats(-500, 500))
def test_there_and_back_again(place: g.StripPlace, x: float, y: float) -> None:
    region = g.view_region((-310.0, -190.0), (335.5, 200.25), (781, 443))
    matrix = compose(region, g.strip_view((640, 360), place))
    np.testing.assert_allclose(transform(transform(np.array([(x, y)]), matrix), invert(matrix)), [(x, y)], atol=1e-5)


def test_the_region_s_corners() -> None:
    matrix = g.view_region((-10.0, 5.0), (30.0, 25.0), (800, 200))
    np.testing.assert_allclose(transform(np.array([(-10, 5), (30, 25), (10, 15)]), matrix),
                               [(0, 0), (800, 200), (400, 100)])


def test_features_join_neighbours_and_close_eyes_and_lips() -> None:
    pairs = {tuple(p) for p in g.SEGMENTS.tolist()}
    assert len(pairs) == len(g.SEGMENTS) == 68 - 9 + 4
    assert {(41, 36), (47, 42), (59, 48), (67, 60)} <= pairs
    assert not pairs & {(16, 17), (21, 22), (26, 27), (30, 31), (35, 36), (47, 48), (59, 60)}
    assert all(b - a == 1 or b < a for a, b in pairs)


def test_rings_and_dashes_run_around() -> None:
    corners = g.box_corners((10, 20, 30, 40))
    np.testing.assert_array_equal(g.ring(corners)[:4], [(10, 20), (40, 20), (40, 20), (40, 60)])
    dashes = g.dashed(corners, 5)
    assert len(dashes) == 4 * 2 * 5
    lengths = np.hypot(*(dashes[1::2] - dashes[::2]).T)
    np.testing.assert_allclose(lengths[:5], 30 / 9)
    np.testing.assert_allclose(dashes[::10], corners)


@pytest.mark.parametrize("centering", ["face", "head", "legacy"])
def test_the_crop_s_edge_is_that_of_its_pixels(centering: str) -> None:
    t = np.linspace(np.pi, 0, 17)
    jaw = np.column_stack([0.5 + 0.62 * np.cos(t), 0.25 + 0.95 * np.sin(t)])
    alignment = Alignment(np.vstack([jaw, MEAN_FACE]) * 90 + (200, 120))
    corners = g.crop_corners(alignment, centering, 0.875, 0.05)
    x, y = transform(corners, alignment.matrix(64, centering, 0.875, 0.05)).T
    np.testing.assert_allclose(x, [-0.5, 63.5, 63.5, -0.5], atol=1e-6)
    np.testing.assert_allclose(y, [-0.5, -0.5, 63.5, 63.5], atol=1e-6)
    roi = alignment.roi(256, centering, 0.875, 0.05)[[0, 3, 2, 1]]  # centres of the corner pixels, rounded
    assert np.abs(corners - roi).max() < 2.0


def disc(size: int, radius: float, middle: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - middle
    return (np.clip(radius - np.hypot(x, y) + 0.5, 0, 1) * 255).astype(np.uint8)


@settings(deadline=None, max_examples=30)
@given(st.floats(4, 20), st.floats(24, 40))
def test_the_outline_of_a_disc_is_its_circle(radius: float, middle: float) -> None:
    points = g.outline(disc(64, radius, middle))
    assert np.abs(np.hypot(*(points - middle).T) - radius).max() < 0.25
    pairs = points.reshape(-1, 2, 2)
    assert np.hypot(*(pairs[:, 1] - pairs[:, 0]).T).sum() == pytest.approx(2 * pi * radius, rel=0.03)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_outlines_are_closed_and_hold_what_is_inside(seed: int) -> None:
    """Whatever the mask: each end meets another one, and crossing a line goes in or out."""
    rng = np.random.default_rng(seed)
    mask = (rng.random((9, 9)) > 0.5).astype(np.uint8) * 255
    ends = np.round(g.outline(mask) * 4096).astype(np.int64)
    _, counts = np.unique(ends, axis=0, return_counts=True)
    assert (counts % 2 == 0).all()
    pairs = g.outline(mask).reshape(-1, 2, 2)
    for (py, px), value in np.ndenumerate(mask):
        # A ray to the right, a little off the grid, crosses the outline an odd number of times from inside.
        row = py + 0.013
        (ax, ay), (bx, by) = pairs[:, 0].T, pairs[:, 1].T
        crosses = (ay > row) != (by > row)
        at = ax[crosses] + (row - ay[crosses]) / (by[crosses] - ay[crosses]) * (bx[crosses] - ax[crosses])
        assert ((at > px).sum() % 2 == 1) == bool(value)


@pytest.mark.parametrize("value", [0, 255])
def test_a_mask_of_one_value(value: int) -> None:
    points = g.outline(np.full((6, 6), value, np.uint8))
    assert len(points) == (0 if value == 0 else 2 * 24)


sizes = st.tuples(st.integers(2, 900).map(lambda n: 2 * n), st.integers(2, 900).map(lambda n: 2 * n))


@given(places, sizes)
def test_a_full_rendering_of_even_sizes_is_the_render(place: g.StripPlace, full: tuple[int, int]) -> None:
    place = replace(place, size=(1920, 1080))
    rendering = g.Rendering(full, full, 1.0, (1920, 1080))
    np.testing.assert_allclose(g.strip_view((640, 360), place, rendering), g.strip_view((640, 360), place), atol=1e-9)


def test_a_proxy_lies_where_the_film_would_but_for_what_was_measured() -> None:
    """Half the size, and 1 % too narrow from its left edge on; the strip is scaled by 2 and moved by 10."""
    place = g.StripPlace((640, 360), offset=(10, 0), scale=(2, 2))
    squeezed = np.array([[0.99, 0, 0], [0, 1, 0]])
    rendering = g.Rendering((320, 180), (640, 360), 0.5, (320, 180), True, squeezed)
    edges = np.array([(-0.5, 179.5), (639.5, 179.5)])
    np.testing.assert_allclose(transform(edges, g.strip_view((640, 360), place, rendering)),
                               [(-640 + 10, 0), (640 + 10 - 12.8, 0)], atol=1e-9)


def test_a_proxy_with_a_row_more_than_it_should_have_is_laid_from_the_bottom() -> None:
    """375 rows become 376, an even number; Blender's integers move them by (375 - 376) / 2 = 0."""
    place = g.StripPlace((1000, 500))
    rendering = g.Rendering((750, 375), (1000, 500), 0.75, (750, 376), True)
    edges = np.array([(499.5, 499.5), (499.5, -0.5)])
    np.testing.assert_allclose(transform(edges, g.strip_view((1000, 500), place, rendering)),
                               [(0, -250), (0, 250 + 4 / 3)], atol=1e-9)
