"""Between looking and editing: a toggle that asks about unsaved moves before editing ends."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import correcting
from ..addon.language import told
from ..addon.timing import timed_class
from .base import NOTHING, Operator

_WAYS = (("APPLY", "Apply", "Save what was moved to the alignments"),
         ("DISCARD", "Discard", "Put what was moved back to where it was"))


@timed_class
class UNDERSTUDY_OT_edit_landmarks(Operator, bpy.types.Operator):
    """Change between looking at faces and editing them; unsaved moves are asked about before editing ends"""

    bl_idname = "understudy.edit_landmarks"
    bl_label = "Edit"
    undo = NOTHING

    unsaved: bpy.props.EnumProperty(name="Unsaved Moves", description="What becomes of them",  # type: ignore[valid-type]
                                    items=_WAYS, options={"SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        if correcting.is_editing(context) and correcting.unsaved(context):
            return context.window_manager.invoke_props_dialog(  # type: ignore[no-any-return]
                self, width=320, title=told("Unsaved Moves"))
        return self.execute(context)

    def draw(self, context: Any) -> None:
        count = correcting.unsaved(context)
        layout = self.layout
        layout.label(text=told(f"{count:,} landmarks were moved and not saved" if count != 1
                               else "One landmark was moved and not saved"), icon="QUESTION")
        layout.row().prop(self, "unsaved", expand=True)

    def run(self, context: Any) -> None:
        if correcting.is_editing(context):
            correcting.leave(context, keep=self.unsaved == "APPLY")
        else:
            correcting.enter(context)


CLASSES = (UNDERSTUDY_OT_edit_landmarks,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
