"""Load Demo: two sample clips, for a first look without footage of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..addon import demo, environment, shot, stages, watch
from ..addon.printer import Printer
from ..addon.timing import timed_class
from .base import Operator, refused, scene_and_board


@timed_class
class UNDERSTUDY_OT_load_demo(Operator, bpy.types.Operator):
    """Make two sample clips of public-domain portraits and add them as a shot, ready for Extract, Train and Convert"""

    bl_idname = "understudy.load_demo"
    bl_label = "Load Demo"
    undo = "It runs as a job, which can be cancelled; Ctrl-Z does not take its files back"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, demo.problem(*scene_and_board(context)))

    def run(self, context: Any) -> set[str]:
        scene = shot.sequencer_scene(context)
        if not bpy.app.background:
            demo.queue(scene)
            watch.hurry()
            return {"FINISHED"}
        status, result = stages.run_in(environment.setup_jobs(), scene, [demo.plan(scene)], Printer())
        if status != "finished":
            self.tell({"WARNING"}, "Stopped; running it again continues")
            return {"CANCELLED"}
        demo.add_strips(scene, Path(result["a"]), Path(result["b"]))
        return {"FINISHED"}


CLASSES = (UNDERSTUDY_OT_load_demo,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
