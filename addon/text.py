"""Sentences in panels: Blender's labels do not wrap, so we do."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import blf
import bpy

from .language import told

_FONT = 0
_MARGIN = 62  # pixels of a sidebar at scale 1 that are not text: padding, scroll bar, tabs
_ICON = 28
# What a line may be broken between: words with the space before them, and Chinese characters, whose punctuation
# stays with what it follows.
_WORDS = re.compile(r"(\s*)([\u2e80-\u2fff\u3040-\u9fff][\u3001\u3002\uff00-\uffef]*|"
                    r"[^\s\u2e80-\u2fff\u3040-\u9fff]+)")


def wrapped(layout: Any, text: str, width: int, icon: str = "NONE", alert: bool = False) -> None:
    """Draw `text` as labels in the person's language, broken at words to fit a region `width` pixels wide."""
    scale = bpy.context.preferences.system.ui_scale
    room = width - (_MARGIN + (_ICON if icon != "NONE" else 0)) * scale
    column = layout.column(align=True)
    column.scale_y = 0.85
    column.alert = alert
    for number, line in enumerate(lines(told(text), int(room), round(11 * scale))):
        column.label(text=line, translate=False, icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else "NONE"))


@lru_cache(maxsize=256)
def lines(text: str, width: int, size: int) -> tuple[str, ...]:
    """`text` in lines of at most `width` pixels at a font size; a longer word stands alone, in pieces."""
    blf.size(_FONT, size)
    done: list[str] = []
    line = ""
    for gap, word in _WORDS.findall(text):
        longer = f"{line}{' ' if gap else ''}{word}" if line else word
        if blf.dimensions(_FONT, longer)[0] <= width:
            line = longer
            continue
        if line:
            done.append(line)
        pieces = _pieces(word, width)
        done += pieces[:-1]
        line = pieces[-1]
    return (*done, line) if line else tuple(done)


def _pieces(word: str, width: int) -> list[str]:
    """A long word in parts; paths are parted at folders where that leaves no line half empty."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and blf.dimensions(_FONT, pieces[-1] + letter)[0] > width:
            full = pieces.pop()
            end = max(full.rfind("/"), full.rfind("\\")) + 1
            end = end if 2 * end > len(full) else len(full)
            pieces += [full[:end], full[end:]]
        pieces[-1] += letter
    return pieces
