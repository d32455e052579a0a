"""The stream of batches: fair, seeded by iteration and place, and well-behaved as a thread."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from understudy.core.training.augmenting.amounts import Amounts, Growth
from understudy.core.training.augmenting.augmentation import Augmenter, Shapes, neutral_shape
from understudy.core.training.augmenting.batch import Batch
from understudy.core.training.augmenting.batches import Batches, Maker
from understudy.core.training.augmenting.draws import Draws, draw, joined

SIZE = 8
STILL = Amounts(color=False, flip=False, warp=False, rotation=0, zoom=0, shift=0)


@dataclass
class Side:
    crops: np.ndarray
    landmarks: np.ndarray


def side(count: int, first: int) -> Side:
    """Face i is all `first + i`, so that it can be recognised in a batch."""
    crops = np.arange(first, first + count, dtype=np.uint8)[:, None, None, None] * np.ones((1, SIZE, SIZE, 4), np.uint8)
    rng = np.random.default_rng(first)
    return Side(crops, rng.uniform(0, SIZE, (count, 68, 2)).astype(np.float32))


def noise(count: int, seed: int, channels: int = 4) -> Side:
    rng = np.random.default_rng(seed)
    return Side(rng.integers(0, 255, (count, SIZE, SIZE, channels)).astype(np.uint8),
                rng.uniform(1, SIZE - 1, (count, 68, 2)).astype(np.float32))


def maker(size: int, amounts: Amounts = STILL, seed: int = 0, places: range | None = None) -> Maker:
    return Maker((side(10, 0), side(7, 100)), size, Augmenter(SIZE, SIZE, (SIZE,), amounts), seed, places=places)


def numbers(batch: Batch) -> np.ndarray:
    """Which faces a batch of still ones holds."""
    return (batch.targets[0][:, 0, 0, 0] * 255).round().int().numpy()


def test_every_face_comes_equally_often_and_sides_stay_apart() -> None:
    with Batches(maker(4)) as batches:
        seen = np.concatenate([numbers(batches.next()).reshape(2, 4) for _ in range(35)], axis=1)
    counts_a, counts_b = Counter(seen[0].tolist()), Counter(seen[1].tolist())
    assert counts_a == dict.fromkeys(range(10), 14)
    assert counts_b == dict.fromkeys(range(100, 107), 20)
    assert seen[0, :10].tolist() != sorted(seen[0, :10].tolist())


def test_a_later_start_sees_what_an_unbroken_run_would_have_seen() -> None:
    with Batches(maker(3, Amounts(), seed=5)) as whole:
        expected = [whole.next() for _ in range(9)]
    with Batches(maker(3, Amounts(), seed=5), first=6) as rest:
        for batch in expected[6:]:
            again = rest.next()
            assert all(torch.equal(a, b) for a, b in zip(again.tensors, batch.tensors, strict=True))
    with Batches(maker(3, Amounts(), seed=6)) as other:
        assert not torch.equal(other.next().feed, expected[0].feed)


@pytest.mark.parametrize("to_landmarks", [False, True])
@pytest.mark.parametrize("cuts", [(3,), (1, 2), (2, 4, 5)])
def test_processes_with_parts_see_together_what_one_sees(cuts: tuple[int, ...], to_landmarks: bool) -> None:
    sides = (noise(11, 0, 6), noise(14, 1, 6))
    augmenter = Augmenter(SIZE, SIZE, (SIZE // 2, SIZE), replace(Amounts(), relight=0.5))
    kinds = {"with_landmarks": True, "to_landmarks": to_landmarks}
    whole = Maker(sides, 6, augmenter, 3, **kinds).make(4)
    parts = [Maker(sides, 6, augmenter, 3, places=range(*ends), **kinds).make(4)
             for ends in zip((0, *cuts), (*cuts, 6), strict=True)]
    halves = [[part.faces(half) for part in parts for half in [slice(len(part) // 2 * s, len(part) // 2 * (s + 1))]]
              for s in (0, 1)]
    together = Batch.joined([part for half in halves for part in half])
    for one, other in zip(whole.tensors, together.tensors, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_draws_depend_on_place_and_not_on_the_size_of_the_batch() -> None:
    large, small = draw(1, 2, 0, range(20)), draw(1, 2, 0, range(4, 9))
    for one, other in zip(vars(large.faces(slice(4, 9))).values(), vars(small).values(), strict=True):
        assert np.array_equal(one, other)
    again = [draw(*which, range(20)).bends for which in ((1, 2, 1), (1, 3, 0), (2, 2, 0))]
    assert not any(np.allclose(large.bends, other) for other in again)
    assert len(joined(large, small)) == 25


def test_neighbouring_iterations_sides_and_faces_are_independent() -> None:
    drawn = [draw(0, iteration, s, range(8)) for iteration in range(200) for s in (0, 1)]
    turns = np.stack([one.turn for one in drawn])
    assert np.abs(np.corrcoef(turns.T) - np.eye(8)).max() < 0.2
    for later in (1, 2):  # the other side, the next iteration
        assert abs(np.corrcoef(turns[:-later].ravel(), turns[later:].ravel())[0, 1]) < 0.07


def test_a_batch_larger_than_the_set_repeats_faces() -> None:
    with Batches(maker(25)) as batches:
        seen = numbers(batches.next())[:25]
    assert Counter(Counter(seen.tolist()).values()) == {2: 5, 3: 5}


def test_landmarks_come_with_their_faces_less_the_mean_shape_of_their_side() -> None:
    sides = (side(10, 0), side(7, 100))
    batch = Maker(sides, 5, Augmenter(SIZE, SIZE, (SIZE,), STILL), 0, with_landmarks=True).make(0)
    for face, shape in zip(numbers(batch), batch.landmarks, strict=True):
        which, index = divmod(int(face), 100)
        expected = (sides[which].landmarks[index] - neutral_shape(sides[which].landmarks, SIZE)) / SIZE * 10
        np.testing.assert_allclose(shape, expected.ravel(), atol=1e-4)


def test_partners_are_drawn_evenly_among_the_nearest_of_the_other_side() -> None:
    seen: list[np.ndarray] = []

    class Spy(Augmenter):
        def __call__(self, crops: torch.Tensor, draws: Draws, shapes: Shapes | None = None) -> Batch:
            assert shapes is not None
            assert shapes.towards is not None
            seen.append(shapes.towards)
            return super().__call__(crops, draws, None)

    sides = (noise(12, 0), noise(60, 1))
    subject = Maker(sides, 12, Spy(SIZE, SIZE, (SIZE,), STILL), 0, to_landmarks=True)
    rounds = 150
    for iteration in range(rounds):
        subject.make(iteration)
    partners: dict[int, Counter[int]] = {}
    for iteration, towards in enumerate(seen):
        for face, points in zip(subject.indices(0, iteration), towards[:12], strict=True):
            found = np.flatnonzero((sides[1].landmarks == points).all(axis=(1, 2)))
            partners.setdefault(int(face), Counter())[int(found[0])] += 1
    for face, counts in partners.items():
        far = ((sides[1].landmarks - sides[0].landmarks[face]) ** 2).sum(axis=(1, 2))
        assert set(counts) == set(np.argsort(far)[:10].tolist())
        assert min(counts.values()) > 0.3 * rounds / 10


def test_an_error_in_the_thread_reaches_the_loop() -> None:
    class Broken(Maker):
        def make(self, iteration: int) -> Batch:
            raise OSError("disk gone")

    broken = Broken((side(3, 0), side(3, 50)), 2, Augmenter(SIZE, SIZE, (SIZE,)), 0)
    with Batches(broken) as batches, pytest.raises(OSError, match="gone"):
        batches.next()


def test_closing_ends_the_thread_at_once_and_twice() -> None:
    before = threading.active_count()
    batches = Batches(maker(4))
    batches.next()
    batches.close()
    batches.close()
    assert threading.active_count() == before


def test_the_stream_tells_what_it_cost() -> None:
    with Batches(maker(4, Amounts())) as batches:
        for _ in range(3):
            batches.next()
        assert batches.waited > 0
        assert batches.worked > 0


def test_amounts_grow_between_two_iterations() -> None:
    growth = Growth(replace(STILL, shift=0.25), 10, 20)
    assert [growth.at(STILL, i).shift for i in (0, 10, 15, 20, 99)] == [0, 0, 0.125, 0.25, 0.25]
    sides = (noise(7, 0), noise(7, 1))
    augmenter = Augmenter(SIZE, SIZE, (SIZE,), STILL)
    grown, calm = (Maker(sides, 7, augmenter, 0, growth=g) for g in (growth, None))
    assert torch.equal(grown.make(10).targets[0], calm.make(10).targets[0])
    assert not torch.equal(grown.make(20).targets[0], calm.make(20).targets[0])
    assert torch.equal(grown.make(20).targets[0], grown.make(20).targets[0])
    assert augmenter.amounts == STILL
