"""Jump between frames by what is in them, change which frames are meant, choose a face."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..addon import correcting, navigation
from ..addon.frame_table import KINDS
from ..addon.overlay import drawing, settings, views
from ..addon.timing import timed_class
from ..core.errors import UsageError
from ..core.faces.geometry import invert, transform
from .base import NOTHING, Operator, refused

_DIRECTIONS = (("PREVIOUS", "Previous", "To the one before"), ("NEXT", "Next", "To the one after"),
               ("FIRST", "First", "To the first one"), ("LAST", "Last", "To the last one"))
_KIND_ITEMS = (("CHOSEN", "Chosen", "The kind that is chosen in the panel", 100),
               *((name, label, sentence, number) for name, label, sentence, _, number in settings.KINDS))
_WORDS = {"ANY": "frame", "FACES": "frame with faces", "NONE": "frame without faces",
          "SEVERAL": "frame with several faces", "MISALIGNED": "frame with misaligned faces",
          "EDITED": "frame with edited faces"}


def _is_in_editor(context: Any) -> bool:
    return views.place_of(context)[0] is not None


@timed_class
class UNDERSTUDY_OT_jump_frame(Operator, bpy.types.Operator):
    """Jump to another frame that the strip shows"""

    bl_idname = "understudy.jump_frame"
    bl_label = "Jump to Frame"
    bl_options = set()
    undo = NOTHING

    direction: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Direction", description="Which way to jump", items=_DIRECTIONS, default="NEXT")
    kind: bpy.props.EnumProperty(name="Frames", description="Which frames are meant",  # type: ignore[valid-type]
                                 items=_KIND_ITEMS, default="CHOSEN")
    step: bpy.props.IntProperty(name="Step", description="How many of these frames at once",  # type: ignore[valid-type]
                                default=1, min=1)

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        scene, _ = views.place_of(context)
        kind = given.kind if given.kind != "CHOSEN" or scene is None else settings.of(scene).kind
        word = _WORDS.get(kind, "frame")
        if given.step > 1:
            return f"Jump {given.step} times to the {given.direction.lower()} {word}"
        return f"Jump to the {given.direction.lower()} {word} that the strip shows"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _is_in_editor(context)

    def run(self, context: Any) -> set[str] | None:
        (scene, clip), clock = views.place_of(context), views.clock_of(context)
        kind = "" if self.kind == "CHOSEN" else self.kind
        found = navigation.matches(context, kind)
        word = _WORDS[kind or settings.of(scene).kind]
        if found is None:
            view = views.of(context)
            reason = view.target.problem if view is not None else ""
            raise UsageError(reason or (f"There is no footage at frame {clock.frame_current}" if view is None
                                        else "The alignments are still being read"),
                             "Try again in a moment" if view is not None and not reason else
                             "Go to a frame that a strip covers" if clip is None else "Open the footage again")
        frame = found.jump(self.direction, self.step)
        if frame is None:
            if not len(found.frames):
                self.tell({"INFO"}, f"There is no {word}")
            elif self.direction in ("PREVIOUS", "NEXT"):
                side = "before" if self.direction == "PREVIOUS" else "after"
                self.tell({"INFO"}, f"There is no {word} {side} this one")
            return {"CANCELLED"}
        clock.frame_current = frame
        return None


@timed_class
class UNDERSTUDY_OT_jump_kind(Operator, bpy.types.Operator):
    """Change which frames the jumps are about: all, with faces, without, with several, misaligned, edited"""

    bl_idname = "understudy.jump_kind"
    bl_label = "Next Kind of Frames"
    bl_options = set()
    undo = NOTHING

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _is_in_editor(context)

    def run(self, context: Any) -> None:
        data = settings.of(views.place_of(context)[0])
        data.kind = KINDS[(KINDS.index(data.kind) + 1) % len(KINDS)]
        label = next(label for name, label, *_ in settings.KINDS if name == data.kind)
        self.tell({"INFO"}, f"Jump to: {label}")


@timed_class
class UNDERSTUDY_OT_select_face(Operator, bpy.types.Operator):
    """Choose the face that buttons are about: the one under the mouse, or by its number"""

    bl_idname = "understudy.select_face"
    bl_label = "Select Face"
    bl_options = set()
    undo = NOTHING

    number: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Number", description="The face's number within its frame", default=-1, min=-1, options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: Any) -> bool:
        if bpy.app.background:
            return True
        view = views.of(context)
        faces = view is not None and view.shown is not None and bool(view.shown.faces)
        return not refused(cls, "" if faces else "There is no face at this frame")

    def invoke(self, context: Any, event: Any) -> set[str]:
        if self.number >= 0:
            return self.execute(context)
        uuid = _face_at(context, (event.mouse_region_x, event.mouse_region_y))
        return _choose(context, uuid) if uuid else {"PASS_THROUGH"}

    def run(self, context: Any) -> set[str] | None:
        view = views.read_now(context)[0] if bpy.app.background else views.of(context)
        faces = view.shown.faces if view is not None and view.shown is not None else ()
        uuid = next((face.uuid for face in faces if face.number == self.number), "")
        if not uuid:
            numbers = ", ".join(str(face.number) for face in faces)
            raise UsageError(f"There is no face {self.number} at this frame",
                             f"Choose from {numbers}" if numbers else "Go to a frame that has faces")
        return _choose(context, uuid)


def _choose(context: Any, uuid: str) -> set[str]:
    correcting.state(context).face = uuid
    views.settings_changed()
    return {"FINISHED"}


def _face_at(context: Any, mouse: tuple[int, int]) -> str:
    """The uuid of the face under the mouse, the smallest box first; "" for none."""
    view = views.of(context)
    matrix = drawing.region_matrix(context.space_data, context.region, view) if view is not None else None
    if view is None or matrix is None or view.shown is None:
        return ""
    x, y = transform(np.array(mouse, np.float64), invert(matrix))
    under = [face for face in view.shown.faces
             if 0 <= x - face.box[0] <= face.box[2] and 0 <= y - face.box[1] <= face.box[3]]
    return min(under, key=lambda face: face.box[2] * face.box[3]).uuid if under else ""


CLASSES = (UNDERSTUDY_OT_jump_frame, UNDERSTUDY_OT_jump_kind, UNDERSTUDY_OT_select_face)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
