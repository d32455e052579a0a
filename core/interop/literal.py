"""Python literals as data: what `repr` writes of plain containers, read back with bounded time and memory.

`ast.literal_eval` builds a tree of the whole expression first, hundreds of bytes for one character, and its own
documentation warns of crashes with deep ones. Nor may several threads use it at once: CPython's count of its depth is
theirs together, and now and then ends in a SystemError (github.com/python/cpython/issues/106905).
"""

from __future__ import annotations

import codecs
import re
from typing import Any

_MOST_DEPTH = 12
_TOKEN = re.compile(r"""\s*(?:
    (?P<open>[\[({]) | (?P<close>[\])}]) | (?P<comma>,) | (?P<colon>:)
  | (?P<number>-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)
  | (?P<word>None|True|False)
  | (?P<text>b?'(?:[^'\\\n]|\\.)*'|b?"(?:[^"\\\n]|\\.)*")
)""", re.VERBOSE | re.ASCII)
_CLOSES = {"[": "]", "(": ")", "{": "}"}
_WORDS = {"None": None, "True": True, "False": False}


def parse_literal(text: str) -> Any:
    """The dict, list, tuple, string, bytes, number, bool or None that `text` spells.

    Raises:
        ValueError: for anything else.
    """
    reader = _Reader(text)
    value = reader.value(reader.next(), 0)
    if reader.position != len(text.rstrip()):
        raise ValueError("there is more after its end")
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.position = text, 0

    def next(self) -> tuple[str, str]:
        """(kind, text) of the next token."""
        found = _TOKEN.match(self.text, self.position)
        if found is None or found.lastgroup is None:
            raise ValueError(f"it cannot be read at character {self.position}")
        self.position = found.end()
        return found.lastgroup, found[found.lastgroup]

    def value(self, token: tuple[str, str], depth: int) -> Any:
        kind, text = token
        if kind == "open" and depth < _MOST_DEPTH:
            return self.mapping(depth + 1) if text == "{" else self.sequence(text, depth + 1)
        if kind == "number":
            return float(text) if any(c in text for c in ".e") else int(text)
        if kind == "word":
            return _WORDS[text]
        if kind == "text":
            try:
                return _string(text)
            except ValueError as error:
                raise ValueError("a string in it is damaged") from error
        raise ValueError(f"it cannot be read at character {self.position}")

    def sequence(self, opened: str, depth: int) -> Any:
        values: list[Any] = []
        has_comma = False
        token = self.next()
        while token != ("close", _CLOSES[opened]):
            if values and not has_comma:
                raise ValueError(f"a comma is missing at character {self.position}")
            values.append(self.value(token, depth))
            token = self.next()
            has_comma = token[0] == "comma"
            if has_comma:
                token = self.next()
        if opened == "[":
            return values
        return tuple(values) if has_comma or len(values) != 1 else values[0]

    def mapping(self, depth: int) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        has_comma = True
        token = self.next()
        while token != ("close", "}"):
            key = self.value(token, depth)
            if not has_comma or not isinstance(key, (str, int)) or self.next()[0] != "colon":
                raise ValueError(f"it cannot be read at character {self.position}")
            values[key] = self.value(self.next(), depth)
            token = self.next()
            has_comma = token[0] == "comma"
            if has_comma:
                token = self.next()
        return values


def _string(text: str) -> str | bytes:
    """What a string's or bytes' literal, quotes included, spells.

    Raises:
        ValueError: it spells nothing.
    """
    if text[0] == "b":
        return codecs.escape_decode(text[2:-1].encode("ascii"))[0]
    # What Latin-1 lacks is spelt as an escape, too; the rest stands for itself in this codec.
    return text[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape")
