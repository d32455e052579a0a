"""The list of shots: add, remove, duplicate, move; and which strips a shot is about."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import bpy

from ..addon import project, shot, stages, watch
from ..addon.timing import timed_class
from ..core.errors import UsageError
from .base import Operator, refused, why

_FILMS = {"MOVIE", "IMAGE"}


def _look_again() -> None:
    if not bpy.app.background:
        watch.hurry()


def _linked(scene: Any) -> str:
    """Why the scene's shots cannot be changed; "" if they can."""
    return stages.LINKED if scene is not None and scene.library is not None else ""


def _selected(scene: Any) -> list[Any]:
    """The selected strips that can be A or B, the active one first, then from the left."""
    editor = scene.sequence_editor
    active = editor.active_strip if editor else None
    chosen = [strip for strip in shot.strips(scene) if strip.select]
    return sorted(chosen, key=lambda strip: (strip != active, strip.frame_final_start, strip.channel))


@timed_class
class UNDERSTUDY_OT_shot_add(Operator, bpy.types.Operator):
    """Add a shot; the active strip becomes its A, another selected one its B"""

    bl_idname = "understudy.shot_add"
    bl_label = "New Shot"
    bl_options = {"REGISTER", "UNDO"}

    name: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Name", description="What to call it; empty: after strip A", options={"SKIP_SAVE"})
    use_selected: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="From Selected Strips", default=True,
        description="Take the active strip as A, and another selected one as B")

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, _linked(shot.sequencer_scene(context)))

    def run(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        strips = _selected(scene) if self.use_selected else []
        one = project.add(scene, self.name.strip() or project.NAME)
        for role, strip in zip(shot.ROLES, strips, strict=False):
            shot.set_strip(one, role, strip)
        _look_again()


class ShotOperator(Operator):
    """Mix-in for operators on the active shot."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = shot.sequencer_scene(context)
        has_shots = scene is not None and len(scene.understudy.shots)
        return not refused(cls, _linked(scene) or ("" if has_shots else "Add a shot first"))


@timed_class
class UNDERSTUDY_OT_shot_remove(ShotOperator, bpy.types.Operator):
    """Take the active shot off the list; its faces, models and converted frames stay on the disk"""

    bl_idname = "understudy.shot_remove"
    bl_label = "Remove Shot"

    def run(self, context: Any) -> None:
        held = shot.sequencer_scene(context).understudy
        index = min(held.active_index, len(held.shots) - 1)
        held.shots.remove(index)
        held.active_index = max(0, min(index, len(held.shots) - 1))
        _look_again()


@timed_class
class UNDERSTUDY_OT_shot_duplicate(ShotOperator, bpy.types.Operator):
    """Add a copy of the active shot: the same strips, model and settings"""

    bl_idname = "understudy.shot_duplicate"
    bl_label = "Duplicate Shot"

    def run(self, context: Any) -> None:
        held = shot.sequencer_scene(context).understudy
        index = min(held.active_index, len(held.shots) - 1)
        name = project.free_name(held.shots[index].name, {one.name for one in held.shots})
        copy = held.shots.add()  # after it, old references are not to be used
        copy.uid = uuid4().hex
        project.copy_values(held.shots[index], copy, frozenset({"uid", "name", "placed"}))
        copy.name = name
        held.shots.move(len(held.shots) - 1, index + 1)
        held.active_index = index + 1
        _look_again()


@timed_class
class UNDERSTUDY_OT_shot_move(ShotOperator, bpy.types.Operator):
    """Move the active shot in the list"""

    bl_idname = "understudy.shot_move"
    bl_label = "Move Shot"

    direction: bpy.props.EnumProperty(name="Direction", description="Which way",  # type: ignore[valid-type]
                                      items=(("UP", "Up", ""), ("DOWN", "Down", "")))

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        up = given.direction == "UP"
        text = "Move the active shot up in the list" if up else "Move the active shot down in the list"
        return why(text, move_problem(shot.sequencer_scene(context), given.direction))

    def run(self, context: Any) -> set[str] | None:
        held = shot.sequencer_scene(context).understudy
        reason = move_problem(shot.sequencer_scene(context), self.direction)
        if reason:
            self.tell({"INFO"}, reason)
            return {"CANCELLED"}
        target = held.active_index + (-1 if self.direction == "UP" else 1)
        held.shots.move(held.active_index, target)
        held.active_index = target
        return None


def move_problem(scene: Any, direction: str) -> str:
    """Why the active shot cannot be moved "UP" or "DOWN"; "" if it can."""
    held = scene.understudy
    if direction == "UP":
        return "" if held.active_index > 0 else "It is the first shot already"
    return "" if held.active_index < len(held.shots) - 1 else "It is the last shot already"


@timed_class
class UNDERSTUDY_OT_pick_strip(Operator, bpy.types.Operator):
    """Take the active strip"""

    bl_idname = "understudy.pick_strip"
    bl_label = "Use Active Strip"
    bl_options = {"REGISTER", "UNDO"}

    role: bpy.props.EnumProperty(name="Role", description="What the strip is for", items=(  # type: ignore[valid-type]
        ("A", "A", "The strip whose face is replaced"), ("B", "B", "The strip that lends the face")))

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        sentence = {"A": "whose face is replaced", "B": "that lends the face"}[properties.role]
        return f"Take the active strip as the one {sentence}"

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = shot.sequencer_scene(context)
        editor = scene.sequence_editor if scene is not None else None
        strip = editor.active_strip if editor else None
        if strip is None or strip.type not in _FILMS:
            return not refused(cls, "Select a film or an image sequence in the sequencer first")
        is_result = "This strip is a result of ours; select the footage below it" if strip.understudy_overlay else ""
        return not refused(cls, _linked(scene) or is_result)

    def run(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        shot.choose(scene, self.role.lower(), scene.sequence_editor.active_strip)
        _look_again()


_ROLE_ITEMS = (("A", "A", "The side whose face is replaced"), ("B", "B", "The side that lends the face"))


@timed_class
class UNDERSTUDY_OT_source_add(ShotOperator, bpy.types.Operator):
    """Add a strip or a faces folder with more faces of the same person; the active strip, if it is none of theirs"""

    bl_idname = "understudy.source_add"
    bl_label = "Add Source"

    role: bpy.props.EnumProperty(name="Side", description="Whose faces", items=_ROLE_ITEMS)  # type: ignore[valid-type]

    def run(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        taken = [strip for role in shot.ROLES for strip in shot.strips_of(scene, role)]
        source = getattr(shot.active(scene), f"sources_{self.role.lower()}").add()
        strip = next((strip for strip in _selected(scene) if strip not in taken), None)
        if strip is not None:
            source.strip = strip.name
        _look_again()


@timed_class
class UNDERSTUDY_OT_source_remove(ShotOperator, bpy.types.Operator):
    """Take the source off the list; its faces stay on the disk"""

    bl_idname = "understudy.source_remove"
    bl_label = "Remove Source"

    role: bpy.props.EnumProperty(name="Side", description="Whose faces", items=_ROLE_ITEMS)  # type: ignore[valid-type]
    index: bpy.props.IntProperty(name="Index", description="Which of them, from 0", min=0)  # type: ignore[valid-type]

    def run(self, context: Any) -> None:
        sources = getattr(shot.active(shot.sequencer_scene(context)), f"sources_{self.role.lower()}")
        if self.index >= len(sources):
            raise UsageError(f"There is no source {self.index}", f"There are {len(sources)}, counted from 0")
        sources.remove(self.index)
        _look_again()


CLASSES = (UNDERSTUDY_OT_shot_add, UNDERSTUDY_OT_shot_remove, UNDERSTUDY_OT_shot_duplicate, UNDERSTUDY_OT_shot_move,
           UNDERSTUDY_OT_pick_strip, UNDERSTUDY_OT_source_add, UNDERSTUDY_OT_source_remove)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
