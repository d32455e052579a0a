"""Overlap, suppression, voting and decoding, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from understudy.core.extraction.detectors.boxes import VARIANCES, ScoreMap, decode, overlaps, suppress, vote


@st.composite
def proposals(draw, most: int = 25):
    """Corner boxes on whole pixels of a small picture, so that they overlap a lot, with scores."""
    count = draw(st.integers(0, most))
    corner = draw(arrays.arrays(np.float32, (count, 2), elements=st.integers(0, 20).map(float)))
    sides = draw(arrays.arrays(np.float32, (count, 2), elements=st.integers(0, 15).map(float)))
    scores = draw(arrays.arrays(np.float32, count, elements=st.integers(1, 100).map(lambda n: n / 100)))
    return np.concatenate([corner, corner + sides], 1), scores


def shared(a: np.ndarray, b: np.ndarray) -> float:
    """Counted pixel by pixel: these boxes lie on whole pixels."""
    grid = np.zeros((40, 40), int)
    for left, top, right, bottom in (a, b):
        grid[int(top):int(bottom), int(left):int(right)] += 1
    return float((grid == 2).sum()) / max(1, (grid > 0).sum())


@given(proposals(8))
def test_overlap_is_the_share_of_pixels(drawn):
    boxes, _ = drawn
    for box in boxes:
        np.testing.assert_allclose(overlaps(box, boxes), [shared(box, other) for other in boxes], atol=1e-6)


def test_overlap_with_the_smaller_one():
    inner, outer = np.array([2, 2, 4, 4.0]), np.array([[0, 0, 10, 10.0]])
    assert overlaps(inner, outer) == pytest.approx(4 / 100)
    assert overlaps(inner, outer, "smaller") == pytest.approx(1)


@given(proposals(), st.sampled_from([0.2, 0.3, 0.5]))
def test_suppression_keeps_the_best_of_each_heap_and_nothing_twice(drawn, most):
    boxes, scores = drawn
    kept = suppress(boxes, scores, most)
    assert len(set(kept)) == len(kept)
    assert (np.diff(scores[kept]) <= 0).all()
    for place, one in enumerate(kept):
        assert (overlaps(boxes[one], boxes[kept[place + 1:]]) <= most).all()
    for gone in set(range(len(boxes))) - set(kept):
        better = [one for one in kept if scores[one] >= scores[gone]]
        assert (overlaps(boxes[gone], boxes[better]) > most).any()


@given(proposals(), st.sampled_from([0.3, 0.5]), st.randoms())
def test_suppression_does_not_depend_on_the_order_of_proposals(drawn, most, random):
    boxes, scores = drawn
    scores = scores + np.arange(len(scores), dtype=np.float32) * 1e-4  # no two alike
    order = list(range(len(boxes)))
    random.shuffle(order)
    np.testing.assert_array_equal(boxes[suppress(boxes, scores, most)],
                                  boxes[order][suppress(boxes[order], scores[order], most)])


@given(proposals(), st.sampled_from([0.3, 0.5]))
def test_voting_gives_one_box_per_heap_within_its_bounds(drawn, most):
    boxes, scores = drawn
    voted, best = vote(boxes, scores, most)
    kept = suppress(boxes, scores, most)
    np.testing.assert_array_equal(best, scores[kept])
    assert voted.shape == (len(kept), 4)
    for mean, one in zip(voted, kept, strict=True):
        heap = boxes[(overlaps(boxes[one], boxes) > most) | (np.arange(len(boxes)) == one)]
        assert (mean >= heap.min(0) - 1e-4).all()
        assert (mean <= heap.max(0) + 1e-4).all()


def test_voting_weighs_by_score():
    boxes = np.array([(0, 0, 10, 10), (2, 0, 12, 10)], np.float32)
    voted, scores = vote(boxes, np.array([0.9, 0.3], np.float32), 0.5)
    np.testing.assert_allclose(voted, [(0.5, 0, 10.5, 10)], rtol=1e-6)
    np.testing.assert_allclose(scores, [0.9])


def encode(boxes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """The inverse of `decode`, as in the SSD paper, equation 2."""
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([(centres - anchors[:, :2]) / anchors[:, 2:] / VARIANCES[0],
                           np.log(sides / anchors[:, 2:]) / VARIANCES[1]], 1)


number = st.floats(-500, 500)
side = st.floats(4, 800)


@given(st.lists(st.tuples(number, number, side, side, number, number, side, side), min_size=1, max_size=5))
def test_decoding_undoes_encoding(rows):
    numbers = np.array(rows)
    boxes = np.concatenate([numbers[:, :2], numbers[:, :2] + numbers[:, 2:4]], 1)
    anchors = numbers[:, 4:]
    np.testing.assert_allclose(decode(encode(boxes, anchors), anchors), boxes, rtol=1e-6, atol=1e-6)


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.sampled_from([(8, (16, 32)), (32, (256, 512)),
                                                                                 (4, (16,))]), st.randoms())
def test_a_score_map_gives_back_the_boxes_that_were_written_into_it(pictures, height, width, level, random):
    stride, sides = level
    scores = torch.zeros(pictures, height, width, len(sides))
    offsets = torch.zeros(pictures, height, width, len(sides), 4)
    written: list[list[np.ndarray]] = [[] for _ in range(pictures)]
    cells = [(n, y, x, k) for n in range(pictures) for y in range(height) for x in range(width)
             for k in range(len(sides))]
    for cell in random.sample(cells, min(len(cells), 5)):
        n, y, x, k = cell
        box = np.array([[random.uniform(-20, 200), random.uniform(-20, 200), 0, 0]])
        box[:, 2:] = box[:, :2] + random.uniform(5, 300)
        anchor = np.array([[(x + 0.5) * stride, (y + 0.5) * stride, sides[k], sides[k]]])
        scores[cell] = random.uniform(0.6, 1)
        offsets[cell] = torch.from_numpy(encode(box, anchor)[0])
        written[n].append(box[0])
    found = ScoreMap(scores, offsets, stride, sides).candidates(0.5)
    assert len(found) == pictures
    for (boxes, kept), wanted in zip(found, written, strict=True):
        assert len(boxes) == len(kept) == len(wanted)
        assert (kept >= 0.5).all()
        for box in wanted:
            assert np.abs(boxes - box).max(1).min() < 1e-2
