"""Pickled lists of numbers, read at once: hundreds for a face, they are most of a file.

As Python's objects they would take five times the memory and most of the time.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_LEAST = b"16"  # shorter lists stay lists
# Floats (BINFLOAT each) between MARK and APPENDS. Python writes a list by the thousand: another mark goes on with it.
_FLOATS = re.compile(rb"\(((?:G.{8}){" + _LEAST + rb",}+)e(?!\()", re.DOTALL)
# Integers below 256 (BININT1 each), also in several batches.
_BYTES = re.compile(rb"(?:\((?:K.){" + _LEAST + rb",}+e)(?:\((?:K.)++e)*+(?!\()", re.DOTALL)
_BATCH = re.compile(rb"\(((?:K.)++)e", re.DOTALL)
# Lists of two floats each, all of them remembered in the same way: MEMOIZE, LONG_BINPUT or not at all.
_PAIR_KINDS = {ord("\x94"): (rb"\x94", 1), ord("r"): (rb"r.{4}", 5), ord("("): (rb"", 0)}
_PAIRS = {code: (re.compile(rb"\(((?:\]" + memo + rb"\((?:G.{8}){2}e){" + _LEAST + rb",}+)e(?!\()", re.DOTALL), size)
          for code, (memo, size) in _PAIR_KINDS.items()}


def read_numbers(data: bytes, position: int) -> tuple[Any, int, int] | None:
    """The numbers of a list whose filling begins at `position`; None where it holds other things, or few.

    Returns:
        (float64 [N] or [N, 2], or bytes for small integers; where the list ends; how many lists in it were remembered
        in the order of their coming).
    """
    if data[position:position + 1] != b"(":
        return None
    first = data[position + 1:position + 2]
    if first == b"G" and (found := _FLOATS.match(data, position)):
        return _floats(found[1], 9, (1,))[:, 0], found.end(), 0
    if first == b"K" and (found := _BYTES.match(data, position)):
        return b"".join(batch[1][1::2] for batch in _BATCH.finditer(found[0])), found.end(), 0
    if first == b"]" and data[position + 2:position + 3]:
        kind = _PAIRS.get(data[position + 2])
        found = kind[0].match(data, position) if kind else None
        if kind and found:
            size = kind[1]
            values = _floats(found[1], 21 + size, (3 + size, 12 + size))
            return values, found.end(), len(values) if size == 1 else 0
    return None


def _floats(raw: bytes, stride: int, starts: tuple[int, ...]) -> np.ndarray:
    """Big-endian doubles at some places of each `stride` bytes, float64 [N, number of places]."""
    rows = np.frombuffer(raw, np.uint8).reshape(-1, stride)
    return np.stack([np.ascontiguousarray(rows[:, start:start + 8]).view(">f8")[:, 0] for start in starts],
                    axis=1).astype(np.float64)
