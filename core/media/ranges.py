"""Frame numbers as a person writes them, and file names as a person orders them (stdlib only)."""

from __future__ import annotations

import re

from ..errors import UsageError

_RANGE = re.compile(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", re.ASCII)
_DIGITS = re.compile(r"(\d+)", re.ASCII)


def parse_frames(text: str, length: int) -> list[int]:
    """The frames named by text such as "0-99,150", ascending and without repeats.

    Args:
        text: frames and inclusive ranges counted from 0, separated by commas; blank: all frames.
        length: number of frames in the source.

    Raises:
        UsageError: for anything else, a range that runs backwards, or a frame that the source does not have.
    """
    if not text.strip():
        return list(range(length))
    chosen: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise UsageError(f"Cannot read the frames {text!r}",
                             "Write frames and ranges counted from 0, such as 0-99,150")
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        if last < first:
            raise UsageError(f"The frames {part.strip()!r} run backwards", f"Write {last}-{first}")
        if last >= length:
            raise UsageError(f"There is no frame {last}: the source has {length} frames, counted from 0",
                             f"Choose frames from 0-{length - 1}")
        chosen.update(range(first, last + 1))
    return sorted(chosen)


def format_frames(frames: list[int]) -> str:
    """The inverse of `parse_frames`: ascending frames as "0-99,150"."""
    parts: list[str] = []
    start = 0
    for i in range(1, len(frames) + 1):
        if i == len(frames) or frames[i] != frames[i - 1] + 1:
            first, last = frames[start], frames[i - 1]
            parts.append(str(first) if first == last else f"{first}-{last}")
            start = i
    return ",".join(parts)


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which numbers inside names count as numbers: img_2 before img_10.

    A total order: names that differ only in case or leading zeros still sort in a fixed way.
    """
    parts = tuple((0, int(p), "") if p.isdecimal() and p.isascii() else (1, 0, p.casefold())
                  for p in _DIGITS.split(name) if p)
    return (*parts, (2, 0, name))
