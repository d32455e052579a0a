from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.errors import UsageError
from understudy.core.media.ranges import format_frames, natural_key, parse_frames


def test_frames_and_ranges_are_read() -> None:
    assert parse_frames("0-3, 7 ,2", 10) == [0, 1, 2, 3, 7]
    assert parse_frames("", 4) == [0, 1, 2, 3]
    assert parse_frames("9", 10) == [9]


@pytest.mark.parametrize(("text", "told"), [
    ("5-2", "backwards"), ("10", "no frame 10"), ("0-10", "no frame 10"), ("a", "Cannot read"), ("1--2", "Cannot read"),
    (",", "Cannot read"), ("-3", "Cannot read"), ("1.5", "Cannot read"), ("٣", "Cannot read"),
])
def test_anything_else_is_refused_with_a_hint(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as refusal:
        parse_frames(text, 10)
    assert refusal.value.hint


@given(st.sets(st.integers(0, 300), min_size=1))
def test_format_is_the_inverse_of_parse(chosen: set[int]) -> None:
    frames = sorted(chosen)
    assert parse_frames(format_frames(frames), 301) == frames


@given(st.text(alphabet="0123456789-, x", max_size=12), st.integers(1, 50))
def test_parse_gives_frames_of_the_source_or_refuses(text: str, length: int) -> None:
    try:
        frames = parse_frames(text, length)
    except UsageError:
        return
    assert frames == sorted(set(frames))
    assert all(0 <= f < length for f in frames)


@given(st.lists(st.integers(0, 10**6), unique=True), st.text(alphabet="ab_-. é", max_size=5))
def test_numbers_in_names_sort_as_numbers(numbers: list[int], stem: str) -> None:
    names = [f"{stem}{n}.png" for n in numbers]
    assert sorted(names, key=natural_key) == [f"{stem}{n}.png" for n in sorted(numbers)]


@given(st.lists(st.text(max_size=8), unique=True))
def test_natural_order_is_total(names: list[str]) -> None:
    shuffled = names[::-1]
    assert sorted(names, key=natural_key) == sorted(shuffled, key=natural_key)
