"""The stream as a whole: order, bounded memory, errors from each stage, early ends; no clip and no network needed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from understudy.core.conversion.nouns import ConvertedFrame
from understudy.core.conversion.pipeline import Pipeline
from understudy.core.conversion.stages import Clock, Room
from understudy.core.media.frame import Frame

SIDE = 50  # of a frame: 3 * SIDE * SIDE bytes of pixels, thrice that on its way
COST = 9 * SIDE * SIDE


class Work:
    """What a source, a cast and a writer do, with random delays; it counts the frames on their way.

    Args:
        failing: stage that fails at frame 20.
        faces: of frame n.
    """

    batch_size = 4
    on_card = False

    def __init__(self, failing: str = "", faces: Callable[[int], int] = lambda n: n % 3, slow: float = 0.002,
                 parallel: bool = True) -> None:
        self.failing, self.faces, self.slow, self.parallel = failing, faces, slow, parallel
        self.chance = random.Random(1)
        self.mutex = threading.Lock()
        self.begun = self.most = self.ended = 0
        self.seen: list[int] = []
        self.written: list[int] = []
        self.batches: list[int] = []
        self.closed = threading.Event()

    def _do(self, stage: str, index: int) -> None:
        with self.mutex:
            delay = self.chance.random() * self.slow
        time.sleep(delay)
        if stage == self.failing and index == 20:
            raise ValueError(f"{stage} at {index}")

    def frames(self, indices: Sequence[int]) -> Iterator[Frame]:
        try:
            for index in indices:
                self._do("decode", index)
                with self.mutex:
                    self.begun += 1
                    self.most = max(self.most, self.begun - self.ended)
                yield Frame("clip", index, 0.0, np.full((SIDE, SIDE, 3), index % 256, np.uint8))
        finally:
            self.closed.set()

    def bytes_of(self, faces: Sequence[int]) -> int:
        return 0

    def cut(self, frame: Frame, faces: Sequence[int]) -> tuple[Any, ...]:
        self._do("crop", frame.index)
        return tuple(_Part(frame.index, number) for number in faces)

    def predict(self, parts: Sequence[Any]) -> list[np.ndarray]:
        if parts:
            self.batches.append(len(parts))
        for part in parts:
            self._do("predict", part.index)
        return [np.array([part.index, part.number]) for part in parts]

    def finish(self, frame: Frame, parts: Sequence[Any], answers: Sequence[np.ndarray]) -> ConvertedFrame:
        self._do("composite", frame.index)
        assert [tuple(answer) for answer in answers] == [(part.index, part.number) for part in parts]
        assert all(part.index == frame.index for part in parts)
        assert len(parts) == self.faces(frame.index)
        return ConvertedFrame(frame)

    def write(self, converted: ConvertedFrame) -> None:
        self._do("encode", converted.index)
        with self.mutex:
            self.written.append(converted.index)

    def pipeline(self, room: int = 1 << 30) -> Pipeline:
        return Pipeline(self, lambda index: range(self.faces(index)), self, Clock(), room)  # type: ignore[arg-type]

    def run(self, count: int = 60, room: int = 1 << 30) -> list[int]:
        for converted in self.pipeline(room).write(range(count), self):  # type: ignore[arg-type]
            self.seen.append(converted.index)
            with self.mutex:
                self.ended += 1
        return self.seen


class _Part:
    model = 0

    def __init__(self, index: int, number: int) -> None:
        self.index, self.number = index, number


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.mark.parametrize("parallel", [True, False])
def test_order_is_kept_whatever_takes_how_long(parallel: bool) -> None:
    work = Work(parallel=parallel)
    assert work.run() == list(range(60))
    assert sorted(work.written) == list(range(60))
    if not parallel:
        assert work.written == list(range(60))
    assert work.closed.is_set()


def test_faces_are_batched_across_frames() -> None:
    work = Work(faces=lambda n: 1, slow=0.0)
    work.run()
    assert all(size >= 4 for size in work.batches)
    without = Work(faces=lambda n: 0)
    assert without.run() == list(range(60))
    assert without.batches == []


@pytest.mark.parametrize("slowest", ["composite", "encode", "predict"])
def test_memory_is_bounded_in_bytes(slowest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow stage lets the fast ones run ahead as far as there is room: 8 frames, and the one being decoded."""
    work = Work(slow=0.0, faces=lambda n: 1)
    monkeypatch.setattr(work, "_do", lambda stage, index: time.sleep(0.003 * (stage == slowest)))
    assert work.run(40, room=8 * COST) == list(range(40))
    assert work.most <= 8 + 1 + 1  # and one that its reader has just let go
    roomy = Work(slow=0.0, faces=lambda n: 1)
    monkeypatch.setattr(roomy, "_do", lambda stage, index: time.sleep(0.003 * (stage == slowest)))
    roomy.run(40)
    assert roomy.most > work.most  # it is the room that bounds it


def test_frames_larger_than_the_room_still_pass() -> None:
    work = Work(slow=0.0)
    assert work.run(20, room=COST // 2) == list(range(20))
    assert work.most <= 4 + 1 + 1


@pytest.mark.parametrize("stage", ["decode", "crop", "predict", "composite", "encode"])
@pytest.mark.parametrize("parallel", [True, False])
def test_an_error_of_any_stage_arrives_in_its_turn(stage: str, parallel: bool) -> None:
    work = Work(failing=stage, faces=lambda n: 1, parallel=parallel)
    with pytest.raises(ValueError, match=f"{stage} at 20"):
        work.run()
    seen = work.seen
    assert seen == list(range(len(seen)))
    assert 16 <= len(seen) <= 20  # all before it; a batch fails as a whole
    assert work.closed.is_set()


@pytest.mark.parametrize("room", [1 << 30, 5 * COST])
@pytest.mark.parametrize("after", [0, 1, 7])
@pytest.mark.parametrize("parallel", [True, False])
def test_ending_early_ends_all_threads(room: int, after: int, parallel: bool) -> None:
    work = Work(parallel=parallel)
    stream = work.pipeline(room).write(range(1000), work)  # type: ignore[arg-type]
    for _ in range(after):
        next(stream)
    stream.close()
    assert work.begun < 200  # of a thousand
    assert after == 0 or work.closed.is_set()


def test_room_lets_in_what_fits_and_wakes_who_waits() -> None:
    room = Room(100)
    assert all(room.enter(25) for _ in range(4))
    entered = threading.Event()
    waiting = threading.Thread(target=lambda: room.enter(1000) and entered.set())
    waiting.start()
    assert not entered.wait(0.05)
    room.leave(25)
    assert entered.wait(5)
    waiting.join()
    refused: list[bool] = []
    last = threading.Thread(target=lambda: refused.append(room.enter(1)))
    last.start()
    room.close()
    last.join(5)
    assert refused == [False]
    room.leave(1000)
    assert room.used == 76  # three quarters, and the one byte that was refused
