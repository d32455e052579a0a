"""Look over the result of a conversion: rank its frames, and go to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..addon import looked_over, pictures, shot, stages, watch
from ..addon.printer import Printer
from ..addon.timing import timed_class
from ..core.errors import JobError
from .base import NOTHING, Operator, refused, scene_and_board


@timed_class
class UNDERSTUDY_OT_look_over(Operator, bpy.types.Operator):
    """Measure every face of the newest result and rank its frames by likeness, flicker and fit, the worst first"""

    bl_idname = "understudy.look_over"
    bl_label = "Look Over Result"
    undo = NOTHING

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene, board = scene_and_board(context)
        return not refused(cls, looked_over.problem(scene, board))

    def run(self, context: Any) -> set[str]:
        scene, board = scene_and_board(context)
        planned = [looked_over.plan(scene, board)]
        if not bpy.app.background:
            stages.queue(scene, planned)
            watch.hurry()
            return {"FINISHED"}
        status = stages.run_and_wait(scene, planned, Printer())
        view = looked_over.job(scene, watch.look())
        if status != "finished" or view is None:
            return {"CANCELLED"}
        looked_over.show(view.name, looked_over.read(view.result["json"]))
        return {"FINISHED"}


@timed_class
class UNDERSTUDY_OT_look_over_jump(Operator, bpy.types.Operator):
    """Go to this frame on the timeline"""

    bl_idname = "understudy.look_over_jump"
    bl_label = "Go to Frame"
    bl_options = {"INTERNAL"}
    undo = NOTHING

    frame: bpy.props.IntProperty(name="Frame", description="Frame of the footage, counted from 0", min=0)  # type: ignore

    def run(self, context: Any) -> None:
        looked_over.jump(shot.sequencer_scene(context), self.frame)


@timed_class
class UNDERSTUDY_OT_look_over_chart(Operator, bpy.types.Operator):
    """Show likeness, flicker and fit over all frames in an Image Editor"""

    bl_idname = "understudy.look_over_chart"
    bl_label = "Chart"
    undo = NOTHING

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene, board = scene_and_board(context)
        view = looked_over.job(scene, board)
        return not refused(cls, "" if view is not None and view.status == "finished" else "Look over the result first")

    def run(self, context: Any) -> None:
        scene, board = scene_and_board(context)
        view = looked_over.job(scene, board)
        if view is None:
            raise JobError("The result was not looked over yet", "Press Look Over Result")
        pictures.show(Path(view.result["file"]))


CLASSES = (UNDERSTUDY_OT_look_over, UNDERSTUDY_OT_look_over_jump, UNDERSTUDY_OT_look_over_chart)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
