"""Convert strip A with the trained model; the result becomes a strip above it."""

from __future__ import annotations

import bpy

from ..addon import watch
from ..addon.timing import timed_class
from ..core.errors import OutputError
from .stage import Stage


@timed_class
class UNDERSTUDY_OT_convert(Stage, bpy.types.Operator):
    """Replace the face in strip A; the result is laid over it as a strip"""

    bl_idname = "understudy.convert"
    bl_label = "Convert"
    bl_options = {"REGISTER", "UNDO"}
    stage = "convert"

    def finished(self) -> None:
        for view in watch.look().jobs:
            if view.task == "convert" and view.status == "finished":
                message = watch.place(view)
                if message:
                    raise OutputError(message)


CLASSES = (UNDERSTUDY_OT_convert,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
