"""Extract the faces of the shot's strips."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import stages
from ..addon.timing import timed_class
from .stage import Stage


@timed_class
class UNDERSTUDY_OT_extract(Stage, bpy.types.Operator):
    """Find the faces of both strips: landmarks and masks for the alignments, pictures for training"""

    bl_idname = "understudy.extract"
    bl_label = "Extract"
    stage = "extract"

    strip: bpy.props.EnumProperty(name="Strip", description="Whose faces to find", items=(  # type: ignore[valid-type]
        ("BOTH", "Both", "Strip A, then strip B"),
        ("A", "A", "The strip whose face is replaced"),
        ("B", "B", "The strip that lends the face"),
    ), default="BOTH")

    def plan(self, scene: Any) -> list[stages.Planned]:
        roles = ("a", "b") if self.strip == "BOTH" else (self.strip.lower(),)
        return stages.plan(scene, "extract", roles)


CLASSES = (UNDERSTUDY_OT_extract,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
