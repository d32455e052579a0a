"""Who needs which weights: detectors, aligners, maskers and identity models name theirs (stdlib; both sides)."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from ..errors import UsageError
from ..options import rows
from ..options.rows import Row
from .files import missing
from .rows import WEIGHTS, Weights


def users() -> tuple[Row, ...]:
    """Every row of `core.options.rows` that needs weights on disk."""
    return tuple(row for table in (rows.DETECTORS, rows.ALIGNERS, rows.MASKERS, rows.IDENTITIES) for row in table
                 if row.weights)


def resolve(names: Iterable[str]) -> list[Weights]:
    """The weights that names mean, in the table's order: their own names, or those of rows that need some.

    Raises:
        UsageError: for a name that means nothing; the nearest is suggested.
    """
    meant: set[str] = set()
    known = {row.name: (row.name,) for row in WEIGHTS}
    for name in names:
        found = {weights for row in users() if row.name == name for weights in row.weights}
        found |= set(known.get(name, ()))
        if not found:
            everything = sorted({*known, *(row.name for row in users())})
            close = get_close_matches(name, everything, 1)
            raise UsageError(f"There are no weights called {name!r}",
                             f"Did you mean {close[0]}?" if close else f"Known: {', '.join(everything)}")
        meant |= found
    return [row for row in WEIGHTS if row.name in meant]


def lacking(chosen: Iterable[Row]) -> tuple[str, ...]:
    """Names of the weights that these rows need and that are not on disk."""
    return missing(tuple(dict.fromkeys(name for row in chosen for name in row.weights)))
