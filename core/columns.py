"""Tables for terminals (stdlib only)."""

from __future__ import annotations

from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]], *, right: bool = False) -> list[str]:
    """The rows as lines, each column as wide as its widest cell.

    Args:
        rows: of equally many cells each.
        right: cells end, rather than begin, below each other.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) if right else cell.ljust(width)
                      for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
