"""The frames of the result that a person should look at first, below Convert."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import looked_over, shot, watch
from ..addon.language import CONTEXT
from ..addon.text import wrapped
from ..addon.timing import timed_class
from .base import Sidebar, draw_job

_DECIMALS = {"identity": 2, "flicker": 1, "misalignment": 3}


_BESIDE_SCROLL_BAR = 0.93  # of a list's width


def _columns(layout: Any) -> list[Any]:
    """The frame's place in a line, and those of the three figures, at the right of a column each."""
    found = []
    for share in (0.34, 1 / 3, 1 / 2, 1.0):
        layout = layout.split(factor=share) if share < 1 else layout
        found.append(layout.row())
    for one in found[1:]:
        one.alignment = "RIGHT"
    return found


def _measures(data: Any) -> list[str]:
    """What is measured, the chosen measure first."""
    return [data.by, *(name for name in _DECIMALS if name != data.by)]


class UNDERSTUDY_UL_looked_over(bpy.types.UIList):
    """Frames: a button that goes there, and the three figures, the chosen one first."""

    def draw_item(self, context: Any, layout: Any, data: Any, row: Any, icon: int, active_data: Any,
                  active_property: str, index: int = 0, flt_flag: int = 0) -> None:
        first, *figures = _columns(layout)
        jump = first.operator("understudy.look_over_jump", text=str(row.frame), icon="TRACKING", emboss=False)
        jump.frame = row.frame
        for figure, measure in zip(figures, _measures(data), strict=True):
            value = getattr(row, measure)
            figure.active = measure == data.by
            figure.label(text=f"{value:.{_DECIMALS[measure]}f}" if value >= 0 else "–")


@timed_class
class UNDERSTUDY_PT_look_over(Sidebar, bpy.types.Panel):
    bl_label = "Look Over Result"
    bl_parent_id = "UNDERSTUDY_PT_convert"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        scene, board = shot.sequencer_scene(context), watch.board()
        layout, data = self.layout, looked_over.data()
        view = looked_over.job(scene, board)
        if view is not None and (view.going or view.status in ("failed", "lost")):
            draw_job(layout, view, context.region.width)
        row = layout.row(align=True)
        row.operator("understudy.look_over", icon="VIEWZOOM")
        row.operator("understudy.look_over_chart", text="", icon="IMAGE_DATA")
        if not len(data.rows):
            reason = looked_over.problem(scene, board) or "It lists the frames that want a look, the worst first"
            wrapped(layout, f"{reason}.", context.region.width, icon="INFO")
        else:
            column = layout.column(align=True)
            column.prop(data, "by", text="")
            row = column.row()
            row.active = False
            first, *heads = _columns(row.split(factor=_BESIDE_SCROLL_BAR))
            first.label(text="Frame")
            labels = {name: label for name, label, _ in looked_over.MEASURES}
            for head, measure in zip(heads, _measures(data), strict=True):
                head.label(text=labels[measure], text_ctxt=CONTEXT)
            column.template_list("UNDERSTUDY_UL_looked_over", "", data, "rows", data, "index", rows=4)


CLASSES = (UNDERSTUDY_UL_looked_over, UNDERSTUDY_PT_look_over)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
