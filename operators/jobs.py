"""Steer a job: stop, pause, resume, start again, remove, show its log and its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..addon import environment, pictures, preferences, watch
from ..addon.board import Board, JobView
from ..addon.language import told
from ..addon.text import wrapped
from ..addon.timing import timed_class
from ..core.errors import JobError
from ..core.jobs import client
from .base import JobOperator, Operator, refused

_LOG_WIDTH = 640  # pixels at scale 1
_SHOWN_LINES = 24
_MOST_LINES, _MOST_BYTES = 5000, 512 * 1024  # in a Text Editor


@timed_class
class UNDERSTUDY_OT_job_stop(JobOperator, bpy.types.Operator):
    """Save what is there and end; it can be resumed later"""

    bl_idname = "understudy.job_stop"
    bl_label = "Cancel"

    def act(self, view: JobView) -> None:
        if view.status == "waiting":
            watch.keeper.later(lambda: client.remove(view.job))
        elif view.going:
            if view.status == "paused":
                client.resume(view.job)
            client.stop(view.job)


@timed_class
class UNDERSTUDY_OT_job_pause(JobOperator, bpy.types.Operator):
    """Wait, and leave processor and graphics card to others"""

    bl_idname = "understudy.job_pause"
    bl_label = "Pause"

    def act(self, view: JobView) -> None:
        if view.status in ("running", "queued"):
            client.pause(view.job)


@timed_class
class UNDERSTUDY_OT_job_resume(JobOperator, bpy.types.Operator):
    """Go on where it was paused"""

    bl_idname = "understudy.job_resume"
    bl_label = "Resume"

    def act(self, view: JobView) -> None:
        client.resume(view.job)


@timed_class
class UNDERSTUDY_OT_job_restart(JobOperator, bpy.types.Operator):
    """Start it again; it continues where it stood"""

    bl_idname = "understudy.job_restart"
    bl_label = "Resume"
    undo = "It runs as a job, which can be cancelled; Ctrl-Z does not take its files back"

    def act(self, view: JobView) -> None:
        if view.going:
            raise JobError(f"{view.label} is under way already", "Cancel it first")
        watch.forget(view.name)
        watch.keeper.note(view.job, told=False)
        chosen = preferences.interpreter()

        def launch() -> None:
            python = environment.setup_python() if view.task == "setup" else environment.ready(chosen)
            client.launch(view.job, python, environment.install_core_copy())

        if bpy.app.background:
            launch()
        else:
            watch.keeper.later(launch)


@timed_class
class UNDERSTUDY_OT_job_remove(JobOperator, bpy.types.Operator):
    """Take the job off the list; what it made stays"""

    bl_idname = "understudy.job_remove"
    bl_label = "Remove"
    undo = "Its log goes with it and cannot be brought back"

    def act(self, view: JobView) -> None:
        if view.going and view.status != "waiting":
            raise JobError(f"{view.label} is under way", "Cancel it first")
        if bpy.app.background:
            client.remove(view.job)
        else:
            watch.keeper.later(lambda: client.remove(view.job))


@timed_class
class UNDERSTUDY_OT_job_log(JobOperator, bpy.types.Operator):
    """Show the last lines of the job's log"""

    bl_idname = "understudy.job_log"
    bl_label = "Log"

    def invoke(self, context: Any, event: Any) -> set[str]:
        view = watch.board().job(self.job)
        if bpy.app.background or view is None or not view.job.log_file.exists():
            return self.execute(context)
        self._title, self._lines = view.label, _told(view)
        return context.window_manager.invoke_popup(self, width=_LOG_WIDTH)

    def draw(self, context: Any) -> None:
        scale = context.preferences.system.ui_scale
        column = self.layout.column(align=True)
        head = column.row()
        head.label(text=told(f"Log of {self._title}"), icon="TEXT")
        head.operator("understudy.job_log_text", icon="WINDOW").job = self.job
        column.separator()
        for line in self._lines:
            wrapped(column, line, round(_LOG_WIDTH * scale))

    def act(self, view: JobView) -> None:
        if not view.job.log_file.exists():
            raise JobError(f"{view.label} has no log yet", "Try again in a moment")
        if bpy.app.background:
            print(view.job.log_file)


@timed_class
class UNDERSTUDY_OT_job_log_text(JobOperator, bpy.types.Operator):
    """Open the job's log in a Text Editor; of a very long one the end"""

    bl_idname = "understudy.job_log_text"
    bl_label = "Open in Text Editor"

    def act(self, view: JobView) -> None:
        lines = view.job.last_lines(_MOST_LINES, _MOST_BYTES)
        if not lines:
            raise JobError(f"{view.label} has no log yet", "Try again in a moment")
        name = f"{view.label}.log"
        text = bpy.data.texts.get(name) or bpy.data.texts.new(name)
        text.from_string(lines)
        text.cursor_set(len(text.lines) - 1)
        if not bpy.app.background:
            editors = [area for window in bpy.context.window_manager.windows for area in window.screen.areas
                       if area.type == "TEXT_EDITOR"]
            area = editors[0] if editors else pictures.new_editor("TEXT_EDITOR")
            area.spaces.active.text = text
            area.spaces.active.top = max(0, len(text.lines) - 30)


@timed_class
class UNDERSTUDY_OT_jobs_clear(Operator, bpy.types.Operator):
    """Take all jobs that have ended off the list; what they made stays"""

    bl_idname = "understudy.jobs_clear"
    bl_label = "Remove Ended"
    undo, asks = "Their logs go with them and cannot be brought back", True

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, "" if _ended(watch.board()) or bpy.app.background else "No job has ended")

    def run(self, context: Any) -> None:
        for view in _ended(watch.look() if bpy.app.background else watch.board()):
            if bpy.app.background:
                client.remove(view.job)
            else:
                watch.keeper.later(lambda job=view.job: client.remove(job))
        watch.hurry()


def _ended(board: Board) -> list[JobView]:
    return [view for view in board.jobs if not view.going and view.task != "setup"]


def _told(view: JobView) -> list[str]:
    """The end of a log, for a window of its own."""
    lines = [line.rstrip() for line in view.job.last_lines(_SHOWN_LINES).splitlines()]
    return [line for line in lines if line] or ["It is empty: the job has had nothing to say."]


@timed_class
class UNDERSTUDY_OT_job_folder(JobOperator, bpy.types.Operator):
    """Open the folder of what the job makes"""

    bl_idname = "understudy.job_folder"
    bl_label = "Open Folder"

    def act(self, view: JobView) -> None:
        place = _made(view)
        if not place.exists():
            raise JobError(f"{place} is not there yet", "Try again once the job has made something")
        _open(place)


@timed_class
class UNDERSTUDY_OT_job_preview(JobOperator, bpy.types.Operator):
    """Show the picture that the job made in an Image Editor"""

    bl_idname = "understudy.job_preview"
    bl_label = "Preview"

    def act(self, view: JobView) -> None:
        if not view.preview:
            raise JobError("There is no preview yet", "It comes with the first save")
        pictures.show(Path(view.preview))


def _made(view: JobView) -> Path:
    """The folder of what a job makes: a stage's by its options, a tool's as its result tells; else the job's own."""
    stages = {"extract": "faces", "train": "model_dir", "convert": "output"}
    told = [view.options.get(stages.get(view.task, ""))]
    told += [view.result.get(name) or view.options.get(name) for name in ("folder", "file", "output")]
    place = Path(next((path for path in told if isinstance(path, str) and path), str(view.job.path)))
    return place.parent if place.is_file() else place


def _open(path: Path) -> None:
    if bpy.app.background:
        print(path)
    else:
        bpy.ops.wm.path_open(filepath=str(path))


CLASSES = (UNDERSTUDY_OT_job_stop, UNDERSTUDY_OT_job_pause, UNDERSTUDY_OT_job_resume, UNDERSTUDY_OT_job_restart,
           UNDERSTUDY_OT_job_remove, UNDERSTUDY_OT_job_log, UNDERSTUDY_OT_job_log_text,
           UNDERSTUDY_OT_jobs_clear, UNDERSTUDY_OT_job_folder, UNDERSTUDY_OT_job_preview)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
