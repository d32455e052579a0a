"""Run All: everything that the shot still lacks, as one queue that goes on through the night."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import overnight, shot, watch
from ..addon.language import told
from ..addon.stages import Planned
from ..addon.text import wrapped
from ..addon.timing import timed_class
from ..core import consent
from ..core.errors import UnderstudyError
from .base import refused, scene_and_board
from .stage import Stage

_WIDTH = 400  # pixels at scale 1


@timed_class
class UNDERSTUDY_OT_run_all(Stage, bpy.types.Operator):
    """Run whatever is missing, one after the other: extract A and B, train to Iterations, convert. Each begins when the
    one before it has finished"""

    bl_idname = "understudy.run_all"
    bl_label = "Run All"
    undo = "They run as jobs, which can be cancelled; Ctrl-Z does not take their files back"
    stage = "extract"

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene, board = scene_and_board(context)
        return not refused(cls, overnight.problem(scene, board))

    def invoke(self, context: Any, event: Any) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        try:
            self._steps = overnight.steps(self.plan(shot.sequencer_scene(context)))
        except UnderstudyError as error:
            self.tell({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._asks = not watch.board().consent
        self.agree = self._asks  # what pressing OK says
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH, title=self.bl_label,
                                                          confirm_text="I Agree" if self._asks else self.bl_label)

    def draw(self, context: Any) -> None:
        width = int(_WIDTH * context.preferences.system.ui_scale)
        column = self.layout.column()
        steps = column.column(align=True)
        for number, step in enumerate(self._steps, 1):
            wrapped(steps, f"{number}. {told(step)}", width)
        column.separator()
        if self.behind():
            wrapped(column, "The first one begins when what runs and waits already has ended.", width)
        wrapped(column, "Each begins when the one before it has finished. Should one fail, those after it are not "
                        "started.", width)
        if self._asks:
            column.separator()
            wrapped(column, consent.QUESTION, width)

    def plan(self, scene: Any) -> list[Planned]:
        planned = overnight.plan(scene, watch.look() if bpy.app.background else watch.board())
        overnight.steps(planned)
        return planned

    def behind(self) -> str:
        last = overnight.tail(watch.board())
        return last.name if last is not None else ""


CLASSES = (UNDERSTUDY_OT_run_all,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
