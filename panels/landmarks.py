"""The Landmarks panel of the Clip Editor, and the same in the sequencer's sidebar, under Faces.

What edits landmarks adds its buttons here: append a function `(layout, context) -> None` to `EDITING` in `register()`
and take it away in `unregister()`; it is called by both panels, below the frame's state, while editing is on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from ..addon import correcting, navigation
from ..addon.language import CONTEXT, told
from ..addon.overlay import settings, views
from ..addon.overlay.reader import ShownFace
from ..addon.overlay.shapes import state_of
from ..addon.overlay.views import View
from ..addon.text import wrapped
from ..addon.timing import timed_class
from .base import BOX, Sidebar, draw_reset
from .keys import EDITING as EDITING_KEYS
from .keys import LANDMARKS, draw_keys
from .overlay import draw_overlay

EDITING: list[Callable[[Any, Any], None]] = []
_JUMPS = (("FIRST", 1, "REW"), ("PREVIOUS", 100, "PREV_KEYFRAME"), ("PREVIOUS", 1, "TRIA_LEFT"),
          ("NEXT", 1, "TRIA_RIGHT"), ("NEXT", 100, "NEXT_KEYFRAME"), ("LAST", 1, "FF"))
_MOST_FACES = 12  # in the list: a crowd has more than a panel


class _Landmarks:
    """Mix-in: what the panels of both editors show."""

    def draw(self, context: Any) -> None:
        layout, width = self.layout, context.region.width  # type: ignore[attr-defined]
        view = views.of(context)
        draw_mode(layout, context)
        if view is None:
            wrapped(layout, "Go to a frame that shows footage.", width, icon="INFO")
            return
        draw_frame(layout, context, view)
        draw_jumps(layout, context, view)
        if correcting.is_editing(context):
            for draw in EDITING:
                draw(layout, context)


class _ClipSidebar:
    """Mix-in: a panel in the Clip Editor's sidebar, tab Understudy."""

    bl_space_type = "CLIP_EDITOR"
    bl_region_type = "UI"
    bl_translation_context = CONTEXT
    bl_category = "Understudy"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return context.space_data.clip is not None


class _Overlay:
    """Mix-in: what is drawn over the footage."""

    bl_label = "Overlay"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header(self, context: Any) -> None:
        scene, _ = views.place_of(context)
        self.layout.prop(settings.of(scene), "show", text="")  # type: ignore[attr-defined]

    def draw_header_preset(self, context: Any) -> None:
        draw_reset(self.layout, "overlay")  # type: ignore[attr-defined]

    def draw(self, context: Any) -> None:
        draw_overlay(self.layout, context)  # type: ignore[attr-defined]


class _Keys:
    """Mix-in: the keys, as they are set now."""

    bl_label = "Keys"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        column, space = self.layout.column(align=True), context.space_data.type  # type: ignore[attr-defined]
        draw_keys(column, space, LANDMARKS)
        if correcting.is_editing(context):
            column.separator()
            draw_keys(column, space, EDITING_KEYS)
        if space == "SEQUENCE_EDITOR":
            column.label(text="With the mouse over the preview", icon="INFO")


@timed_class
class UNDERSTUDY_PT_clip_landmarks(_Landmarks, _ClipSidebar, bpy.types.Panel):
    bl_label = "Landmarks"


@timed_class
class UNDERSTUDY_PT_clip_landmarks_overlay(_Overlay, _ClipSidebar, bpy.types.Panel):
    bl_parent_id = "UNDERSTUDY_PT_clip_landmarks"


@timed_class
class UNDERSTUDY_PT_clip_landmarks_keys(_Keys, _ClipSidebar, bpy.types.Panel):
    bl_parent_id = "UNDERSTUDY_PT_clip_landmarks"


@timed_class
class UNDERSTUDY_PT_landmarks(_Landmarks, Sidebar, bpy.types.Panel):
    bl_label = "Correct"
    bl_parent_id = "UNDERSTUDY_PT_faces"
    bl_options = {"DEFAULT_CLOSED"}


@timed_class
class UNDERSTUDY_PT_landmarks_overlay(_Overlay, Sidebar, bpy.types.Panel):
    bl_parent_id = "UNDERSTUDY_PT_landmarks"


@timed_class
class UNDERSTUDY_PT_landmarks_keys(_Keys, Sidebar, bpy.types.Panel):
    bl_parent_id = "UNDERSTUDY_PT_landmarks"


def draw_mode(layout: Any, context: Any) -> None:
    """View or edit, and how much is unsaved."""
    editing, unsaved = correcting.is_editing(context), correcting.unsaved(context)
    row = layout.row(align=True)
    row.operator("understudy.edit_landmarks", text="View", icon="HIDE_OFF", depress=not editing)
    row.operator("understudy.edit_landmarks", text="Edit", icon="GREASEPENCIL", depress=editing)
    if unsaved:
        wrapped(layout, f"{unsaved:,} moved, not saved", context.region.width, icon="INFO")


def draw_frame(layout: Any, context: Any, view: View) -> None:
    """Which frame of what is shown, and its faces."""
    box, width = layout.box().column(), context.region.width - BOX
    sentence = _state(view)
    if sentence:
        wrapped(box, sentence, width, icon="INFO")
        return
    faces = view.shown.faces  # type: ignore[union-attr]
    count = "No face" if not faces else "1 face" if len(faces) == 1 else f"{len(faces)} faces"
    head = box.row()
    head.label(text=told(f"Frame {view.shown.request.frame:,}"))  # type: ignore[union-attr]
    right = head.row()
    right.alignment = "RIGHT"
    right.label(text=told(count))
    column = box.column(align=True)
    for face in faces[:_MOST_FACES]:
        _draw_face(column, face, view)
    if len(faces) > _MOST_FACES:
        column.label(text=told(f"{len(faces) - _MOST_FACES:,} more"))


def _state(view: View) -> str:
    """Why there is no list of faces; "" where there is."""
    if view.target.problem:
        return view.target.problem
    if view.request is None:
        return "The footage has no frame here."
    if view.shown is None:
        return "Reading …"
    if not view.shown.exists:
        return f"Extract the faces of {view.target.source.name} first."  # type: ignore[union-attr]
    return "" if view.shown.seen else "Extraction has not looked at this frame."


def _draw_face(column: Any, face: ShownFace, view: View) -> None:
    state = state_of(face, view.look)
    selected = state == "selected"
    misaligned = face.distance > view.look.threshold
    split = column.split(factor=0.62, align=True)
    row = split.row(align=True)
    row.alert = misaligned
    row.operator("understudy.select_face", text=f"{face.number}   {face.person}".rstrip(), depress=selected,
                 icon="RADIOBUT_ON" if selected else "RADIOBUT_OFF").number = face.number
    right = split.row()
    right.alignment = "RIGHT"
    right.alert = misaligned
    right.label(text="Misaligned" if misaligned else settings.COLOURS[face.state][0], text_ctxt=CONTEXT)


def draw_jumps(layout: Any, context: Any, view: View) -> None:
    """Which frames are jumped to, how many there are, and the buttons."""
    scene, _ = views.place_of(context)
    data, column = settings.of(scene), layout.column(align=True)
    column.prop(data, "kind", text="")
    if data.kind == "MISALIGNED":
        column.prop(data, "threshold")
    row = layout.row()
    buttons = row.row(align=True)
    for direction, step, icon in _JUMPS:
        button = buttons.operator("understudy.jump_frame", text="", icon=icon)
        button.direction, button.step = direction, step
    count = row.row()
    count.alignment = "RIGHT"
    count.active = False
    count.label(text=told(_count(navigation.matches(context, view=view))))


def _count(found: navigation.Matches | None) -> str:
    if found is None:
        return "Reading …"
    total, place = len(found.frames), found.place()
    if not total:
        return "No such frames"
    return f"{place + 1:,} / {total:,}" if place is not None else f"{total:,} frames" if total > 1 else "1 frame"


CLASSES = (UNDERSTUDY_PT_clip_landmarks, UNDERSTUDY_PT_clip_landmarks_overlay, UNDERSTUDY_PT_clip_landmarks_keys,
           UNDERSTUDY_PT_landmarks, UNDERSTUDY_PT_landmarks_overlay, UNDERSTUDY_PT_landmarks_keys)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
