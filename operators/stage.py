"""How Extract, Train and Convert start: at once as jobs in a window, waited for under `blender -b`."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import room, shot, stages, watch
from ..addon.language import told
from ..addon.printer import Printer
from ..addon.text import wrapped
from ..core import consent
from .base import Operator, refused, scene_and_board


class Stage(Operator):
    """Mix-in of the three; `stage` is the name in `stages.STAGES`."""

    stage = ""
    undo = "It runs as a job, which can be cancelled; Ctrl-Z does not take its files back"

    agree: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="I Agree", options={"SKIP_SAVE", "HIDDEN"},
        description="The people in the footage have consented; asked once")

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene, board = scene_and_board(context)
        return not refused(cls, stages.problem(scene, cls.stage, board))

    def invoke(self, context: Any, event: Any) -> set[str]:
        if watch.board().consent or bpy.app.background:
            return self.execute(context)
        self.agree = True  # what pressing OK says
        return context.window_manager.invoke_props_dialog(self, width=380, title=told("Before the First Face"),
                                                          confirm_text="I Agree")

    def draw(self, context: Any) -> None:
        wrapped(self.layout, consent.QUESTION, int(380 * context.preferences.system.ui_scale))  # type: ignore

    def run(self, context: Any) -> set[str]:
        if self.agree:
            consent.give()
        consent.require()
        scene = shot.sequencer_scene(context)
        planned = self.plan(scene)
        for warning in room.check(planned, watch.board()):
            self.tell({"WARNING"}, warning)
        if not bpy.app.background:
            stages.queue(scene, planned, self.behind())
            watch.hurry()
            return {"FINISHED"}
        status = stages.run_and_wait(scene, planned, Printer())
        if status != "finished":
            self.tell({"WARNING"}, "Stopped; running it again continues")
            return {"CANCELLED"}
        self.finished()
        return {"FINISHED"}

    def plan(self, scene: Any) -> list[stages.Planned]:
        return stages.plan(scene, self.stage)

    def behind(self) -> str:
        """The name of the job that is to end first; "" to begin at once."""
        return ""

    def finished(self) -> None:
        """Under `-b`, after the last job."""
