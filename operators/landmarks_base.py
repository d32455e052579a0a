"""What operators on faces share: whose strip, which frame, which face, and how an edit is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import bpy

from ..addon import clips, correcting, corrections, marker_edits, shot, watch
from ..addon.overlay import views
from ..core.errors import UsageError
from ..core.faces.nouns import Face
from ..core.faces.store import AlignmentsStore
from .base import Operator, refused

_EDITORS = {"SEQUENCE_EDITOR", "CLIP_EDITOR"}


class Tells:
    """Reports of an operator, which may come after it has ended: then they go to the window's status bar."""

    def __init__(self, operator: Any) -> None:
        self.operator = operator

    def __call__(self, level: str, sentence: str) -> None:
        if sentence and self.operator is not None:
            self.operator.tell({level}, sentence)
        elif sentence:
            watch.say(level, sentence)


class Telling(Operator):
    """Mix-in: operators of which `tells` may be called later, when work in slices has ended."""

    tells: Tells

    def execute(self, context: Any) -> set[str]:
        self.tells = tells = Tells(self)
        try:
            return super().execute(context)
        finally:
            tells.operator = None


class OnFaces(Telling):
    """Mix-in: operators on the faces of a strip."""

    role: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Strip", description="Whose faces", options={"SKIP_SAVE"}, items=(
            ("SHOWN", "As Shown", "The strip that the editor shows"),
            ("A", "A", "The strip whose face is replaced"), ("B", "B", "The strip that lends the face")))

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, problem(context))

    def place(self, context: Any) -> tuple[Any, Any]:
        """The scene and the strip whose faces are meant."""
        scene = shot.sequencer_scene(context)
        if self.role == "SHOWN":
            return scene, clips.shown_strip(context, scene)
        return scene, shot.needed_strip(scene, self.role.lower())


class OnFrame(OnFaces):
    """Mix-in: operators on faces of one frame; subclasses edit with `edit`."""

    bl_options = {"REGISTER", "UNDO"}
    needs_face = False  # the button is grey where the shown frame has no face

    frame: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Source Frame", default=-1, min=-1, options={"SKIP_SAVE"},
        description="Frame of the source, counted from 0; -1: the one that is shown")
    face: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Face", options={"SKIP_SAVE"},
        description="A face's id, or its number in the frame; empty: the chosen face, or the only one")

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, problem(context) or (no_face(context) if cls.needs_face else ""))

    def invoke(self, context: Any, event: Any) -> set[str]:
        """From a button or a key. While faces are only looked at, keys pass on; scripts call `execute`."""
        if not bpy.app.background and not correcting.is_editing(context):
            return {"PASS_THROUGH"}
        return self.begin(context, event)

    def begin(self, context: Any, event: Any) -> set[str]:
        return super().invoke(context, event)

    def at(self, context: Any, scene: Any, strip: Any) -> int:
        """The source's frame."""
        return self.frame if self.frame >= 0 else clips.shown_frame(context, scene, strip)

    def edit(self, context: Any, change: Callable[[AlignmentsStore, int], tuple[str, Iterable[str]]]) -> None:
        """Edit the alignments, and bring markers along.

        Args:
            change: (store, source frame) -> a sentence, and the uuids of the faces that it has edited.
        """
        scene, strip = self.place(context)
        frame = self.at(context, scene, strip)
        edit(scene, strip, self.bl_label, lambda store: change(store, frame), self.tells)  # type: ignore[attr-defined]

    def one(self, context: Any, store: AlignmentsStore, frame: int) -> Face:
        """The face that is meant."""
        return chosen_face(store, frame, self.face or correcting.state(context).face, named=bool(self.face))


def edit(scene: Any, strip: Any, message: str, change: Callable[[AlignmentsStore], tuple[str, Iterable[str]]],
         report: Callable[[str, str], None]) -> None:
    """One edit of a strip's alignments, as one step of undo; faces that are markers show it.

    Raises:
        UnderstudyError: nothing was changed then.
    """
    name, uid, called = scene.name, strip.understudy_id, strip.name

    def both(store: AlignmentsStore) -> str:
        sentence, uuids = change(store)
        marker_edits.follow(shot.find_strip(bpy.data.scenes[name], uid, called), store, uuids)
        return sentence

    corrections.perform(scene, corrections.alignments(scene, strip), message, both, report)


def problem(context: Any) -> str:
    """Why no face can be edited, as one sentence; "" if one can. No disk is touched."""
    scene = shot.sequencer_scene(context)
    if scene is None:
        return "Open a sequencer first"
    if shot.work_folder_or_none(scene) is None:
        return "Save the .blend first: Understudy keeps its files beside it"
    space = getattr(context, "space_data", None)
    if bpy.app.background or space is None or space.type not in _EDITORS:
        return ""  # a script: nobody looks ahead there, and the operator says itself what it does not find
    view = views.of(context)
    if view is None:
        return "Go to a frame that shows footage"
    if view.target.problem:
        return view.target.problem
    return "Extract the faces of this footage first" if view.shown is not None and not view.shown.exists else ""


def no_face(context: Any) -> str:
    """Why nothing can be done with a face of the shown frame, where the editor shows none; "" elsewhere."""
    view = views.of(context) if context.space_data is not None and context.space_data.type in _EDITORS else None
    shows_none = view is not None and view.shown is not None and not view.shown.faces
    return "There is no face in this frame: draw a box, or copy from another frame" if shows_none else ""


def chosen_face(store: AlignmentsStore, frame: int, wanted: str, named: bool = True) -> Face:
    """A face of a frame: by its id or number, or the only one there is.

    Args:
        named: somebody named this face, so that no other will do.

    Raises:
        UsageError: there is no such face, or several to choose from.
    """
    here = store.faces(frame)
    found = next((face for face in here if wanted and wanted in (face.uuid, str(face.position))), None)
    if found is not None:
        return found
    if wanted and named:
        raise UsageError(f"Frame {frame} has no face {wanted}", f"There are {len(here)} faces in it")
    if not here:
        raise UsageError(f"Frame {frame} has no faces", "Draw a box for one, or copy from another frame")
    if len(here) > 1:
        raise UsageError(f"Frame {frame} has {len(here)} faces", "Choose one of them first")
    return here[0]

