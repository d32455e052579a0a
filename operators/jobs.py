"""Steer a job: stop, pause, resume, start again, remove, show its log and its folder."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..addon import environment, pictures, preferences, watch
from ..addon.board import JobView
from ..addon.timing import timed_class
from ..core.errors import JobError
from ..core.jobs import client
from .base import JobOperator


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

    def act(self, view: JobView) -> None:
        if view.going and view.status != "waiting":
            raise JobError(f"{view.label} is under way", "Cancel it first")
        if bpy.app.background:
            client.remove(view.job)
        else:
            watch.keeper.later(lambda: client.remove(view.job))


@timed_class
class UNDERSTUDY_OT_job_log(JobOperator, bpy.types.Operator):
    """Open the job's log"""

    bl_idname = "understudy.job_log"
    bl_label = "Log"

    def act(self, view: JobView) -> None:
        if not view.job.log_file.exists():
            raise JobError(f"{view.label} has no log yet", "Try again in a moment")
        _open(view.job.log_file)


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
           UNDERSTUDY_OT_job_remove, UNDERSTUDY_OT_job_log, UNDERSTUDY_OT_job_folder, UNDERSTUDY_OT_job_preview)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
