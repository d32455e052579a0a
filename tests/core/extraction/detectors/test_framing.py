"""Frames into a network's input and boxes back: nothing is moved by half a pixel, nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.extraction.detectors.framing import reduced, squared

sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))


def frame(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(sizes, st.integers(16, 200), st.sampled_from([1, 32]))
def test_reduced_frames_fit_keep_their_shape_and_are_never_enlarged(size, longest, multiple):
    width, height = size
    framed = reduced([frame(width, height)], longest, multiple)
    _, canvas_height, canvas_width, _ = framed.pixels.shape
    assert canvas_width % multiple == canvas_height % multiple == 0
    across, down = framed.scale
    assert across >= 1
    assert down >= 1
    inner = width / across, height / down
    assert max(inner) <= longest + 1e-6
    assert canvas_width - inner[0] < multiple
    assert canvas_height - inner[1] < multiple


@settings(max_examples=60, deadline=None)
@given(sizes, st.integers(16, 200))
def test_squares_are_filled_on_one_side(size, side):
    framed = squared([frame(*size)], side)
    assert framed.pixels.shape == (1, side, side, 3)
    assert max(size[0] / framed.scale[0], size[1] / framed.scale[1]) == pytest.approx(side)


@settings(max_examples=60, deadline=None)
@given(sizes, st.integers(16, 200), st.booleans(), st.lists(st.tuples(*[st.floats(0, 250)] * 4), max_size=4))
def test_boxes_come_back_to_where_they_were(size, side, in_square, boxes):
    framed = (squared if in_square else reduced)([frame(*size)], side)
    (across, down), (left, top) = framed.scale, framed.origin
    corners = np.array([(x / across + left, y / down + top, (x + w) / across + left, (y + h) / down + top)
                        for x, y, w, h in boxes]).reshape(-1, 4)
    scores = np.linspace(0.1, 0.9, len(boxes))
    found = framed.detections(corners, scores)
    assert [face.score for face in found] == sorted(scores, reverse=True)
    np.testing.assert_allclose([face.box for face in reversed(found)] if found else np.zeros((0, 4)),
                               np.array(boxes).reshape(-1, 4), atol=1e-6)


def test_the_frame_lies_in_the_middle_and_the_rest_is_black():
    framed = reduced([frame(100, 40)], 640, 32)
    assert framed.pixels.shape == (1, 64, 128, 3)
    np.testing.assert_array_equal(framed.pixels[0, 12:52, 14:114], frame(100, 40))
    framed.pixels[0, 12:52, 14:114] = 0
    assert not framed.pixels.any()


def test_shrinking_averages_and_growing_is_smooth():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (squared([stripes], 16).pixels == 100).all()
    grown = squared([stripes[:8, :8]], 64).pixels
    assert len(np.unique(grown)) > 20


def test_each_frame_of_a_batch_is_framed_as_if_alone():
    frames = [frame(90, 50, seed) for seed in range(3)]
    together = reduced(frames, 60, 32)
    for place, single in zip(together.pixels, frames, strict=True):
        np.testing.assert_array_equal(place, reduced([single], 60, 32).pixels[0])
