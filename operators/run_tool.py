"""Run a tool: as a job in a window, waited for under `blender -b`; one that changes things asks first."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import properties, room, shot, stages, tools, watch
from ..addon.board import ended_text, told_lines
from ..addon.language import told
from ..addon.printer import Printer
from ..addon.text import wrapped
from ..addon.timing import timed_class
from ..core import consent
from ..core.errors import UnderstudyError, UsageError
from ..core.jobs.tasks import Task
from .base import Operator, refused, scene_and_board, why

_DIALOG = 400  # pixels


class RunsTool(Operator):
    """Mix-in: subclasses say which tool, whose strip, and which options win over the scene's."""

    undo = "What it changes is backed up first; Ctrl-Z does not take it back"

    agree: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="I Agree", options={"SKIP_SAVE", "HIDDEN"},
        description="The people in the footage have consented; asked once")

    def chosen(self, context: Any) -> tuple[Task, str]:
        """The tool, and "a" or "b"."""
        raise NotImplementedError

    def overrides(self) -> dict[str, Any]:
        return {}

    def invoke(self, context: Any, event: Any) -> set[str]:
        try:
            planned, questions = self._planned(context)
        except UnderstudyError as error:
            self.tell({"ERROR"}, str(error))
            return {"CANCELLED"}
        if not questions or bpy.app.background:
            return self.execute(context)
        self.agree = True  # what pressing OK says
        self._questions = questions  # found once: drawing the dialogue must not look at the disk
        return context.window_manager.invoke_props_dialog(self, width=_DIALOG, title=told(planned.label),
                                                          confirm_text="Go Ahead")

    def draw(self, context: Any) -> None:
        for question in self._questions:
            wrapped(self.layout, question, int(_DIALOG * context.preferences.system.ui_scale))  # type: ignore

    def _planned(self, context: Any) -> tuple[stages.Planned, list[str]]:
        """The job, and what has to be asked before it starts."""
        task, role = self.chosen(context)
        planned = tools.plan(shot.sequencer_scene(context), task, role, **self.overrides())
        questions = [tools.warning(task)] if tools.changes(task, planned.options) else []
        if task.consent(planned.options) and not watch.board().consent:
            questions.append(consent.QUESTION)
        return planned, questions

    def run(self, context: Any) -> set[str]:
        task, role = self.chosen(context)
        scene, board = scene_and_board(context)
        reason = tools.problem(scene, task, role, board, self.overrides())
        if reason:
            raise UnderstudyError(reason)
        planned = tools.plan(scene, task, role, **self.overrides())
        if task.consent(planned.options):
            if self.agree:
                consent.give()
            consent.require()
        for warning in room.check([planned], board):
            self.tell({"WARNING"}, warning)
        if not bpy.app.background:
            tools.queue(scene, planned)
            watch.hurry()
            return {"FINISHED"}
        status, result = stages.run_in(tools.jobs_folder(scene, task), scene, [planned], Printer())
        for line in (*told_lines(status, result), ended_text(task.name, result)):
            print(line, flush=True)
        if status != "finished":
            self.tell({"WARNING"}, "Stopped; running it again continues")
            return {"CANCELLED"}
        return {"FINISHED"}


@timed_class
class UNDERSTUDY_OT_run_tool(RunsTool, bpy.types.Operator):
    """Run a tool with the options that the scene has for it; for scripts"""

    bl_idname = "understudy.run_tool"
    bl_label = "Run Tool"

    tool: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Tool", description="Name of the tool, as on the command line; empty: the one chosen in the panel",
        search=lambda self, context, text: [name for name in properties.TOOLS if text.casefold() in name])
    role: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Strip", description="Which strip of the shot the tool is about", items=(
            ("CHOSEN", "As in the Panel", "The strip chosen in the panel"),
            ("A", "A", "The strip whose face is replaced"), ("B", "B", "The strip that lends the face")))
    clip: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Clip", description="Name of one of the side's strips, where it has further sources; empty: as in the "
        "panel, or else the side's first",
        search=lambda self, context, text: [
            strip.name for role in shot.ROLES for strip in shot.strips_of(shot.sequencer_scene(context), role)
            if text.casefold() in strip.name.casefold()])

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        """The tool's sentence, and why it cannot run where it cannot."""
        task = properties.TOOLS.get(given.tool)
        scene, board = scene_and_board(context)
        if task is None or scene is None:
            return cls.__doc__ or ""
        data = shot.active(scene)
        role = data.tool_role if given.role == "CHOSEN" else given.role.lower()
        return why(properties.summary(task), tools.problem(scene, task, role, board))

    def chosen(self, context: Any) -> tuple[Task, str]:
        data = shot.active(shot.sequencer_scene(context))
        name = self.tool or data.tool
        if name not in properties.TOOLS:
            raise UsageError(f"There is no tool {name!r}", f"Known: {', '.join(properties.TOOLS)}")
        return properties.TOOLS[name], data.tool_role if self.role == "CHOSEN" else self.role.lower()

    def _planned(self, context: Any) -> tuple[stages.Planned, list[str]]:
        with self._on_clip(context):
            return super()._planned(context)

    def run(self, context: Any) -> set[str]:
        with self._on_clip(context):
            return super().run(context)

    def _on_clip(self, context: Any) -> Any:
        return shot.tools_on(shot.sequencer_scene(context), self.chosen(context)[1], self.clip)


@timed_class
class UNDERSTUDY_OT_run_chosen_tool(RunsTool, bpy.types.Operator):
    """Run the chosen tool"""

    bl_idname = "understudy.run_chosen_tool"
    bl_label = "Run"
    bl_options = {"INTERNAL"}

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        data = shot.active(shot.sequencer_scene(context))
        return properties.summary(properties.TOOLS[data.tool])

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene, board = scene_and_board(context)
        data = shot.active(scene)
        return not refused(cls, tools.problem(scene, properties.TOOLS[data.tool], data.tool_role, board))

    def chosen(self, context: Any) -> tuple[Task, str]:
        data = shot.active(shot.sequencer_scene(context))
        return properties.TOOLS[data.tool], data.tool_role


@timed_class
class UNDERSTUDY_OT_fetch_weights(RunsTool, bpy.types.Operator):
    """Download weights, verify them and put them in place"""

    bl_idname = "understudy.fetch_weights"
    bl_label = "Fetch"
    bl_options = {"INTERNAL"}
    undo = "Ctrl-Z does not remove the files"

    names: bpy.props.StringProperty(name="Weights", options={"SKIP_SAVE"},  # type: ignore[valid-type]
                                    description="Names of weights, separated by ;")

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, "" if bpy.app.online_access else tools.OFFLINE)

    def chosen(self, context: Any) -> tuple[Task, str]:
        return properties.TOOLS["weights fetch"], "a"

    def overrides(self) -> dict[str, Any]:
        words = (word.strip() for word in self.names.split(properties.SEPARATOR))
        return {"names": tuple(word for word in words if word)}


CLASSES = (UNDERSTUDY_OT_run_tool, UNDERSTUDY_OT_run_chosen_tool, UNDERSTUDY_OT_fetch_weights)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
