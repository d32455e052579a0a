"""Damaging files at random, and holding what reads them to named errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from understudy.core.errors import UnderstudyError


def cases(number: int) -> Callable:
    return settings(deadline=None, max_examples=number, database=None,
                    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow,
                                           HealthCheck.data_too_large])


@st.composite
def damaged(draw, whole: bytes):
    """A valid file, cut, with bytes changed, doubled, dropped, or replaced by others."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.sampled_from([1, 1, 1, 2, 4, 8, 64, 1000]))
        what = draw(st.sampled_from(["set", "flip", "drop", "double", "insert", "cut", "swap"]))
        if what == "set":
            data[place:place + length] = draw(st.binary(min_size=length, max_size=length))
        elif what == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif what == "drop":
            del data[place:place + length]
        elif what == "double":
            data[place:place] = data[place:place + length] * draw(st.integers(1, 3))
        elif what == "insert":
            data[place:place] = draw(st.binary(max_size=length))
        elif what == "cut":
            del data[place:]
        else:
            other = draw(st.integers(0, max(0, len(data) - 1)))
            here, there = slice(place, place + length), slice(other, other + length)
            data[here], data[there] = data[there], data[here]
    return bytes(data)


def told(read: Callable[[], object], path: Path) -> None:
    """Reading succeeds, or fails with an error that names the file and what to do."""
    refusal = None
    try:
        read()
    except UnderstudyError as error:
        refusal = error
    assert refusal is None or (path.name in refusal.message and refusal.hint)
