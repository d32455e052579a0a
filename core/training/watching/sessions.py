"""The table of a model's sessions as a picture; the table itself is made in `session_rows`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .session_rows import HEADINGS, SessionRow, as_csv, as_text, rows, total

__all__ = ["SessionRow", "as_csv", "as_picture", "as_text", "rows", "total"]

_BACKGROUND, _STRIPE, _LINE, _TEXT, _FAINT = (48, 48, 48), (42, 42, 42), (72, 72, 72), (230, 230, 230), (160, 160, 160)
_FONT, _ROW, _PAD, _GAP = 17, 34, 28, 34  # pixels
_MOST_ROWS = 200  # in a picture


def as_picture(table: Sequence[SessionRow], title: str) -> np.ndarray:
    """The table with its total, uint8 [H, W, 3] RGB; of very many sessions the latest."""
    left_out = max(0, len(table) - _MOST_ROWS)
    lines = [HEADINGS, *(row.cells() for row in (*table[left_out:], total(table)))]
    font, large = ImageFont.load_default(_FONT), ImageFont.load_default(_FONT * 1.4)
    widths = [max(round(font.getlength(cell)) for cell in column) for column in zip(*lines, strict=True)]
    width = max(sum(widths) + _GAP * (len(widths) - 1), round(large.getlength(title))) + 2 * _PAD
    top = 2 * _PAD + 28
    image = Image.new("RGB", (width, top + _ROW * len(lines) + _PAD), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    draw.text((_PAD, _PAD), title, _TEXT, large)
    if left_out:
        draw.text((width - _PAD, _PAD), f"{left_out:,} earlier sessions are not shown", _FAINT, font, anchor="ra")
    for number, line in enumerate(lines):
        y = top + _ROW * number
        if number % 2:
            draw.rectangle((_PAD // 2, y, width - _PAD // 2, y + _ROW - 1), _STRIPE)
        if number == len(lines) - 1:
            draw.line((_PAD // 2, y, width - _PAD // 2, y), _LINE)
        x = _PAD
        for cell, column in zip(line, widths, strict=True):
            x += column
            draw.text((x, y + _ROW / 2), cell, _TEXT if number else _FAINT, font, anchor="rm")
            x += _GAP
    return np.asarray(image)
