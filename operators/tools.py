"""Everything around the stages: setting up the core, consent, folders, reports from the timer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..addon import environment, preferences, shot, watch
from ..addon.printer import Printer
from ..addon.timing import timed_class
from ..core import consent
from ..core.errors import EnvironmentError_, JobError, UnderstudyError
from ..core.jobs import client
from .base import NOTHING, Operator, refused


@timed_class
class UNDERSTUDY_OT_setup(Operator, bpy.types.Operator):
    """Build the core's own Python: some 2 GB of packages, beside Blender, not into it"""

    bl_idname = "understudy.setup"
    bl_label = "Set Up"
    bl_options = {"INTERNAL"}
    undo = "Ctrl-Z does not remove it"

    rebuild: bpy.props.BoolProperty(name="Rebuild", options={"SKIP_SAVE"},  # type: ignore[valid-type]
                                    description="Delete the environment and build it anew")

    @classmethod
    def poll(cls, context: Any) -> bool:
        board = watch.look() if bpy.app.background else watch.board()
        view = board.latest("setup")
        if view is not None and view.going:
            return not refused(cls, "Set-up is under way")
        return not refused(cls, "Wait for the running jobs to end, or stop them: they use the packages that Set Up "
                           "replaces" if board.busy else "")

    def run(self, context: Any) -> set[str] | None:
        ours = preferences.preferences()
        wanted = {"online": bpy.app.online_access, "rebuild": self.rebuild,
                  "python": bpy.path.abspath(ours.base) if ours and ours.base else "",
                  "wheels": bpy.path.abspath(ours.wheels) if ours and ours.wheels else ""}
        if not wanted["online"] and not wanted["wheels"]:
            raise EnvironmentError_("Set Up has to download packages, and online access is off", "Turn on Allow Online "
                                    "Access in Preferences > System, or choose a folder of wheels")
        if not bpy.app.background:
            watch.keeper.later(lambda: environment.start_setup(**wanted))
            watch.hurry()
            return None
        job = environment.start_setup(**wanted)
        printer = Printer()
        status = client.wait(job, lambda message: printer("Set Up", message))
        if status != "finished":
            raise JobError(f"Set Up: {job.state().error or status}", f"See {job.log_file}")
        return None


@timed_class
class UNDERSTUDY_OT_consent(Operator, bpy.types.Operator):
    """Say that the people in the footage have consented, or that it is yours to change by law"""

    bl_idname = "understudy.consent"
    bl_label = "I Agree"
    bl_options = {"INTERNAL"}
    undo = "It is asked once; Ctrl-Z does not take it back"

    def run(self, context: Any) -> None:
        consent.give()
        watch.keeper.wake()


@timed_class
class UNDERSTUDY_OT_preferences(Operator, bpy.types.Operator):
    """Open Understudy's preferences"""

    bl_idname = "understudy.preferences"
    bl_label = "Open Preferences"
    bl_options = {"INTERNAL"}
    undo = NOTHING

    def run(self, context: Any) -> None:
        bpy.ops.preferences.addon_show(module=preferences.PACKAGE)


@timed_class
class UNDERSTUDY_OT_open_folder(Operator, bpy.types.Operator):
    """Open the folder of the faces, models, converted frames and jobs"""

    bl_idname = "understudy.open_folder"
    bl_label = "Open Work Folder"
    bl_options = {"INTERNAL"}
    undo = NOTHING

    @classmethod
    def poll(cls, context: Any) -> bool:
        is_saved = shot.work_folder_or_none(shot.sequencer_scene(context)) is not None
        return not refused(cls, "" if is_saved else "Save the .blend first: Understudy keeps its files beside it")

    def run(self, context: Any) -> None:
        folder: Path = shot.work_folder(shot.sequencer_scene(context))
        if not folder.is_dir():
            raise UnderstudyError(f"{folder} is not there yet", "It comes with the first job")
        if bpy.app.background:
            print(folder)
        else:
            bpy.ops.wm.path_open(filepath=str(folder))


class UNDERSTUDY_OT_tell(bpy.types.Operator):
    """Show a message in the status bar"""

    # A report reaches the status bar only from an event: the timer that called this is none, so one is waited for.
    bl_idname = "understudy.tell"
    bl_label = "Understudy"
    bl_options = {"INTERNAL"}
    undo = NOTHING

    level: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Level", description="INFO, WARNING or ERROR", options={"SKIP_SAVE"})
    message: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Message", description="What to show", options={"SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        self._timer = context.window_manager.event_timer_add(0.05, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        self.cancel(context)
        self.report({self.level}, self.message)
        return {"FINISHED"}

    def cancel(self, context: Any) -> None:
        context.window_manager.event_timer_remove(self._timer)


CLASSES = (UNDERSTUDY_OT_setup, UNDERSTUDY_OT_consent, UNDERSTUDY_OT_preferences, UNDERSTUDY_OT_open_folder,
           UNDERSTUDY_OT_tell)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
