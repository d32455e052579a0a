"""Below Train: what a training shows of itself, its sessions, its backups and snapshots; the same in Image Editors."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import pictures, shot, stages, views, watch
from ..addon.language import CONTEXT, told
from ..addon.models import CopyView, explain_loss
from ..addon.text import wrapped
from ..addon.timing import timed_class
from ..operators.training import model_of, restorable
from .base import Sidebar, draw_job, draw_options, draw_tool_button

_MOST_SESSIONS, _MOST_COPIES = 8, 8


@timed_class
class UNDERSTUDY_PT_train_watch(Sidebar, bpy.types.Panel):
    bl_label = "Preview and Graphs"
    bl_parent_id = "UNDERSTUDY_PT_train"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        scene, board, width = shot.sequencer_scene(context), watch.board(), context.region.width
        layout, model = self.layout, model_of(context)
        row = layout.row(align=True)
        row.operator("understudy.training_preview", icon="IMAGE_DATA")
        row.operator("understudy.training_graph", icon="FCURVE")
        draw_live(layout, context)
        if model is None:
            wrapped(layout, "Both come with the first save of a training.", width, icon="INFO")
        if any(view.status == "running" for view in stages.jobs_of(scene, "train", board)):
            row = layout.row(align=True)
            for what, text in (("SAVE", "Save Now"), ("SNAPSHOT", "Snapshot Now")):
                row.operator("understudy.training_ask", text=text).what = what
        if model is not None and model.flat:
            wrapped(layout, model.flat, width, icon="INFO")
        row = layout.row(align=True)
        draw_tool_button(row, scene, "faces compare")
        row.operator("understudy.show_augmentation")
        for view in (*map(board.latest, ("models graph", "faces compare")), board.latest("train", show=True)):
            if view is not None and (view.going or view.status in ("failed", "lost")):
                draw_job(layout, view, width)
        head, body = layout.panel("understudy_graph", default_closed=True)
        head.label(text="Draw a Graph")
        if body is not None:
            row = body.row(align=True)
            for what, text in (("LOSS", "Losses"), ("RATE", "Speed")):
                row.operator("understudy.training_draw", text=text).what = what
            draw_options(body, scene, "models graph", advanced=False)


@timed_class
class UNDERSTUDY_PT_train_sessions(Sidebar, bpy.types.Panel):
    bl_label = "Sessions"
    bl_parent_id = "UNDERSTUDY_PT_train"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        layout, board, width = self.layout, watch.board(), context.region.width
        model = model_of(context)
        if model is None or not model.sessions:
            wrapped(layout, "They come with the first training.", width, icon="INFO")
            return
        grid = layout.column(align=True)
        _draw_line(grid, ("", "Start", "Iterations", "EG/s"))
        left_out = len(model.sessions) - _MOST_SESSIONS
        if left_out > 0:
            grid.label(text=told(f"{left_out} earlier ones"))
        for cells in (*model.sessions[-_MOST_SESSIONS:], model.total):
            name, start, _, _, _, iterations, rate = cells
            _draw_line(grid, (name, start[5:] if name != "Total" else "", iterations, rate))
        row = layout.row(align=True)
        row.operator("understudy.training_draw", text="Show All", icon="IMAGE_DATA").what = "SESSIONS"
        row.operator("understudy.sessions_csv", text="Save as CSV", icon="EXPORT")
        view = board.latest("models sessions")
        if view is not None and (view.going or view.status in ("failed", "lost")):
            draw_job(layout, view, width)


@timed_class
class UNDERSTUDY_PT_train_copies(Sidebar, bpy.types.Panel):
    bl_label = "Backups and Snapshots"
    bl_parent_id = "UNDERSTUDY_PT_train"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        layout, board, width = self.layout, watch.board(), context.region.width
        model = model_of(context)
        view = board.latest("restore")
        if view is not None and (view.going or view.status in ("failed", "lost")):
            draw_job(layout, view, width)
        found = restorable(model) if model is not None else []
        if not found:
            wrapped(layout, "A backup is made whenever the loss is lower than ever, a snapshot at every Snapshot "
                            "Interval.", width, icon="INFO")
            return
        for copy in found[:_MOST_COPIES]:
            _draw_copy(layout, copy)
        if len(found) > _MOST_COPIES:
            layout.label(text=told(f"{len(found) - _MOST_COPIES} older ones: Restore Model, under Tools"))
        archives = len(model.copies) - len(found) if model is not None else 0
        if archives:
            layout.label(text=told(f"{archives} archived: see Clean Up"), icon="PACKAGE")


def _draw_line(column: Any, cells: tuple[str, ...]) -> None:
    row = column.row(align=True)
    for cell, part in zip(cells, (0.14, 0.46, 0.6, 1.0), strict=True):
        split = row.split(factor=part) if part < 1 else row
        one = split.row()
        if part >= 0.6:
            one.alignment = "RIGHT"
        one.label(text=cell)
        row = split


def _draw_copy(layout: Any, copy: CopyView) -> None:
    box = layout.box()
    row = box.row()
    if copy.preview:
        row.template_icon(icon_value=views.thumbnail(copy.preview, copy.saved), scale=3.2)
    column = row.column(align=True)
    sentence = f"{copy.iterations:,} iterations" if copy.iterations is not None else "damaged"
    column.label(text=told(f"{copy.kind.capitalize()}: {sentence}"))
    loss = explain_loss(copy.loss)
    column.label(text=" · ".join(part for part in (f"loss {loss}" if loss else "", copy.saved) if part))
    buttons = column.row(align=True)
    if copy.iterations is not None:
        restore = buttons.operator("understudy.restore_copy", icon="LOOP_BACK")
        restore.kind, restore.iterations = copy.kind, copy.iterations
    if copy.preview:
        buttons.operator("understudy.copy_preview", text="", icon="IMAGE_DATA").picture = copy.preview


def draw_live(layout: Any, context: Any) -> None:
    """Whether pictures update by themselves, and what can be done with them."""
    row = layout.row(align=True)
    row.prop(context.window_manager.understudy_views, "live", toggle=True, icon="FILE_REFRESH")
    row.operator("understudy.pictures_refresh", text="Refresh Now")
    row.operator("understudy.picture_save", text="", icon="EXPORT")


@timed_class
class UNDERSTUDY_PT_pictures(bpy.types.Panel):
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_translation_context = CONTEXT
    bl_category = "Understudy"
    bl_label = "Picture"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return pictures.is_ours(getattr(context.space_data, "image", None))

    def draw(self, context: Any) -> None:
        draw_live(self.layout, context)
        model = model_of(context)
        if model is not None:
            self.layout.label(text=told(f"{model.trainer}, {model.iterations:,} iterations"))
            if model.flat:
                wrapped(self.layout, model.flat, context.region.width, icon="INFO")


CLASSES = (UNDERSTUDY_PT_train_watch, UNDERSTUDY_PT_train_sessions, UNDERSTUDY_PT_train_copies, UNDERSTUDY_PT_pictures)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
