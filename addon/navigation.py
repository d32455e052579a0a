"""Jumping between the frames of a kind: which timeline frames show them, and which of these comes next.

Answers are kept until the alignments, the strip or the choice change, so that panels may ask at every redraw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from .frame_map import FrameMap
from .frame_table import FrameTable
from .overlay import settings, views
from .overlay.views import View

_KEPT = 16
_answers: dict[tuple[Any, ...], tuple[Any, np.ndarray]] = {}


@dataclass(frozen=True, eq=False)
class Matches:
    """The timeline frames of a kind.

    Attributes:
        frames: int64, ascending.
        current: of the timeline.
    """

    frames: np.ndarray
    current: int

    def place(self) -> int | None:
        """Which of them the current frame is, from 0; None if it is none of them."""
        at = int(np.searchsorted(self.frames, self.current))
        return at if at < len(self.frames) and self.frames[at] == self.current else None

    def jump(self, direction: str, step: int = 1) -> int | None:
        """The frame to go to; None where there is none in that direction.

        Args:
            direction: "PREVIOUS", "NEXT", "FIRST" or "LAST".
            step: how many of them further; no further than to the last.
        """
        count = len(self.frames)
        before, after = np.searchsorted(self.frames, self.current), np.searchsorted(self.frames, self.current, "right")
        if direction in ("FIRST", "LAST"):
            at = 0 if direction == "FIRST" else count - 1
        elif direction == "NEXT":
            at = min(int(after) + step - 1, count - 1) if after < count else count
        else:
            at = max(int(before) - step, 0) if before else -1
        return int(self.frames[at]) if 0 <= at < count and self.frames[at] != self.current else None


def timeline_frames(shows: FrameMap, wanted: np.ndarray | None) -> np.ndarray:
    """The timeline frames at which a strip shows any of these frames of its source, int64 ascending.

    Args:
        wanted: int64, ascending; None for all.
    """
    if wanted is None:
        return np.arange(shows.first, shows.last + 1)[shows.indices >= 0]
    if not len(wanted):
        return np.zeros(0, np.int64)
    at = np.minimum(np.searchsorted(wanted, shows.indices), len(wanted) - 1)
    return shows.first + np.flatnonzero(wanted[at] == shows.indices)


def matches(context: Any, kind: str = "", view: View | None = None) -> Matches | None:
    """The timeline frames of a kind in the editor of a context; None while they are not known.

    Args:
        kind: of `frame_table.KINDS`; "" for the one that is chosen.
    """
    scene, _ = views.place_of(context)
    if scene is None:
        return None
    table: FrameTable | None
    if bpy.app.background:
        view, table = views.read_now(context)
    else:
        view = view or views.of(context)
        table = views.table(view) if view is not None else None
    kind = kind or settings.of(scene).kind
    if view is None or view.target.shows is None or (table is None and kind != "ANY"):
        return None
    return Matches(_frames(view.target.shows, table, kind, round(settings.of(scene).threshold, 6)),
                   views.clock_of(context).frame_current)


def _frames(shows: FrameMap, table: FrameTable | None, kind: str, threshold: float) -> np.ndarray:
    key = (id(shows), id(table), kind, threshold if kind == "MISALIGNED" else 0.0)
    known = _answers.get(key)
    if known is None:
        wanted = table.of_kind(kind, threshold) if table is not None else None
        while len(_answers) >= _KEPT:
            del _answers[next(iter(_answers))]
        # With what it was made from, whose places in memory would otherwise be given to others.
        known = _answers[key] = (shows, table), timeline_frames(shows, wanted)
    return known[1]
