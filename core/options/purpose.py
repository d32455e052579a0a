"""What faces are extracted for, and what follows from it: how many frames to read, how many faces to expect (stdlib).

The panels show the same sentence as the command line, without asking the core.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

PURPOSES = ("both", "convert", "training")
ENOUGH_FACES = 250  # of one side, below which a training warns
_APART = Fraction(1, 2)  # seconds between two faces of a training set: closer ones are too much alike to teach anything


def step(purpose: str, every: int, rate: Fraction) -> int:
    """Every how many frames one is read.

    Args:
        every: what the person asks for; 0: as the purpose wants it.
        rate: frames per second of the clip.
    """
    if every:
        return every
    return max(1, int(rate * _APART)) if purpose == "training" else 1


def thinned(frames: Sequence[int], step: int) -> list[int]:
    """Those of the frames whose number `step` divides, so that a wider range keeps what a narrower one read."""
    return [index for index in frames if index % step == 0]


def expected_faces(frames: int, seen: int = 0, faces_seen: int = 0) -> int:
    """How many faces that many frames will give: as many a frame as in those seen before, else one in each."""
    return round(frames * faces_seen / seen) if seen else frames


def expectation(step: int, faces: int, measured: bool) -> str:
    """Said before anything is read: "every 12th frame, about 40 faces of each person to expect"."""
    which = "every frame" if step == 1 else f"every {ordinal(step)} frame"
    count = "1 face" if faces == 1 else f"{faces} faces"
    return f"{which}, about {count} to expect" if measured else f"{which}, about {count} of each person to expect"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th …"""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
