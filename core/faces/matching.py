"""Which new detection is which known face, by box overlap (stdlib; both sides import it)."""

from __future__ import annotations

from collections.abc import Sequence

from .nouns import Box

SAME_FACE = 0.4  # least overlap; two detectors' boxes of one face differ that much, neighbours' boxes never overlap so


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (x, y, w, h), 0 .. 1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def match(found: Sequence[Box], known: Sequence[Box], least: float = SAME_FACE) -> dict[int, int]:
    """Pairs (index in `found` -> index in `known`), best overlap first, each used once."""
    pairs = sorted(((overlap(f, k), i, j) for i, f in enumerate(found) for j, k in enumerate(known)),
                   key=lambda pair: (-pair[0], pair[1], pair[2]))
    result: dict[int, int] = {}
    taken: set[int] = set()
    for score, i, j in pairs:
        if score < least:
            break
        if i not in result and j not in taken:
            result[i] = j
            taken.add(j)
    return result
