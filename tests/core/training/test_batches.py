"""The stream of batches: fair, seeded by iteration, and well-behaved as a thread."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from understudy.core.training.augmentation import Amounts, Augmenter, Growth, neutral_shape
from understudy.core.training.batches import Batches

SIZE = 8


def crops(count: int, first: int) -> np.ndarray:
    """Face i is all `first + i`, so that it can be recognised in a batch."""
    return np.arange(first, first + count, dtype=np.uint8)[:, None, None, None] * np.ones((1, SIZE, SIZE, 4), np.uint8)


def stream(size: int, amounts: Amounts | None = None, seed: int = 0, first: int = 0) -> Batches:
    still = Amounts(color=False, flip=False, warp=False, rotation=0, zoom=0, shift=0)
    augmenter = Augmenter(SIZE, SIZE, SIZE, amounts or still)
    return Batches(crops(10, 0), crops(7, 100), size, augmenter, seed, first)


def test_every_face_comes_equally_often_and_sides_stay_apart() -> None:
    with stream(4) as batches:
        seen = np.concatenate([batches.next().target[:, 0, 0, 0].reshape(2, 4) for _ in range(35)], axis=1)
    counts_a, counts_b = Counter(seen[0].tolist()), Counter(seen[1].tolist())
    assert counts_a == dict.fromkeys(range(10), 14)
    assert counts_b == dict.fromkeys(range(100, 107), 20)
    assert seen[0, :10].tolist() != sorted(seen[0, :10].tolist())


def test_a_later_start_sees_what_an_unbroken_run_would_have_seen() -> None:
    with stream(3, Amounts(), seed=5) as whole:
        expected = [whole.next() for _ in range(9)]
    with stream(3, Amounts(), seed=5, first=6) as rest:
        for batch in expected[6:]:
            again = rest.next()
            assert np.array_equal(again.feed, batch.feed)
            assert np.array_equal(again.target, batch.target)
    with stream(3, Amounts(), seed=6) as other:
        assert not np.array_equal(other.next().feed, expected[0].feed)


def test_a_batch_larger_than_the_set_repeats_faces() -> None:
    with stream(25) as batches:
        seen = batches.next().target[:25, 0, 0, 0]
    assert Counter(Counter(seen.tolist()).values()) == {2: 5, 3: 5}


def test_landmarks_come_with_their_faces_less_the_mean_shape_of_their_side() -> None:
    rng = np.random.default_rng(0)
    landmarks = tuple(rng.uniform(0, SIZE, (count, 68, 2)).astype(np.float32) for count in (10, 7))
    still = Amounts(color=False, flip=False, warp=False, rotation=0, zoom=0, shift=0)
    augmenter = Augmenter(SIZE, SIZE, SIZE, still)
    with Batches(crops(10, 0), crops(7, 100), 5, augmenter, 0, landmarks=landmarks) as batches:
        batch = batches.next()
    for face, shape in zip(batch.target[:, 0, 0, 0], batch.landmarks, strict=True):
        side, index = divmod(int(face), 100)
        expected = (landmarks[side][index] - neutral_shape(landmarks[side], SIZE)) / SIZE * 10
        np.testing.assert_allclose(shape, expected, atol=1e-4)


def test_an_error_in_the_thread_reaches_the_loop() -> None:
    class Broken(Augmenter):
        def __call__(self, crops: np.ndarray, rng: np.random.Generator) -> None:
            raise OSError("disk gone")

    broken = Broken(SIZE, SIZE, SIZE)
    with Batches(crops(3, 0), crops(3, 50), 2, broken, 0) as batches, pytest.raises(OSError, match="gone"):
        batches.next()


def test_closing_ends_the_thread_at_once_and_twice() -> None:
    before = threading.active_count()
    batches = stream(4)
    batches.next()
    batches.close()
    batches.close()
    assert threading.active_count() == before


def test_amounts_grow_between_two_iterations() -> None:
    still = Amounts(color=False, flip=False, warp=False, rotation=0, zoom=0, shift=0)
    growth = Growth(replace(still, shift=0.25), 10, 20)
    assert [growth.at(still, i).shift for i in (0, 10, 15, 20, 99)] == [0, 0, 0.125, 0.25, 0.25]
    rng = np.random.default_rng(1)
    noise = tuple(rng.integers(0, 255, (7, SIZE, SIZE, 4)).astype(np.uint8) for _ in range(2))
    augmenter = Augmenter(SIZE, SIZE, SIZE, still)
    with Batches(*noise, 7, augmenter, 0, growth=growth) as grown, Batches(*noise, 7, augmenter, 0) as calm:
        assert np.array_equal(grown.make(10).target, calm.make(10).target)
        assert not np.array_equal(grown.make(20).target, calm.make(20).target)
        assert np.array_equal(grown.make(20).target, grown.make(20).target)
    assert augmenter.amounts == still
