"""A .blend that was saved elsewhere: copy its work folder beside it, or begin a new one there."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ..addon import environment, shot, watch, whereabouts
from ..addon.timing import timed_class
from ..core.errors import OutputError, UnderstudyError, writing
from .base import Operator, refused

_LEFT = "jobs"  # what ran there stays there: its records name the old places


class _Elsewhere(Operator):
    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = shot.sequencer_scene(context)
        return not refused(cls, "" if scene is not None and whereabouts.is_elsewhere(scene) else
                           "The work folder is beside the .blend already")


@timed_class
class UNDERSTUDY_OT_start_afresh(_Elsewhere, bpy.types.Operator):
    """Begin a new work folder beside this .blend; the old one stays where it is"""

    bl_idname = "understudy.start_afresh"
    bl_label = "Start Afresh"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Any) -> None:
        whereabouts.start_afresh(shot.sequencer_scene(context))
        if not bpy.app.background:
            watch.hurry()


@timed_class
class UNDERSTUDY_OT_copy_work(_Elsewhere, bpy.types.Operator):
    """Copy faces, models and converted frames beside this .blend, and work there from now on"""

    bl_idname = "understudy.copy_work"
    bl_label = "Copy Here"
    bl_options = {"REGISTER"}
    undo = "Ctrl-Z does not remove the copy"

    def invoke(self, context: Any, event: Any) -> set[str]:
        try:
            old, new = self._places(context)
        except UnderstudyError as error:
            self.tell({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._scene, self._new = shot.sequencer_scene(context).name, new
        self._end, self._trouble, self._done = threading.Event(), "", 0
        self._thread = threading.Thread(target=self._copy, args=(old, new), name="understudy-copy", daemon=True)
        self._thread.start()
        self._timer = context.window_manager.event_timer_add(0.3, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        if event.type == "ESC":
            self._end.set()
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        context.workspace.status_text_set(f"Copying the work folder: {self._done / 1e6:,.0f} MB. Esc to cancel")
        if self._thread.is_alive():
            return {"RUNNING_MODAL"}
        self.cancel(context)
        if self._end.is_set():
            self.tell({"WARNING"}, "The work folder was not copied")
            return {"CANCELLED"}
        if self._trouble:
            self.tell({"ERROR"}, self._trouble)
            return {"CANCELLED"}
        _move_to(bpy.data.scenes[self._scene])
        self.tell({"INFO"}, f"Copied to {self._new}")
        watch.hurry()
        return {"FINISHED"}

    def cancel(self, context: Any) -> None:
        if self._thread.is_alive():
            self._end.set()
        context.window_manager.event_timer_remove(self._timer)
        context.workspace.status_text_set(None)

    def run(self, context: Any) -> None:
        old, new = self._places(context)
        with writing(new):
            copy_folder(old, new)
        _move_to(shot.sequencer_scene(context))

    def _places(self, context: Any) -> tuple[Path, Path]:
        old, blend = shot.work_folder(shot.sequencer_scene(context)), Path(bpy.data.filepath)
        new = blend.with_name(blend.stem + "_understudy")
        if not old.is_dir():
            raise OutputError(f"There is no {old} to copy", "Start afresh")
        if new.exists():
            raise OutputError(f"There is a {new} already", "Move or rename it, or start afresh with what is in it")
        return old, new

    def _copy(self, old: Path, new: Path) -> None:
        def note(size: int) -> bool:
            self._done += size
            return self._end.is_set()

        try:
            copy_folder(old, new, note)
        except (UnderstudyError, OSError) as error:
            self._trouble = environment.explain(error)


def copy_folder(old: Path, new: Path, note: Callable[[int], bool] = lambda size: False) -> None:
    """Copy a work folder; it has its name only once it is whole.

    Args:
        note: is told the size of each file that is copied; answers whether to stop.

    Raises:
        OSError: if it cannot be copied; nothing is left of it then.
    """
    partial = new.with_name(f".{new.name}.partial")

    shutil.rmtree(partial, ignore_errors=True)
    try:
        for folder, folders, files in os.walk(old):
            if Path(folder) == old and _LEFT in folders:
                folders.remove(_LEFT)
            target = partial / Path(folder).relative_to(old)
            target.mkdir(parents=True)
            for name in files:
                source = Path(folder, name)
                if note(source.stat().st_size):
                    raise InterruptedError("The person cancelled")
                shutil.copy2(source, target / name)
        partial.rename(new)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _move_to(scene: Any) -> None:
    """The work folder beside the .blend is the scene's from now on; footage keeps its names in it."""
    blend = Path(bpy.data.filepath)
    scene.understudy.place = whereabouts.relative(blend.with_name(blend.stem + "_understudy"))
    whereabouts.settle(scene)


CLASSES = (UNDERSTUDY_OT_start_afresh, UNDERSTUDY_OT_copy_work)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
