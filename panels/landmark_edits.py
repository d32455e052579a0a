"""What the Landmarks panels offer while faces are edited, and the Clip Editor's panel of masks."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import clips, correcting, frame_edits, masks, watch
from ..addon.language import CONTEXT
from ..addon.text import wrapped
from ..addon.timing import timed_class
from . import landmarks
from .base import draw_job, split_column
from .buttons import unless

_WAYS = (("PREVIOUS", "Copy Previous", "TRIA_LEFT"), ("NEXT", "Copy Next", "TRIA_RIGHT"))


def draw_edits(layout: Any, context: Any) -> None:
    """Boxes and landmarks of the shown frame, then markers."""
    _draw_face(layout, context)
    _draw_frame(layout, context)
    _draw_markers(layout, context)


def _draw_face(layout: Any, context: Any) -> None:
    column = layout.column(align=True)
    column.label(text="Face", text_ctxt=CONTEXT)
    column.operator("understudy.face_box", icon="SELECT_SET")
    row = column.row(align=True)
    row.operator("understudy.landmarks_move", text="Move")
    row.operator("understudy.landmarks_scale", text="Scale")
    row.operator("understudy.landmarks_rotate", text="Rotate")
    row = column.row(align=True)
    row.operator("understudy.face_person", text="Person", icon="USER")
    row.operator("understudy.face_delete", text="Delete", icon="X")
    unless(column, frame_edits.interpolate_problem(context)).operator("understudy.face_interpolate", icon="IPO_LINEAR")


def _draw_frame(layout: Any, context: Any) -> None:
    column = layout.column(align=True)
    column.label(text="Frame")
    row = column.row(align=True)
    for way, label, icon in _WAYS:
        part = unless(row, frame_edits.copy_problem(context, way))
        part.operator("understudy.faces_copy", text=label, icon=icon).way = way
    revert = unless(column, frame_edits.revert_problem(context))
    revert.operator("understudy.frame_revert", text="Revert", icon="LOOP_BACK")


def _draw_markers(layout: Any, context: Any) -> None:
    column = layout.column(align=True)
    column.label(text="Markers")
    row = column.row(align=True)
    row.operator("understudy.markers_make", text="From Frame", icon="TRACKER").extent = "CURRENT"
    row.operator("understudy.markers_make", text="From Range").extent = "RANGE"
    clip = clips.clip_in(context)
    if clip is None:
        return
    if not clip.understudy.record:
        wrapped(layout, "The faces become tracks here: drag their markers, then apply.", context.region.width,
                icon="INFO")
        return
    unsaved = correcting.unsaved(context)
    if not unsaved:
        wrapped(layout, "No marker was moved yet.", context.region.width, icon="INFO")
    row = column.row(align=True)
    row.enabled = bool(unsaved)
    row.operator("understudy.markers_apply", icon="CHECKMARK")
    row.operator("understudy.markers_discard", icon="LOOP_BACK")
    row = column.row(align=True)
    row.operator("understudy.markers_track", text="Track Back", icon="TRACKING_BACKWARDS").backwards = True
    row.operator("understudy.markers_track", text="Track On", icon="TRACKING_FORWARDS").backwards = False
    column.operator("understudy.markers_remove", icon="TRASH")


@timed_class
class UNDERSTUDY_PT_clip_masks(bpy.types.Panel):
    """Masks that correct those of faces."""

    bl_space_type = "CLIP_EDITOR"
    bl_region_type = "UI"
    bl_translation_context = CONTEXT
    bl_category = "Understudy"
    bl_label = "Masks of Faces"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        return context.space_data.clip is not None

    def draw(self, context: Any) -> None:
        layout, width = self.layout, context.region.width
        column = layout.column(align=True)
        column.label(text="New Mask")
        row = column.row(align=True)
        row.operator("understudy.mask_new_add", text="Add", icon="ADD")
        row.operator("understudy.mask_new_subtract", text="Subtract", icon="REMOVE")
        mask = context.space_data.mask if context.space_data.mode == "MASK" else None
        if mask is None:
            wrapped(layout, "A new mask opens here: draw what belongs to the face, or what is in front of it.",
                    width, icon="INFO")
        else:
            layout.label(text=mask.name, translate=False, icon="MOD_MASK")
            column = split_column(layout)
            column.prop(mask.understudy, "mode", text="Effect", text_ctxt=CONTEXT)
            if mask.understudy.mode != "NONE":
                column.prop(mask.understudy, "person")
                column.prop(mask, "frame_start", text="Frames")
                column.prop(mask, "frame_end", text="To")
                column.operator("understudy.mask_parent", icon="TRACKING")
        view = watch.board().latest(masks.TASK)
        if view is None or not view.going:
            row = layout.row()
            row.scale_y = 1.3
            row.operator("understudy.masks_bake", icon="RENDER_ANIMATION")
        if view is not None:
            draw_job(layout, view, width)


CLASSES = (UNDERSTUDY_PT_clip_masks,)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    landmarks.EDITING.append(draw_edits)


def unregister() -> None:
    landmarks.EDITING.remove(draw_edits)
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
