"""What the list of persons offers: merge the marked ones, split the chosen one."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import people, properties, shot, tools, watch
from ..addon.timing import timed_class
from ..core.errors import UsageError
from ..core.jobs.tasks import Task
from .base import Operator, refused, scene_and_board
from .run_tool import RunsTool


def _list(context: Any) -> Any:
    """The rows; under `-b`, where no timer brings them up to date, they are first."""
    if bpy.app.background:
        people.sync(watch.look())
    return context.window_manager.understudy_people


@timed_class
class UNDERSTUDY_OT_persons_merge(Operator, bpy.types.Operator):
    """Make the marked persons one: the one with most faces gives the name"""

    bl_idname = "understudy.persons_merge"
    bl_label = "Merge Marked"
    bl_options = {"INTERNAL"}
    undo = "Undo Last Change, under Tools, takes it back; Ctrl-Z does not"

    @classmethod
    def poll(cls, context: Any) -> bool:
        if sum(row.marked for row in context.window_manager.understudy_people.rows) < 2:
            return not refused(cls, "Mark two or more persons first")
        return True

    def run(self, context: Any) -> None:
        data = _list(context)
        marked = [row.person for row in data.rows if row.marked]
        if len(marked) < 2:
            raise UsageError("There are not two persons to merge", "Mark two or more first")
        path = data.store
        if bpy.app.background:
            people.merge(path, marked)
            people.sync(watch.look())
        else:
            watch.keeper.later(lambda: people.merge(path, marked))
            watch.hurry()
        for row in data.rows:
            row.marked = False


@timed_class
class UNDERSTUDY_OT_persons_split(RunsTool, bpy.types.Operator):
    """Make two persons of the chosen one: the faces that look least like the rest leave"""

    bl_idname = "understudy.persons_split"
    bl_label = "Split"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        data = context.window_manager.understudy_people
        if not 0 <= data.index < len(data.rows):
            return not refused(cls, "Choose a person first")
        scene, board = scene_and_board(context)
        return not refused(cls, tools.problem(scene, properties.TOOLS["persons split"], shot.active(scene).tool_role,
                                              board, {"person": data.rows[data.index].name}))

    def chosen(self, context: Any) -> tuple[Task, str]:
        self._person = self._active(context)
        return properties.TOOLS["persons split"], shot.active(shot.sequencer_scene(context)).tool_role

    def overrides(self) -> dict[str, Any]:
        # The list splits the person as a whole: frames and pictures are the business of the tool of that name.
        return {"person": self._person, "frames": "", "position": -1, "pictures": "", "name": ""}

    def _active(self, context: Any) -> str:
        data = _list(context)
        if not 0 <= data.index < len(data.rows):
            raise UsageError("No person is chosen", "Choose one in the list")
        return data.rows[data.index].name


CLASSES = (UNDERSTUDY_OT_persons_merge, UNDERSTUDY_OT_persons_split)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
