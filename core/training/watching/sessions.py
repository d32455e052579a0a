"""The table of a model's sessions: start, end, elapsed time, batch, iterations, EG/s; as text, CSV and picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...columns import columns
from ...jobs.progress import duration

_HEADINGS = ("Session", "Start", "End", "Elapsed", "Batch", "Iterations", "EG/s")
_CSV_HEADINGS = ("session", "start", "end", "elapsed_seconds", "batch_size", "iterations", "eg_per_second")
_BACKGROUND, _STRIPE, _LINE, _TEXT, _FAINT = (48, 48, 48), (42, 42, 42), (72, 72, 72), (230, 230, 230), (160, 160, 160)
_FONT, _ROW, _PAD, _GAP = 17, 34, 28, 34  # pixels
_MOST_ROWS = 200  # in a picture


@dataclass(frozen=True)
class SessionRow:
    """One session, or all of them together.

    Attributes:
        name: its number, or "Total".
        start, end: None where nobody noted them.
        seconds: spent on training and saving, without pauses.
        batch: faces of each side per iteration; of the total: the different ones.
        iterations: made in it.
        examples: faces of both sides that it trained on.
    """

    name: str
    start: datetime | None
    end: datetime | None
    seconds: float
    batch: str
    iterations: int
    examples: int

    @property
    def rate(self) -> float:
        """EG/s: faces of both sides per second; 0 where no time passed."""
        return self.examples / self.seconds if self.seconds else 0.0

    def cells(self) -> tuple[str, ...]:
        """The row as a person reads it."""
        start, end = (moment.strftime("%Y-%m-%d %H:%M") if moment else "" for moment in (self.start, self.end))
        return (self.name, start, end, duration(self.seconds), self.batch, f"{self.iterations:,}", f"{self.rate:,.1f}")


def rows(sessions: Sequence[Mapping[str, Any]]) -> list[SessionRow]:
    """A row per session of a model's state, oldest first."""
    return [_row(number, session) for number, session in enumerate(sessions, 1)]


def _row(number: int, session: Mapping[str, Any]) -> SessionRow:
    seconds, iterations = float(session.get("seconds") or 0.0), int(session.get("iterations") or 0)
    start, end = _moment(session.get("started")), _moment(session.get("ended"))
    if end is None and start is not None:
        end = start + timedelta(seconds=seconds)
    batch = int(session.get("batch_size") or 0)
    return SessionRow(str(number), start, end, seconds, str(batch), iterations, 2 * batch * iterations)


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def total(table: Sequence[SessionRow]) -> SessionRow:
    """All sessions together; their rate is that of all faces in all the time."""
    batches = dict.fromkeys(row.batch for row in table)
    return SessionRow("Total", table[0].start if table else None, table[-1].end if table else None,
                      sum(row.seconds for row in table), ", ".join(batches), sum(row.iterations for row in table),
                      sum(row.examples for row in table))


def as_text(table: Sequence[SessionRow]) -> str:
    """The table with its total, in aligned columns."""
    return "\n".join(columns([_HEADINGS, *(row.cells() for row in (*table, total(table)))], right=True))


def as_csv(table: Sequence[SessionRow]) -> str:
    """One line per session: times in ISO 8601, seconds and rates as plain numbers."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_CSV_HEADINGS)
    for row in table:
        moments = (moment.isoformat() if moment else "" for moment in (row.start, row.end))
        writer.writerow((row.name, *moments, round(row.seconds, 1), row.batch, row.iterations, round(row.rate, 2)))
    return file.getvalue()


def as_picture(table: Sequence[SessionRow], title: str) -> np.ndarray:
    """The table with its total, uint8 [H, W, 3] RGB; of very many sessions the latest."""
    left_out = max(0, len(table) - _MOST_ROWS)
    lines = [_HEADINGS, *(row.cells() for row in (*table[left_out:], total(table)))]
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
