"""The Train panel."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import shot, stages, watch
from ..addon.timing import timed_class
from .base import AdvancedPanel, Sidebar, StagePanel, draw_job, draw_options


@timed_class
class UNDERSTUDY_PT_train(StagePanel, bpy.types.Panel):
    bl_label = "Train"
    stage = "train"


@timed_class
class UNDERSTUDY_PT_train_watch(Sidebar, bpy.types.Panel):
    bl_label = "Preview and Graphs"
    bl_parent_id = "UNDERSTUDY_PT_train"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        scene, board = shot.sequencer_scene(context), watch.board()
        layout = self.layout
        row = layout.row(align=True)
        row.operator("understudy.training_preview", icon="IMAGE_DATA")
        row.operator("understudy.training_ask", text="", icon="FILE_REFRESH").what = "REFRESH"
        row = layout.row(align=True)
        for what, text in (("LOSS", "Losses"), ("RATE", "Speed"), ("SESSIONS", "Sessions")):
            row.operator("understudy.training_draw", text=text).what = what
        row = layout.row(align=True)
        row.operator("understudy.run_tool", text="Compare Faces").tool = "faces compare"
        row.operator("understudy.show_augmentation")
        if any(view.status == "running" for view in stages.jobs_of(scene, "train", board)):
            row = layout.row(align=True)
            for what, text in (("SAVE", "Save Now"), ("SNAPSHOT", "Snapshot Now")):
                row.operator("understudy.training_ask", text=text).what = what
        for view in (*map(board.latest, ("models graph", "models sessions", "faces compare")),
                     board.latest("train", show=True)):
            if view is not None and (view.going or view.status in ("failed", "lost")):
                draw_job(layout, view, context.region.width)
        head, body = layout.panel("understudy_graph", default_closed=True)
        head.label(text="Settings of the Graph")
        if body is not None:
            draw_options(body, scene, "models graph", advanced=False)


@timed_class
class UNDERSTUDY_PT_train_advanced(AdvancedPanel, bpy.types.Panel):
    bl_parent_id = "UNDERSTUDY_PT_train"
    stage = "train"


CLASSES = (UNDERSTUDY_PT_train, UNDERSTUDY_PT_train_watch, UNDERSTUDY_PT_train_advanced)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
