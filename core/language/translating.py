"""Finding the template that a sentence was made from, and the sentence in another language (stdlib only)."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "addon" / "languages"
_LONGEST = 2000  # characters of a sentence that is still looked for
_START = 5  # characters by which templates are told apart first
_LIST = "\0"  # in place of one, while the sentence around it is looked for
_NUMBER = re.compile(r"\d[\d.,:]*(?: ?%)?")


def languages() -> list[str]:
    """The names of those there are, as Blender has them, such as "zh_HANS"."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


@lru_cache(maxsize=4)
def words(language: str) -> dict[str, str]:
    """English to another language; {} in both stands for a value, {0}, {1} … where their order is another."""
    path = FOLDER / f"{language}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


class Templates:
    """The templates of a language, ready to be recognised. Looking is for panels too: most are ruled out by how they
    begin, and a pattern is only made for one that can be it.
    """

    def __init__(self, known: dict[str, str]) -> None:
        self.known = known
        self._starting: dict[str, list[str]] = {}
        self._counting: list[str] = []  # "{} of {}": of numbers, and of what is known as it stands
        for text in sorted((text for text in known if "{}" in text and _literal(text)), key=_literal, reverse=True):
            if _has_words(text):
                self._starting.setdefault(text.partition("{}")[0][:_START], []).append(text)
            if text.startswith("{} ") or not _has_words(text):
                self._counting.append(text)

    def find(self, text: str, *, loose: bool = False) -> str | None:
        """`text` in that language; None if it is none of ours.

        Args:
            loose: values may be whole sentences, or have a colon: what is not looked for first, since "{} of {}" would
                be found in much that was put together from other templates.
        """
        if text in self.known:
            return self.known[text]
        counts = self._counts(text)
        if counts is not None:
            return counts
        for length in range(min(_START, len(text)), -1, -1):
            for template in self._starting.get(text[:length], ()):
                parts = template.split("{}")
                if text.startswith(parts[0]) and text.endswith(parts[-1]) and all(part in text for part in parts):
                    match = _pattern(template, loose).fullmatch(text)
                    if match:
                        values = [self.find(value.strip()) or value for value in match.groups()]
                        return _filled(self.known[template], values)
        return self._counted(text) or self._of_side(text)

    def _of_side(self, text: str) -> str | None:
        """ "Sort Faces, A": a tool, and whose strip it is for."""
        head, comma, side = text.rpartition(", ")
        known = self.known.get(head) if comma and side in ("A", "B") else None
        return known and f"{known}，{side}"

    def _counts(self, text: str) -> str | None:
        """ "2 persons, 0 nobody": what a job has made."""
        parts = text.split(", ")
        if len(parts) < 2 or not all(_NUMBER.match(part) for part in parts):
            return None
        told = [self._counted(part) or self.known.get(part) for part in parts]
        return "，".join(filter(None, told)) if None not in told else None

    def _counted(self, text: str) -> str | None:
        """ "31 of 120 frames", "0:22 left", by templates with few words of their own."""
        if not _NUMBER.search(text):
            return None
        for template in self._counting:
            match = _pattern(template, False).fullmatch(text)
            if match and _NUMBER.fullmatch(match[1]) and all(
                    _NUMBER.fullmatch(value) or value in self.known for value in match.groups()):
                return _filled(self.known[template], [self.known.get(value, value) for value in match.groups()])
        return None


def _has_words(template: str) -> bool:
    """Whether enough of it is fixed: "{}: {}" would be anything."""
    return _literal(template) >= 5


def _literal(template: str) -> int:
    return len(re.sub(r"\{\}|[^A-Za-z]", "", template))


@lru_cache(maxsize=512)
def _pattern(template: str, loose: bool) -> re.Pattern[str]:
    value = "(.+?)" if loose else r"((?:(?!: |\. ).)+?)(?<!\.)"  # a full stop is the sentence's
    return re.compile(value.join(map(re.escape, template.split("{}"))), re.DOTALL)


def _filled(translation: str, values: list[str]) -> str:
    count = iter(values)

    def value(match: re.Match[str]) -> str:
        return values[int(match[1])] if match[1] else next(count, "")

    return re.sub(r"\{(\d*)\}", value, translation)


@lru_cache(maxsize=4)
def _templates(language: str) -> Templates:
    return Templates(words(language))


@lru_cache(maxsize=2048)
def translated(text: str, language: str) -> str:
    """A sentence, or several with a full stop after each, in a language; what is not known stays English."""
    if not words(language) or len(text) > _LONGEST:
        return text
    text = text.strip()
    templates = _templates(language)
    whole = templates.find(text)
    if whole is not None:
        return whole
    if ". " in text and text.endswith("."):  # one template may hold several sentences
        whole = templates.find(text[:-1])
        if whole is not None:
            return f"{whole}。"
    parts = re.split(r"(?<=[.?!])\s+", text)
    done: list[str | None] = []
    place = 0
    while place < len(parts):  # of sentences that are known together, the most
        for end in range(len(parts), place, -1):
            found = _sentence(templates, " ".join(parts[place:end]), exact=end > place + 1)
            if found is not None or end == place + 1:
                break
        done.append(found)
        if found is None:
            parts[place:place + 1] = [parts[place]]
        else:
            parts[place:end] = [" ".join(parts[place:end])]
        place += 1
    if None not in done:
        return "".join(part or "" for part in done)
    whole = templates.find(text, loose=True)
    return whole if whole is not None else " ".join(new or old for new, old in zip(done, parts, strict=True))


def _sentence(templates: Templates, text: str, *, exact: bool = False) -> str | None:
    bare = text.rstrip(".")
    if exact:
        found = templates.known.get(bare)
    else:
        found = templates.find(bare) or _with_list(templates, bare) or _with_heading(templates, bare)
        found = found or _with_condition(templates, bare)
        found = found or templates.find(bare, loose=True)
    return found and found + ("。" if text.endswith(".") else "")


def _with_list(templates: Templates, text: str) -> str | None:
    """ "3 % of the faces look elsewhere (looking up: 34 faces; looking down: 2 faces; …)": what a sentence names in
    brackets is said in templates of its own, which may have colons.
    """
    match = re.fullmatch(r"(.+?) \(([^()]+)\)(.*)", text, re.DOTALL)
    if match is None:
        return None
    items = [item if item == "…" else templates.find(item) for item in match[2].split("; ")]
    outer = templates.find(f"{match[1]} ({_LIST}){match[3]}") if None not in items else None
    return outer and outer.replace(_LIST, "；".join(filter(None, items)))


def _with_heading(templates: Templates, text: str) -> str | None:
    """ "Extract A: 30 of 240 frames", "Sort Faces, A: 30 found"."""
    head, colon, rest = text.partition(": ")
    if not colon:
        return None
    head_told, rest_told = templates.find(head), templates.find(rest)
    return f"{head_told or head}: {rest_told or rest}" if head_told or rest_told else None


def _with_condition(templates: Templates, text: str) -> str | None:
    """A tooltip with its unit, and with what an option counts for, as `core.options.field` puts them behind it."""
    match = re.fullmatch(r"(.+) \(([^()]{1,12})\)", text, re.DOTALL)
    if match:
        head = templates.known.get(match[1]) or _with_condition(templates, match[1])
        return head and f"{head}（{templates.known.get(match[2], match[2])}）"
    head, semicolon, last = text.rpartition("; ")
    if not semicolon:
        return None
    known = templates.known.get(head) or _with_condition(templates, head)
    for start in ("with ", "for "):
        condition = templates.known.get(f"; {start}{{}}")
        if known and last.startswith(start) and condition:
            return known + _filled(condition, [last.removeprefix(start)])
    return f"{known}；{templates.known[last]}" if known and last in templates.known else None
