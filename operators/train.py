"""Train the model of the shot."""

from __future__ import annotations

import bpy

from ..addon.timing import timed_class
from .stage import Stage


@timed_class
class UNDERSTUDY_OT_train(Stage, bpy.types.Operator):
    """Train a model that gives B's face the performance of A; it goes on when Blender is closed"""

    bl_idname = "understudy.train"
    bl_label = "Train"
    stage = "train"


CLASSES = (UNDERSTUDY_OT_train,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
