"""Angles as people write them, turned pictures, boxes turned back, and when a detector looks again."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import UsageError
from understudy.core.extraction.detectors.rotation import Rotated, Turn, Upright, parse_angles
from understudy.core.faces.geometry import transform
from understudy.core.faces.matching import overlap
from understudy.core.faces.nouns import Detection

from .conftest import ROTATIONS

angles = st.floats(1, 359)
sizes = st.tuples(st.integers(1, 200), st.integers(1, 200))


@pytest.mark.parametrize(("text", "meant"), [
    ("", ()), ("  ", ()), ("90", (90, 180, 270)), ("45", (45, 90, 135, 180, 225, 270, 315)), ("180", (180,)),
    ("100", (100, 200, 300)), ("90,270", (90, 270)), ("270, 90", (270, 90)), ("90,", (90,)), ("22.5,90", (22.5, 90)),
    ("90,90", (90,)),
])
def test_angles_as_people_write_them(text, meant):
    assert parse_angles(text) == meant


@pytest.mark.parametrize("text", ["ninety", "0", "360", "-90", "90,0", "nan", "inf", "90;180", "0.001"])
def test_other_angles_are_refused_with_the_option_named(text):
    with pytest.raises(UsageError, match="rotate-images"):
        parse_angles(text)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_quarter_turns_move_pixels_as_they_are(angle):
    picture = np.random.default_rng(0).integers(0, 256, (5, 8, 3), dtype=np.uint8)
    turn = Turn.of(angle, (8, 5))
    turned = turn.turned(picture)
    np.testing.assert_array_equal(turned, np.rot90(picture, ROTATIONS[angle]))
    assert turn.size == turned.shape[1::-1]
    for y in range(5):
        for x in range(8):
            u, v = transform(np.array([x, y]), turn.matrix)
            assert (turned[round(v), round(u)] == picture[y, x]).all()


@settings(deadline=None)
@given(sizes, angles)
def test_turned_pictures_hold_the_whole_picture(size, angle):
    turn = Turn.of(angle, size)
    width, height = size
    corners = transform(np.array([(-0.5, -0.5), (width - 0.5, -0.5), (-0.5, height - 0.5),
                                  (width - 0.5, height - 0.5)]), turn.matrix)
    assert (corners >= -0.5 - 1e-3).all()
    assert (corners <= np.array(turn.size) - 0.5 + 1e-3).all()
    assert turn.turned(np.zeros((height, width, 3), np.uint8)).shape[1::-1] == turn.size


def test_pictures_turn_clockwise():
    picture = np.zeros((101, 101, 3), np.uint8)
    picture[45:56, 85:96] = 255  # at the right
    turned = Turn.of(45, (101, 101)).turned(picture)
    y, x = np.argwhere(turned[..., 0] > 127).mean(0) - (np.array(turned.shape[:2]) - 1) / 2
    assert x == pytest.approx(40 / np.sqrt(2), abs=1)  # now right and below
    assert y == pytest.approx(40 / np.sqrt(2), abs=1)


box = st.tuples(st.floats(-50, 250), st.floats(-50, 250), st.floats(1, 100), st.floats(1, 100))


@given(sizes, st.sampled_from([90.0, 180.0, 270.0]), box)
def test_boxes_come_back_from_quarter_turns_as_they_were(size, angle, box):
    turn = Turn.of(angle, size)
    np.testing.assert_allclose(turn.box_back(turn.box(box)), box, atol=1e-6)


@given(sizes, angles, box)
def test_boxes_come_back_from_any_turn_around_the_same_centre(size, angle, box):
    turn = Turn.of(angle, size)
    x, y, w, h = box
    u, v, new_w, new_h = turn.box_back(turn.box(box))
    assert (u + new_w / 2, v + new_h / 2) == pytest.approx((x + w / 2, y + h / 2), abs=1e-6)
    assert min(w, h) - 1e-6 <= min(new_w, new_h)
    assert max(new_w, new_h) <= max(w, h) + 1e-6


@given(sizes, angles, box)
def test_squares_keep_their_size(size, angle, box):
    x, y, side, _ = box
    assert Turn.of(angle, size).box((x, y, side, side))[2:] == pytest.approx((side, side))


class Arrows:
    """A detector whose faces are white arrow heads pointing up: the simplest thing with a right way up."""

    batch_size = 2

    def __init__(self) -> None:
        self.looked_at = 0

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        assert len({frame.shape for frame in frames}) == 1
        self.looked_at += len(frames)
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: np.ndarray) -> list[Detection]:
        rows, columns = np.nonzero(frame[..., 0] > 127)
        if not len(rows):
            return []
        top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
        middle = (top + bottom) // 2
        above, below = (rows <= middle).sum(), (rows > middle).sum()
        if below < 1.5 * above:
            return []
        return [Detection((float(left), float(top), float(right - left + 1), float(bottom - top + 1)), 1.0)]


def arrow(width: int = 120, height: int = 80, x: int = 70, y: int = 20, side: int = 40) -> np.ndarray:
    """A triangle, its tip up."""
    frame = np.zeros((height, width, 3), np.uint8)
    for row in range(side):
        half = side * row // (2 * side)
        frame[y + row, x + side // 2 - half:x + side // 2 + half + 1] = 255
    return frame


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_faces_are_found_turned_and_their_boxes_turned_back(angle):
    frame = arrow()
    ((upright,),) = Arrows().detect([frame])
    turned = np.ascontiguousarray(np.rot90(frame, ROTATIONS[angle]))  # as if filmed so
    assert Arrows().detect([turned]) == [[]]
    ((found,),) = Rotated(Arrows(), parse_angles("90"), 640).detect([turned])
    wanted = Turn.of(angle, (120, 80)).box(upright.box)
    assert overlap(found.box, wanted) > 0.99
    assert found.angle == (360 - angle) % 360


def test_large_frames_are_reduced_first_and_boxes_are_in_the_frame_all_the_same():
    frame = np.repeat(np.repeat(arrow(), 4, 0), 4, 1)
    turned = np.ascontiguousarray(frame[::-1, ::-1])
    ((small,),) = Rotated(Arrows(), (180,), 120).detect([turned])
    ((large,),) = Rotated(Arrows(), (180,), 4096).detect([turned])
    assert overlap(small.box, large.box) > 0.93


@pytest.mark.parametrize("angle", [90, 180, 270, 30])
def test_a_face_found_turned_is_shown_upright_and_its_points_go_back(angle):
    rng = np.random.default_rng(0)
    frame = cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (160, 120), interpolation=cv2.INTER_CUBIC)
    turn = Turn.of(angle, (160, 120))
    face = Detection(turn.box_back(turn.box((60, 40, 30, 30))), 1.0, angle)
    upright = Upright.of(frame, face)
    x, y, w, h = upright.box
    inside = turn.turned(frame)
    u, v, *_ = turn.box(face.box)
    wanted = inside[round(v):round(v) + 30, round(u):round(u) + 30].astype(int)
    shown = upright.pixels[round(y):round(y) + 30, round(x):round(x) + 30].astype(int)
    assert np.abs(wanted - shown).mean() < (1 if angle % 90 == 0 else 8)
    points = np.array([(x, y), (x + w / 2 - 0.5, y + h / 2 - 0.5)])
    np.testing.assert_allclose(upright.in_frame(points)[1], (face.box[0] + face.box[2] / 2 - 0.5,
                                                             face.box[1] + face.box[3] / 2 - 0.5), atol=1e-3)


def test_a_face_found_upright_is_shown_as_it_is():
    frame = arrow()
    upright = Upright.of(frame, Detection((1.0, 2.0, 3.0, 4.0), 1.0))
    assert upright.pixels is frame
    assert upright.box == (1.0, 2.0, 3.0, 4.0)
    points = np.ones((68, 2), np.float32)
    assert upright.in_frame(points) is points


def test_only_frames_without_a_find_are_looked_at_again():
    upright, empty = arrow(), np.zeros((80, 120, 3), np.uint8)
    on_its_head = np.ascontiguousarray(upright[::-1, ::-1])
    detector = Arrows()
    found = Rotated(detector, (90, 180, 270), 640).detect([upright, on_its_head, empty, on_its_head])
    assert [[face.angle for face in faces] for faces in found] == [[0], [180], [], [180]]
    assert detector.looked_at == 4 + 3 * 3
    assert Rotated(detector, (90,), 640).batch_size == detector.batch_size


def test_the_turn_that_the_detector_is_surest_of_counts():
    """Arrow heads that point down by a quarter turn are half as sure."""
    class Sideways(Arrows):
        def _detect(self, frame):
            upright = super()._detect(frame)
            lying = super()._detect(np.ascontiguousarray(np.rot90(frame)))
            return upright or [Detection((0.0, 0.0, 1.0, 1.0), 0.5) for _ in lying]

    on_its_head = np.ascontiguousarray(arrow()[::-1, ::-1])
    for angles in ((90, 180, 270), (270, 180, 90)):
        ((found,),) = Rotated(Sideways(), angles, 640).detect([on_its_head])
        assert (found.angle, found.score) == (180, 1.0)


def test_nothing_changes_where_all_frames_have_faces():
    detector = Arrows()
    frames = [arrow(), arrow(x=10)]
    assert Rotated(detector, (90, 180), 640).detect(frames) == Arrows().detect(frames)
    assert detector.looked_at == 2
