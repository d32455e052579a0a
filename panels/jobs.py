"""All jobs of the work folder, those of other shots included."""

from __future__ import annotations

import time
from typing import Any

import bpy

from ..addon import watch
from ..addon.timing import timed_class
from .base import Sidebar, draw_job

__all__ = ["draw_job"]

_MOST = 10
_ICONS = {"finished": "CHECKMARK", "failed": "ERROR", "lost": "ERROR", "paused": "PAUSE", "stopped": "CANCEL"}


@timed_class
class UNDERSTUDY_PT_jobs(Sidebar, bpy.types.Panel):
    bl_label = "All Jobs"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        layout = self.layout
        jobs = [view for view in reversed(watch.board().jobs) if view.task != "setup"]
        if not jobs:
            layout.label(text="None yet")
        column = layout.column(align=True)
        for view in jobs[:_MOST]:
            row = column.row(align=True)
            when = time.strftime("%d %b %H:%M", time.localtime(view.created))
            row.label(text=f"{view.label}, {when}", icon=_ICONS.get(view.status, "TIME"))
            if view.going:
                row.operator("understudy.job_stop", text="", icon="X").job = view.name
            else:
                row.operator("understudy.job_log", text="", icon="TEXT").job = view.name
                row.operator("understudy.job_remove", text="", icon="TRASH").job = view.name
        if len(jobs) > _MOST:
            column.label(text=f"and {len(jobs) - _MOST} older ones")


CLASSES = (UNDERSTUDY_PT_jobs,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
