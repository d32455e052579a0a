"""Names that are suggested while a person types: of persons, of weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.weights.rows import WEIGHTS


def _people(context: Any) -> list[str]:
    """The persons of the strip that the tools are about."""
    from . import people  # it needs the shot, which needs the properties, which need us

    return people.names(context)


def _weights(context: Any) -> list[str]:
    return [row.name for row in WEIGHTS if not row.is_embedded]


# By the names of options.
_SUGGESTIONS: dict[str, Callable[[Any], list[str]]] = {"person": _people, "persons": _people, "names": _weights}


def completion(option: str, separator: str = "") -> Any | None:
    """The search callback for an option of this name; None where nothing can be suggested.

    Args:
        separator: between the names of a list, of which the last one is completed; "": one name.
    """
    suggestions = _SUGGESTIONS.get(option)
    if suggestions is None:
        return None

    def search(group: Any, context: Any, text: str) -> list[str]:
        before, mark, word = text.rpartition(separator) if separator else ("", "", text)
        start = f"{before}{mark} " if mark else ""
        return [start + name for name in suggestions(context) if word.strip().casefold() in name.casefold()]

    return search
