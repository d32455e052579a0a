"""How frames are handed out: chunks of one size, memory that stays bounded, saves when they are due."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.core.extraction import pipeline
from understudy.core.extraction.pipeline import FRAME_BYTES, Flow, Tally, chunking, chunks
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.frame import Frame


def frames(*heights: int):
    for number, height in enumerate(heights):
        yield Frame("clip", number, 0.0, np.zeros((height, 4, 3), np.uint8))


def test_chunks_hold_frames_of_one_size_only():
    given = list(chunks(frames(5, 5, 5, 7, 7, 5), 2))
    assert [[frame.index for frame in chunk] for chunk in given] == [[0, 1], [2], [3, 4], [5]]
    assert all(len({frame.pixels.shape for frame in chunk}) == 1 for chunk in given)


def test_a_failure_comes_after_the_frames_before_it():
    def broken():
        yield from frames(5, 5, 5)
        raise OSError("broken clip")

    given = []
    with pytest.raises(OSError, match="broken clip"):
        given.extend(chunks(broken(), 2))
    assert [len(chunk) for chunk in given] == [2, 1]


@pytest.mark.parametrize("workers", [1, 3, 8])
@pytest.mark.parametrize("wanted", [1, 4, 16])
@pytest.mark.parametrize("size", [(640, 360), (3840, 2160), (12000, 8000)])
def test_memory_is_bounded_whatever_the_size_of_a_frame(monkeypatch, workers, wanted, size):
    monkeypatch.setattr(pipeline, "WORKERS", workers)
    chunk, window = chunking(wanted, size)
    assert 1 <= chunk <= wanted
    assert window > workers  # nobody waits for the next frame
    held = chunk * (window + 2) * 3 * size[0] * size[1]
    assert held <= FRAME_BYTES or chunk == 1


class Clip:
    size = (4, 5)

    def frames(self, indices):
        return frames(*[5] * len(list(indices)))


class Item:
    def __init__(self, weight: int) -> None:
        self.weight = weight


@pytest.mark.parametrize(("interval", "weight", "saves"), [(7, 0, [7, 7, 6]), (1, 0, [1] * 20),
                                                           (1000, 30 << 20, [3] * 6 + [2])])
def test_saves_come_at_the_interval_or_when_much_is_held(monkeypatch, interval, weight, saves):
    monkeypatch.setattr(pipeline, "WORKERS", 1)
    batches: list[int] = []
    Flow(Clip(), SilentReporter(), Tally(), interval, 0, 20).run(
        range(20), lambda chunk: [Item(weight) for _ in chunk], lambda batch: batches.append(len(batch)))
    assert batches == saves
