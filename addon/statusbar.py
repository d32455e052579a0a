"""What runs, in Blender's status bar: a bar at its right end, beside whatever Blender and others say there."""

from __future__ import annotations

from typing import Any

import bpy

from .board import Board, JobView
from .language import told
from .timing import measured

_WIDTH = 14  # in units of a button's height
_shown: tuple[str, float] = ("", 0.0)


def line(board: Board) -> tuple[str, float]:
    """What to say and how full the bar is; ("", 0) while nothing runs."""
    going = [view for view in board.jobs if view.going and view.status != "waiting"]
    if not going:
        return "", 0.0
    view = next((one for one in going if one.status == "running"), going[-1])
    queued = sum(job.status == "waiting" for job in board.jobs) + len(going) - 1
    parts = [_doing(view), view.left, f"{queued} more" if queued else ""]
    return " · ".join(part for part in parts if part), round(view.factor, 2)


def _doing(view: JobView) -> str:
    if view.status == "paused":
        return f"{view.label}: paused"
    return f"{view.label} {view.factor:.0%}" if view.factor else f"{view.label}: {view.doing}"


def show(board: Board) -> None:
    """Bring the status bars up to date; they are redrawn only when what they say has changed."""
    global _shown
    now = line(board)
    if now == _shown:
        return
    _shown = now
    for window in bpy.context.window_manager.windows:
        if len(window.modal_operators):
            continue  # it may be telling its keys there; the bar comes up to date with the next change
        with bpy.context.temp_override(window=window):
            # Nothing but a redraw: Blender has no other way to ask for one of the status bar.
            window.workspace.status_text_set_internal(None)


def _draw(header: Any, context: Any) -> None:
    with measured("statusbar.draw", "draw"):
        text, factor = _shown
        if text:
            row = header.layout.row()
            row.ui_units_x = _WIDTH
            row.progress(factor=factor, type="BAR", text=" · ".join(map(_told, text.split(" · "))))


def _told(part: str) -> str:
    label, _, share = part.rpartition(" ")
    return f"{told(label)} {share}" if share.endswith("%") else told(part)


def register() -> None:
    bpy.types.STATUSBAR_HT_header.append(_draw)


def unregister() -> None:
    global _shown
    _shown = ("", 0.0)
    bpy.types.STATUSBAR_HT_header.remove(_draw)
