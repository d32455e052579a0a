"""The stream of frames: order kept, memory bounded whatever the length, no thread left behind."""

from __future__ import annotations

import random
import threading
import time

import pytest

from understudy.core.extraction.stream import stream


def threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("extract")}


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order_and_all(workers):
    pauses = random.Random(1)

    def work(n: int) -> int:
        time.sleep(pauses.random() * 0.003)
        return n * n

    assert list(stream(range(200), work, workers, 4)) == [n * n for n in range(200)]
    assert not threads()


def test_reading_ahead_is_bounded_however_long_the_clip_and_slow_the_writer():
    taken = 0
    most = 0

    def items():
        nonlocal taken
        for n in range(300):
            taken += 1
            yield n

    for done, _ in enumerate(stream(items(), lambda n: n, 3, 5), 1):
        if done % 50 == 0:
            time.sleep(0.05)  # a slow write: the reader must wait, not collect
        most = max(most, taken - done)
    assert taken == 300
    assert 5 <= most <= 5 + 3


def test_memory_of_finished_items_is_let_go():
    """A window of big arrays, not a clip of them: counted by how many are alive at once."""
    alive = most = 0
    mutex = threading.Lock()

    class Big:
        def __init__(self) -> None:
            nonlocal alive, most
            with mutex:
                alive += 1
                most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            with mutex:
                alive -= 1

    for _ in stream((Big() for _ in range(200)), lambda big: None, 2, 4):
        pass
    assert most <= 4 + 4
    assert alive == 0


@pytest.mark.parametrize("where", ["items", "work"])
def test_an_error_arrives_after_what_came_before_it_and_ends_all_threads(where):
    def items():
        for n in range(100):
            if where == "items" and n == 20:
                raise OSError("broken clip")
            yield n

    def work(n: int) -> int:
        if where == "work" and n == 20:
            raise OSError("broken clip")
        return n

    got: list[int] = []
    with pytest.raises(OSError, match="broken clip"):
        got.extend(stream(items(), work, 2, 4))
    assert got == list(range(20))
    assert not threads()


def test_leaving_early_ends_all_threads_and_closes_the_source():
    closed = False

    def items():
        nonlocal closed
        try:
            yield from range(10**9)
        finally:
            closed = True

    results = stream(items(), lambda n: n, 2, 4)
    assert [next(results) for _ in range(7)] == list(range(7))
    results.close()
    assert closed
    assert not threads()
