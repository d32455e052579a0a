"""The table of a model's sessions: start, end, elapsed time, batch, iterations, EG/s (stdlib; both sides)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ...columns import columns
from ...jobs.progress import duration

HEADINGS = ("Session", "Start", "End", "Elapsed", "Batch", "Iterations", "EG/s")
_CSV_HEADINGS = ("session", "start", "end", "elapsed_seconds", "batch_size", "iterations", "eg_per_second")


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
    return "\n".join(columns([HEADINGS, *(row.cells() for row in (*table, total(table)))], right=True))


def as_csv(table: Sequence[SessionRow]) -> str:
    """One line per session: times in ISO 8601, seconds and rates as plain numbers."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_CSV_HEADINGS)
    for row in table:
        moments = (moment.isoformat() if moment else "" for moment in (row.start, row.end))
        writer.writerow((row.name, *moments, round(row.seconds, 1), row.batch, row.iterations, round(row.rate, 2)))
    return file.getvalue()
