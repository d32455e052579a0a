"""Who needs which weights: detectors, aligners, maskers and identity models name theirs (stdlib; both sides)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from ..errors import UsageError
from ..options import is_meant, options_of, rows
from ..options.maskers import bisenet_weights
from ..options.rows import Row
from .rows import WEIGHTS, Weights

_OF_BISENET = ("bisenet_weights", "bisenet_hair")
_CHOOSERS = ("detector", "aligner", "masker", "identity")  # options that say which networks run


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


@cache
def choosers(options: type) -> tuple[str, ...]:
    """The options of a task that say which networks it runs. One without a `device` runs none: where it names a mask or
    an identity model, as `mask output` does, it means what that one made before.
    """
    names = [option.name for option in options_of(options)]
    return tuple(name for name in names if name in _CHOOSERS) if "device" in names else ()


@cache
def deciding(options: type) -> frozenset[str]:
    """The options that decide which weights a task needs: those that choose networks, and what these depend on."""
    running = [option for option in options_of(options) if option.name in choosers(options)]
    needed = {"trainer", *_OF_BISENET, *(option.name for option in running),
              *(option.declaration.only_with[0] for option in running if option.declaration.only_with)}
    return frozenset(option.name for option in options_of(options) if option.name in needed)


def of_values(options: type, values: Mapping[str, Any]) -> frozenset[str]:
    """Names of the weights that a task with these options would use.

    Args:
        options: the task's options class.
        values: name -> value; those of `deciding` are looked at, and count with their defaults where they lack.
    """
    wanted: set[str] = set()
    known = [option for option in options_of(options) if option.name in deciding(options)]
    full = {option.name: values.get(option.name, option.default) for option in known}
    running = choosers(options)
    for option in known:
        if option.name not in running or not is_meant(option, full.get):
            continue
        value = full[option.name]
        chosen = value if option.many else (value,)
        for row in option.declaration.choices:
            if isinstance(row, Row) and row.name in chosen:
                wanted |= set(_of_row(row, full))
    return frozenset(wanted)


def _of_row(row: Row, values: Mapping[str, Any]) -> tuple[str, ...]:
    """The row's weights; for BiSeNet those that its own options choose."""
    if row.name == "bisenet-fp" and "bisenet_weights" in values:
        return (bisenet_weights(values["bisenet_weights"], bool(values.get("bisenet_hair"))),)
    return row.weights
