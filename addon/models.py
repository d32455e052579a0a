"""What panels show of a model: its sessions, its copies, and whether its loss has flattened (no bpy).

Read by the keeper's thread, again only when a file has changed.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..core.errors import UnderstudyError
from ..core.models import copies
from ..core.models.state import HISTORY_NAME, PREVIEW_NAME, STATE_NAME, ModelState
from ..core.training.watching import flattening, session_rows

_PAUSE = 5.0  # seconds between two readings of a model that keeps changing


@dataclass(frozen=True)
class CopyView:
    """A backup, snapshot or archive.

    Attributes:
        iterations: None where its state is damaged.
        loss: the lowest mean loss (A and B added) that it knows of; None where it knows none.
        saved: when, such as "24 Nov 13:05".
        preview: its picture; "" where there is none.
    """

    kind: str
    place: str
    iterations: int | None
    loss: float | None
    saved: str
    preview: str


@dataclass(frozen=True)
class ModelView:
    """A model.

    Attributes:
        trainer: its name.
        loss: the lowest mean loss so far; None while it is not known.
        sessions: cells of a row for each session, oldest first, as `session_rows.HEADINGS` names them.
        total: the same for all sessions together.
        copies: backup, snapshots, archives, the latest of each first.
        flat: the hint that the loss has flattened; "" where it has not.
    """

    path: str
    trainer: str
    iterations: int
    loss: float | None
    sessions: tuple[tuple[str, ...], ...] = ()
    total: tuple[str, ...] = ()
    copies: tuple[CopyView, ...] = ()
    flat: str = ""


class Models:
    """Views of model folders, by their path."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, ...], float, ModelView | None]] = {}

    def look(self, folder: str) -> ModelView | None:
        """The model as it is now, or was a moment ago; None where there is none."""
        stamp = _stamp(Path(folder))
        known = self._known.get(folder)
        if known is not None and (known[0] == stamp or time.monotonic() - known[1] < _PAUSE):
            return known[2]
        view = read_model(Path(folder))
        self._known[folder] = stamp, time.monotonic(), view
        return view


def read_model(folder: Path) -> ModelView | None:
    """A model as panels show it; None where there is none, or a damaged one, of which its jobs tell."""
    state = copies.state_of(folder)
    if state is None:
        return None
    try:
        trend = flattening.trend_of(folder, state.iterations)
        flat = trend.sentence if trend is not None else ""
    except UnderstudyError:
        flat = ""  # without a history there is no hint
    try:
        rows = session_rows.rows(state.sessions)
        sessions, total = tuple(row.cells() for row in rows), session_rows.total(rows).cells()
    except (TypeError, ValueError):
        sessions, total = (), ()
    return ModelView(str(folder), state.settings.trainer, state.iterations, state.lowest_loss, sessions, total,
                     tuple(_copy(copy.kind, copy.place, copy.state) for copy in copies.find_copies(folder)), flat)


def _copy(kind: str, place: Path, state: ModelState | None) -> CopyView:
    try:
        saved = datetime.fromtimestamp((place / STATE_NAME).stat().st_mtime).strftime("%Y-%m-%d %H:%M")
    except OSError:
        saved = ""
    preview = place / PREVIEW_NAME
    return CopyView(kind, str(place), state.iterations if state else None, state.lowest_loss if state else None, saved,
                    str(preview) if preview.is_file() else "")


def _stamp(folder: Path) -> tuple[int, ...]:
    """Changes when the model is saved, copied or restored."""
    return tuple(_time(path) for path in (folder / STATE_NAME, folder.parent, copies.backup_place(folder) / STATE_NAME,
                                          folder / HISTORY_NAME))


def _time(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return -1


def explain_loss(value: Any) -> str:
    """A loss as a person reads it; "" for none."""
    return f"{value:.4g}" if isinstance(value, float) else ""
