"""The Landmarks panel of the Clip Editor, and the same as a panel in the sequencer's sidebar.

What edits landmarks adds its buttons here: append a function `(layout, context) -> None` to `EDITING` in `register()`
and take it away in `unregister()`; it is called by both panels, below the frame's state, while editing is on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from ..addon import correcting
from ..addon.text import wrapped
from ..addon.timing import timed_class
from .base import Sidebar

EDITING: list[Callable[[Any, Any], None]] = []


class _Landmarks:
    """Mix-in: what the panels of both editors show."""

    def draw(self, context: Any) -> None:
        layout = self.layout  # type: ignore[attr-defined]
        draw_mode(layout, context)
        if correcting.is_editing(context):
            for draw in EDITING:
                draw(layout, context)


@timed_class
class UNDERSTUDY_PT_clip_landmarks(_Landmarks, bpy.types.Panel):
    bl_space_type = "CLIP_EDITOR"
    bl_region_type = "UI"
    bl_category = "Understudy"
    bl_label = "Landmarks"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return context.space_data.clip is not None


@timed_class
class UNDERSTUDY_PT_landmarks(_Landmarks, Sidebar, bpy.types.Panel):
    bl_label = "Correct Faces"
    bl_options = {"DEFAULT_CLOSED"}


def draw_mode(layout: Any, context: Any) -> None:
    """View or edit, and how much is unsaved."""
    editing, unsaved = correcting.is_editing(context), correcting.unsaved(context)
    row = layout.row(align=True)
    row.operator("understudy.edit_landmarks", text="View", icon="HIDE_OFF", depress=not editing)
    row.operator("understudy.edit_landmarks", text="Edit", icon="GREASEPENCIL", depress=editing)
    if unsaved:
        wrapped(layout, f"{unsaved:,} moved, not saved", context.region.width, icon="INFO")


CLASSES = (UNDERSTUDY_PT_clip_landmarks, UNDERSTUDY_PT_landmarks)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
