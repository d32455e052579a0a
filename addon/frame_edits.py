"""Why an edit has nothing to work on at the shown frame: its button is then grey, and its tooltip says so.

By what has been read already; no disk is touched. Scripts are told by the operator itself.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from .frame_table import FrameTable
from .overlay import views
from .overlay.views import View


def copy_problem(context: Any, way: str) -> str:
    """Why no faces can be copied from the nearest frame with faces, "PREVIOUS" or "NEXT"; "" if they can."""
    view, table, frame = _known(context)
    if view is None or table is None:
        return ""
    if way == "PREVIOUS":
        return "" if (table.frames < frame).any() else "No frame before this one has faces"
    return "" if (table.frames > frame).any() else "No frame after this one has faces"


def interpolate_problem(context: Any) -> str:
    """Why nothing can be filled in around the shown frame; "" if something can."""
    view, table, frame = _known(context)
    if view is None or table is None:
        return ""
    first, last = table.edited[table.edited <= frame], table.edited[table.edited > frame]
    if not len(first) or not len(last):
        return "Correct the face in one frame before and one after first"
    return "" if last[-1] - first[-1] > 1 else "Correct frames that lie further apart first"


def revert_problem(context: Any) -> str:
    """Why the shown frame's faces cannot be made as they were found; "" if they can."""
    view, table, frame = _known(context)
    if view is None or table is None or view.shown is None:
        return ""
    # The table lags behind edits a little; of faces that were deleted, only it knows.
    changed = any(face.state != "machine" for face in view.shown.faces) or bool(np.isin(frame, table.edited))
    return "" if changed else "Nothing in this frame was changed by a person"


def _known(context: Any) -> tuple[View | None, FrameTable | None, int]:
    """The view of an editor, its table and the source's frame; None where they are not known."""
    space = getattr(context, "space_data", None)
    if bpy.app.background or space is None or space.type not in ("SEQUENCE_EDITOR", "CLIP_EDITOR"):
        return None, None, -1
    view = views.of(context)
    if view is None or view.request is None:
        return None, None, -1
    return view, views.table(view), view.request.frame
