"""Re-feed and re-align: exact where the aligner is known, and measured with the real one on footage with truth."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from understudy.core.extraction.aligners.crops import UPRIGHT_BOX, centre_of
from understudy.core.extraction.aligners.dlib_68 import Dlib68
from understudy.core.extraction.aligners.refine import ReAlign, ReFeed, make_aligner
from understudy.core.faces.geometry import MEAN_FACE, transform, umeyama
from understudy.core.media.source import open_source

from ..conftest import portrait

# Any 68 points of a face, in shares of a box.
SHAPE = np.concatenate([np.column_stack([np.linspace(0, 1, 17), 0.3 + 0.7 * np.sin(np.linspace(0, np.pi, 17))]),
                        0.15 + 0.7 * MEAN_FACE])


class InBox:
    """Lays the same shape into every box and remembers what it was asked."""

    batch_size, input_size, reach, upright_box = 4, 0, 1.6, UPRIGHT_BOX

    def __init__(self, input_size: int = 0) -> None:
        self.input_size = input_size
        self.asked: list[tuple[np.ndarray, tuple[float, ...]]] = []

    def align(self, pixels: Sequence[np.ndarray], boxes: Sequence[tuple[float, ...]]) -> np.ndarray:
        self.asked += list(zip(pixels, boxes, strict=True))
        return np.array([np.add(box[:2], SHAPE * box[2:]) for box in boxes], np.float32).reshape(-1, 68, 2)


def ramp() -> np.ndarray:
    """A picture whose red is x / 2 and whose green is y."""
    y, x = np.mgrid[:240, :320]
    return np.stack([x // 2, y, np.zeros_like(x)], 2).astype(np.uint8)


def test_re_feed_asks_for_boxes_a_little_beside_and_averages():
    box = (60.0, 50.0, 80.0, 100.0)
    aligner = InBox()
    landmarks = ReFeed(aligner, 4).align([ramp()], [box])
    boxes = np.array([asked for _, asked in aligner.asked])
    assert len(boxes) == 5
    np.testing.assert_allclose(boxes[0], box)
    sides = boxes[:, 2:] / (80, 100)
    assert (np.abs(sides - 1) <= 0.05 + 1e-9).all()
    np.testing.assert_allclose(sides[:, 0], sides[:, 1])
    centres = np.array([centre_of(tuple(one)) for one in boxes])
    assert (np.abs(centres - centres[0]) <= 0.05 * 1.6 * 90 + 1e-9).all()  # of the side of what it looks at
    assert np.unique(boxes[:, 0]).size == 5
    np.testing.assert_allclose(landmarks[0], (boxes[:, None, :2] + SHAPE * boxes[:, None, 2:]).mean(0), atol=1e-4)


def test_re_feed_is_the_same_every_time_for_every_face_in_any_batch():
    boxes = [(60.0, 50.0, 80.0, 100.0), (10.0, 90.0, 50.0, 50.0), (160.0, 50.0, 80.0, 100.0)]
    once = ReFeed(InBox(), 3).align([ramp()] * 3, boxes)
    np.testing.assert_array_equal(ReFeed(InBox(), 3).align([ramp()], boxes[1:2])[0], once[1])
    np.testing.assert_allclose(once[2] - once[0], np.tile((100, 0), (68, 1)), atol=1e-4)
    assert ReFeed(InBox(), 3).align([], []).shape == (0, 68, 2)


@pytest.mark.parametrize("input_size", [0, 64, 128])
@pytest.mark.parametrize("angle", [0, 25, -70])
def test_re_align_looks_at_the_face_upright_and_maps_back(input_size, angle):
    turn = cv2.getRotationMatrix2D((160, 120), angle, 1.0)
    lying = transform(SHAPE * 70 + (130, 90), turn)

    class First(InBox):
        def align(self, pixels, boxes):
            return np.array([lying], np.float32)

    second = InBox(input_size)
    picture = ramp()
    (landmarks,) = ReAlign(First(), second).align([picture], [(100.0, 60.0, 80.0, 80.0)])
    ((upright, box),) = second.asked
    if input_size:
        # A whole crop of the aligner's own size and a margin, whose parity lets it be cut without resampling.
        assert upright.shape[0] > input_size
        assert (upright.shape[0] - input_size) % 2 == 0
        assert second.reach * box[2] == pytest.approx(input_size)
    assert centre_of(box) == pytest.approx(((upright.shape[0] - 1) / 2,) * 2)
    # The same places of the face show the same colours, up to rounding, in the picture and upright.
    answered = np.add(box[:2], SHAPE * box[2:])
    for (x, y), (u, v) in zip(landmarks[20:60:4], answered[20:60:4], strict=True):
        shown = upright[round(v), round(u), :2].astype(float) * (2, 1)
        scale = np.linalg.norm(landmarks[36] - landmarks[45]) / np.linalg.norm(answered[36] - answered[45])
        np.testing.assert_allclose(shown, (x, y), atol=1.5 + scale)
    # Upright means: no turn is left between the shape that was answered and the mean face.
    left_over = umeyama(answered[17:], MEAN_FACE)
    assert abs(np.degrees(np.arctan2(left_over[1, 0], left_over[0, 0]))) < 1
    turned = umeyama(landmarks[17:], MEAN_FACE)
    assert np.degrees(np.arctan2(turned[1, 0], turned[0, 0])) == pytest.approx(angle, abs=1)


def test_re_align_keeps_the_first_answer_where_all_points_are_in_one_place():
    class Nowhere(InBox):
        def align(self, pixels, boxes):
            answers = super().align(pixels, boxes)
            answers[0] = (5, 5)
            return answers

    second = InBox()
    boxes = [(60.0, 50.0, 80.0, 100.0), (40.0, 50.0, 80.0, 90.0)]
    landmarks = ReAlign(Nowhere(), second).align([ramp(), ramp()], boxes)
    np.testing.assert_array_equal(landmarks[0], np.full((68, 2), 5))
    assert len(second.asked) == 1


@pytest.mark.parametrize("re_feed", [0, 2])
@pytest.mark.parametrize("re_align", [False, True])
def test_any_choice_is_an_aligner(re_feed, re_align):
    aligner = make_aligner("dlib", "cpu", "clahe", "dark", re_feed, re_align)
    boxes = [(104.0, 71.0, 90.0, 90.0), (-200.0, 40.0, 60.0, 60.0)]
    landmarks = aligner.align([portrait(), portrait()], boxes)
    assert (landmarks.shape, landmarks.dtype) == ((2, 68, 2), np.float32)
    assert np.isfinite(landmarks).all()
    np.testing.assert_array_equal(aligner.align([portrait()], boxes[:1])[0], landmarks[0])


def footage_of(footage, clip: str, frames: list[int]) -> tuple[list[np.ndarray], np.ndarray, list[tuple[float, ...]]]:
    """Pixels, true landmarks in them, and a square box around each face."""
    truth = np.load(footage / f"{clip}_truth.npz")["landmarks_contour"][frames, 0] - 0.5
    with open_source(footage / f"{clip}.mp4") as source:
        pixels = [frame.pixels for frame in source.frames(frames)]
    low, high = truth.min(1), truth.max(1)
    side = (high - low).max(1)
    return pixels, truth, [(*(middle - size / 2), size, size) for middle, size in zip((low + high) / 2, side,
                                                                                     strict=True)]


def errors(landmarks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean distance of the inner landmarks, in distances of the outer corners of the eyes."""
    eyes = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=1).max()
    return np.linalg.norm(landmarks[:, 17:] - truth[:, 17:], axis=2).mean(1) / eyes


@pytest.mark.footage
@pytest.mark.parametrize("angle", [25, -35])
def test_re_align_mends_tilted_faces(footage, angle):
    pixels, truth, boxes = footage_of(footage, "actor_a", list(range(0, 240, 16)))
    turn = cv2.getRotationMatrix2D((320, 180), angle, 1.0)
    tilted = [cv2.warpAffine(picture, turn, (640, 360), flags=cv2.INTER_CUBIC) for picture in pixels]
    there = np.array([transform(points, turn) for points in truth])
    around = [(*(transform(np.array([centre_of(box)]), turn)[0] - box[2] / 2), *box[2:]) for box in boxes]
    aligner = Dlib68()
    first, second = (errors(one.align(tilted, around), there) for one in (aligner, ReAlign(aligner, aligner)))
    assert second.mean() < 0.6 * first.mean()
    assert np.median(second) < 0.04


@pytest.mark.footage
def test_re_feed_steadies_landmarks(footage):
    pixels, truth, boxes = footage_of(footage, "actor_b", list(range(60, 84)))
    aligner = Dlib68()

    def trembling(landmarks: np.ndarray) -> float:
        second = np.diff(landmarks - truth, 2, axis=0)
        return float(np.sqrt((second ** 2).sum(2).mean()))

    plain, fed = aligner.align(pixels, boxes), ReFeed(aligner, 4).align(pixels, boxes)
    assert trembling(fed) < 0.9 * trembling(plain)
    assert errors(fed, truth).mean() < 1.05 * errors(plain, truth).mean()
