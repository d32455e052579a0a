"""Stages side by side: order, bounds, exceptions and stopping."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from understudy.core.conversion.stages import Clock, ahead, spread


def test_order_is_kept() -> None:
    assert list(ahead(iter(range(100)), 3)) == list(range(100))

    def slow_when_even(n: int) -> int:
        time.sleep(0.002 * (n % 2 == 0))
        return n * n

    assert list(spread(slow_when_even, ahead(iter(range(40)), 2), 4)) == [n * n for n in range(40)]


def test_no_more_is_fetched_than_may_wait() -> None:
    fetched: list[int] = []

    def items() -> Iterator[int]:
        for n in range(100):
            fetched.append(n)
            yield n

    stage = ahead(items(), 3)
    assert next(stage) == 0
    time.sleep(0.3)
    assert len(fetched) <= 1 + 3 + 1  # taken, waiting, held by the thread
    stage.close()


def test_an_exception_arrives_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("broken")

    def passed_on() -> Iterator[int]:
        yield from ahead(items(), 8)

    stage = ahead(passed_on(), 8)
    assert [next(stage), next(stage)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(stage)
    with pytest.raises(ZeroDivisionError):
        list(spread(lambda n: 1 // (3 - n), iter(range(10)), 2))


def test_closing_ends_every_thread_and_closes_what_was_read() -> None:
    before = threading.active_count()
    closed = []

    def endless() -> Iterator[int]:
        n = 0
        try:
            while True:
                yield (n := n + 1)
        finally:
            closed.append(True)

    def doubled(numbers: Iterator[int]) -> Iterator[int]:
        try:
            for n in numbers:
                yield 2 * n
        finally:
            numbers.close()  # type: ignore[attr-defined]

    stage = spread(str, ahead(doubled(ahead(endless(), 2)), 2), 2)
    assert [next(stage) for _ in range(3)] == ["2", "4", "6"]
    stage.close()
    assert closed == [True]
    assert threading.active_count() == before


def test_the_clock_counts_work_and_not_waiting() -> None:
    clock = Clock()
    for _ in clock.iterate("fetch", (time.sleep(0.02) for _ in range(3))):
        time.sleep(0.05)
    assert clock.timed("add", lambda a, b: a + b, 1, 2) == 3
    assert 0.05 < clock.wall["fetch"] < 0.15
    assert clock.cpu["fetch"] < 0.05
    assert "add" in clock.wall
