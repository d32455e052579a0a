"""The Train panel."""

from __future__ import annotations

import bpy

from ..addon.timing import timed_class
from .base import AdvancedPanel, StagePanel


@timed_class
class UNDERSTUDY_PT_train(StagePanel, bpy.types.Panel):
    bl_label = "Train"
    stage = "train"


@timed_class
class UNDERSTUDY_PT_train_advanced(AdvancedPanel, bpy.types.Panel):
    bl_parent_id = "UNDERSTUDY_PT_train"
    stage = "train"


CLASSES = (UNDERSTUDY_PT_train, UNDERSTUDY_PT_train_advanced)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
