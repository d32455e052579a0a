"""The Convert panel."""

from __future__ import annotations

import bpy

from ..addon.timing import timed_class
from .base import AdvancedPanel, StagePanel


@timed_class
class UNDERSTUDY_PT_convert(StagePanel, bpy.types.Panel):
    bl_label = "Convert"
    stage = "convert"


@timed_class
class UNDERSTUDY_PT_convert_advanced(AdvancedPanel, bpy.types.Panel):
    bl_parent_id = "UNDERSTUDY_PT_convert"
    stage = "convert"


CLASSES = (UNDERSTUDY_PT_convert, UNDERSTUDY_PT_convert_advanced)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
