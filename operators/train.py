"""Train the model of the shot, and see beforehand what training does to the faces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bpy

from ..addon import shot, stages
from ..addon.stages import Planned
from ..addon.timing import timed_class
from .base import refused, scene_and_board
from .stage import Stage

SHEET = "_augmentation.png"  # behind the name of the model folder


@timed_class
class UNDERSTUDY_OT_train(Stage, bpy.types.Operator):
    """Train a model that gives B's face the performance of A; it goes on when Blender is closed"""

    bl_idname = "understudy.train"
    bl_label = "Train"
    stage = "train"


@timed_class
class UNDERSTUDY_OT_show_augmentation(Stage, bpy.types.Operator):
    """Show in an Image Editor how training would vary faces with these settings; nothing is trained"""

    bl_idname = "understudy.show_augmentation"
    bl_label = "Augmentation"
    stage = "train"

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene, board = scene_and_board(context)
        reason = stages.problem(scene, cls.stage, board, beside=True)
        view = board.latest("train", show=True)
        if not reason and view is not None and view.going:
            reason = f"{view.label} is under way"
        return not refused(cls, reason)

    def plan(self, scene: Any) -> list[Planned]:
        model = shot.model_folder(scene)  # beside it: a picture inside would look like the beginning of a model
        (planned,) = stages.plan(scene, self.stage, show_augmentation=str(model.with_name(model.name + SHEET)))
        # Without the strips in its tag it is no training of the shot.
        return [replace(planned, label=self.bl_label, tag={"show": True})]


CLASSES = (UNDERSTUDY_OT_train, UNDERSTUDY_OT_show_augmentation)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
