"""Choosing paths for lists of them, which Blender holds as text."""

from __future__ import annotations

import os
from typing import Any

import bpy

from ..addon import properties, shot
from ..addon.timing import timed_class
from ..core.jobs.tasks import TASKS
from ..core.options import options_of
from .base import Operator


@timed_class
class UNDERSTUDY_OT_add_paths(Operator, bpy.types.Operator):
    """Choose files or a folder, and add them to the list"""

    bl_idname = "understudy.add_paths"
    bl_label = "Add"
    bl_options = {"INTERNAL", "UNDO"}

    task: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]
    option: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]
    directory: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Folder", description="The folder of the files, or the one that is meant", subtype="DIR_PATH",
        options={"SKIP_SAVE"})
    files: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        name="Files", description="Names of files in that folder; none: the folder itself",
        type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Any) -> None:
        option = next(option for option in options_of(TASKS[self.task].options) if option.name == self.option)
        group = properties.settings(shot.sequencer_scene(context), self.task)
        names = [file.name for file in self.files if file.name] if option.declaration.kind != "folder" else []
        chosen = [os.path.join(self.directory, name) for name in names] or [self.directory.rstrip("/\\") or "/"]
        properties.add_to_list(group, option, chosen)


CLASSES = (UNDERSTUDY_OT_add_paths,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
