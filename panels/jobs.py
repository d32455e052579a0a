"""The jobs of the work folder, those of other shots included: what runs, what waits, what has ended; Clean Up."""

from __future__ import annotations

import time
from typing import Any

import bpy

from ..addon import cleaning, watch
from ..addon.board import JobView
from ..addon.language import told
from ..addon.text import wrapped
from ..addon.timing import timed_class
from ..core.models.files import in_words
from .base import Sidebar, draw_job

__all__ = ["draw_job"]

_MOST = 12  # ended jobs that are listed
_ICONS = {"finished": "CHECKMARK", "failed": "ERROR", "lost": "ERROR", "stopped": "CANCEL"}


@timed_class
class UNDERSTUDY_PT_jobs(Sidebar, bpy.types.Panel):
    bl_label = "Jobs"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context: Any) -> None:
        going = sum(view.going for view in watch.board().jobs)
        if going:
            self.layout.label(text=str(going), icon="TIME")

    def draw(self, context: Any) -> None:
        layout, width = self.layout, context.region.width
        row = layout.row()
        row.scale_y = 1.3
        row.operator("understudy.run_all", icon="PLAY")
        jobs = [view for view in watch.board().jobs if view.task != "setup"]
        for view in jobs:
            if view.going and view.status != "waiting":
                draw_job(layout, view, width)
        self._draw_queue(layout, [view for view in jobs if view.status == "waiting"])
        self._draw_ended(layout, [view for view in reversed(jobs) if not view.going], width)
        if not jobs:
            wrapped(layout, "No jobs yet: Extract, or Run All for everything in one go.", width, icon="INFO")

    def _draw_queue(self, layout: Any, jobs: list[JobView]) -> None:
        if not jobs:
            return
        column = layout.column(align=True)
        column.label(text="Queued")
        for number, view in enumerate(jobs, 1):
            row = column.row(align=True)
            row.label(text=f"{number}. {told(view.label)}", icon="SORTTIME")
            row.operator("understudy.job_stop", text="", icon="X").job = view.name

    def _draw_ended(self, layout: Any, jobs: list[JobView], width: int) -> None:
        if not jobs:
            return
        head, body = layout.panel("understudy_jobs_ended", default_closed=False)
        head.label(text=told(f"Ended ({len(jobs)})"))
        head.operator("understudy.jobs_clear", text="", icon="TRASH", emboss=False)
        if body is None:
            return
        column = body.column(align=True)
        for view in jobs[:_MOST]:
            row = column.row(align=True)
            row.alert = view.status in ("failed", "lost")
            row.label(text=f"{told(view.label)}, {_when(view)}", icon=_ICONS.get(view.status, "DOT"))
            row.alert = False
            if view.status != "finished":
                row.operator("understudy.job_restart", text="", icon="FILE_REFRESH").job = view.name
            else:
                row.operator("understudy.job_folder", text="", icon="FILE_FOLDER").job = view.name
            row.operator("understudy.job_log", text="", icon="TEXT").job = view.name
            row.operator("understudy.job_remove", text="", icon="X").job = view.name
            if view.status in ("failed", "stopped") and view.error:
                wrapped(column, view.error, width, icon="BLANK1", alert=view.status == "failed")
        if len(jobs) > _MOST:
            column.label(text=told(f"{len(jobs) - _MOST} older ones"), icon="BLANK1")


class UNDERSTUDY_UL_items(bpy.types.UIList):
    """What could be deleted: a mark, what it is, how large."""

    def draw_item(self, context: Any, layout: Any, data: Any, row: Any, icon: int, active_data: Any,
                  active_property: str, index: int = 0, flt_flag: int = 0) -> None:
        line = layout.row(align=True)
        mark = line.row()
        mark.enabled = not row.used
        mark.prop(row, "marked", text="")
        line.label(text=told(row.name), icon=cleaning.ICONS.get(row.kind, "FILE"))
        size = line.row()
        size.alignment = "RIGHT"
        size.label(text="In use" if row.used else row.size)


@timed_class
class UNDERSTUDY_PT_cleanup(Sidebar, bpy.types.Panel):
    bl_label = "Clean Up"
    bl_parent_id = "UNDERSTUDY_PT_jobs"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        layout, width = self.layout, context.region.width
        space, data = watch.board().space, context.window_manager.understudy_cleanup
        layout.operator("understudy.measure", text="Measure" if space is None else "Measure Again", icon="DISK_DRIVE")
        if space is None:
            wrapped(layout, "Lists faces, backups, snapshots, results and caches with their sizes.", width)
            return
        total = sum(item.size for item in space.items)
        wrapped(layout, f"{in_words(total)} in all; {in_words(space.free)} are free on this disk.", width, icon="INFO")
        if not space.items:
            return
        layout.template_list("UNDERSTUDY_UL_items", "", data, "rows", data, "index", rows=5)
        if 0 <= data.index < len(data.rows):
            row = data.rows[data.index]
            what = cleaning.KINDS.get(row.kind, "")
            wrapped(layout, f"{told(what)}: {row.path}", width)
            if row.used:
                wrapped(layout, f"{row.used}.", width, icon="INFO")
        layout.operator("understudy.delete_marked", icon="TRASH")


def _when(view: JobView) -> str:
    """ "14:05" today, else "2026-11-24", which every language reads."""
    then = time.localtime(view.created)
    today = time.localtime()
    same = (then.tm_year, then.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M" if same else "%Y-%m-%d", then)


CLASSES = (UNDERSTUDY_UL_items, UNDERSTUDY_PT_jobs, UNDERSTUDY_PT_cleanup)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
