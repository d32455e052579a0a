"""What can be done with the faces of a frame: copy from another one, interpolate, revert, delete, say who it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np

from ..addon import frame_edits, marker_edits, people
from ..addon.timing import timed_class
from ..core.errors import AlignmentsError, UsageError
from ..core.faces.matching import match
from ..core.faces.nouns import Face
from ..core.faces.store import AlignmentsStore
from .base import why
from .landmarks_base import OnFrame

_EDITED = ("edited", "added")


@timed_class
class UNDERSTUDY_OT_faces_copy(OnFrame, bpy.types.Operator):
    """Copy landmarks from the nearest frame with faces: to this frame's faces, and as new ones where it has none"""

    bl_idname = "understudy.faces_copy"
    bl_label = "Copy Faces"

    way: bpy.props.EnumProperty(name="From", description="Whose faces to copy", items=(  # type: ignore[valid-type]
        ("PREVIOUS", "Previous", "The nearest frame before this one that has faces"),
        ("NEXT", "Next", "The nearest frame after this one that has faces")))
    only: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Chosen Face Only", description="Copy only to the chosen face", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        where = "before" if given.way == "PREVIOUS" else "after"
        text = f"Copy landmarks from the nearest frame with faces {where} this one; faces that this one lacks are added"
        return why(text, frame_edits.copy_problem(context, given.way))

    def run(self, context: Any) -> None:
        def change(store: AlignmentsStore, frame: int) -> tuple[str, list[str]]:
            source = _neighbour(store, frame, -1 if self.way == "PREVIOUS" else 1)
            there, here = store.faces(source), store.faces(frame)
            pairs = _pairs(there, here)
            if self.only or self.face:
                target = self.one(context, store, frame)
                pairs = {old: new for old, new in pairs.items() if new is not None and new.uuid == target.uuid}
                if not pairs:
                    raise UsageError(f"Frame {source} has no face that fits the chosen one",
                                     "Copy all, or go on from another frame")
            touched = [_copied(store, old, new, frame) for old, new in pairs.items()]
            count = len(touched)
            return f"{count} {'face' if count == 1 else 'faces'} copied from frame {source}", touched

        self.edit(context, change)


def _neighbour(store: AlignmentsStore, frame: int, step: int) -> int:
    with_faces = store.frames_with_faces()
    found = [n for n in with_faces if (n - frame) * step > 0]
    if not found:
        raise UsageError(f"No frame {'before' if step < 0 else 'after'} this one has faces", "Draw a box instead")
    return min(found, key=lambda n: abs(n - frame))


def _pairs(there: list[Face], here: list[Face]) -> dict[Face, Face | None]:
    """Each face of another frame, and which of this one's is the same: of the same person, or in the same place."""
    free = list(here)
    found: dict[Face, Face | None] = {}
    for face in there:
        twin = next((one for one in free if face.person is not None and one.person == face.person), None)
        found[face] = twin
        if twin is not None:
            free.remove(twin)
    alone = [face for face, twin in found.items() if twin is None]
    for i, j in match([face.box for face in alone], [face.box for face in free]).items():
        found[alone[i]] = free[j]
    return found


def _copied(store: AlignmentsStore, source: Face, target: Face | None, frame: int) -> str:
    if target is not None:
        return store.edit_face(target.uuid, source.landmarks, source.box).uuid
    added = store.add_face(frame, source.box, source.landmarks, aligner=source.aligner)
    if source.person is not None:
        store.set_person(added.uuid, source.person)
    return added.uuid


@timed_class
class UNDERSTUDY_OT_face_interpolate(OnFrame, bpy.types.Operator):
    """Fill in a face between the corrected frames before and after this one"""

    bl_idname = "understudy.face_interpolate"
    bl_label = "Interpolate"

    way: bpy.props.EnumProperty(name="What", description="What to interpolate", items=(  # type: ignore[valid-type]
        ("POSITIONS", "Positions", "Landmarks go evenly from one corrected frame to the other"),
        ("CORRECTIONS", "Corrections", "Landmarks keep the movement that was found, and what was corrected fades from "
                                       "one corrected frame to the other")))
    first: bpy.props.IntProperty(name="First", default=-1, min=-1, options={"SKIP_SAVE"}, description=(  # type: ignore
        "Source frame to begin at; -1: the nearest corrected one at or before this one"))
    last: bpy.props.IntProperty(name="Last", default=-1, min=-1, options={"SKIP_SAVE"}, description=(  # type: ignore
        "Source frame to end at; -1: the nearest corrected one after this one"))

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        return why("Fill in a face between the corrected frames before and after this one",
                   frame_edits.interpolate_problem(context) if given.first < 0 and given.last < 0 else "")

    def run(self, context: Any) -> None:
        def change(store: AlignmentsStore, frame: int) -> tuple[str, list[str]]:
            ends = self._ends(context, store, frame)
            touched = _interpolated(store, *ends, keep=self.way == "CORRECTIONS")
            return f"{len(touched)} frames between {ends[0].frame} and {ends[1].frame} interpolated", touched

        self.edit(context, change)

    def _ends(self, context: Any, store: AlignmentsStore, frame: int) -> tuple[Face, Face]:
        here = store.faces(frame)
        person = self.one(context, store, frame).person if here else None
        corrected = [face for _, faces in store.iterate(store.frames_edited()) for face in faces
                     if face.state in _EDITED and (person is None or face.person == person)]
        first = self._end(corrected, self.first, [face for face in corrected if face.frame <= frame], -1)
        last = self._end(corrected, self.last, [face for face in corrected
                                                if face.frame > max(frame, first.frame)], 0)
        if last.frame - first.frame < 2:
            raise UsageError("There is no frame between the corrected ones", "Correct frames that lie further apart")
        return first, last

    def _end(self, corrected: list[Face], asked: int, otherwise: list[Face], at: int) -> Face:
        if asked >= 0:
            found = next((face for face in corrected if face.frame == asked), None)
            if found is None:
                raise UsageError(f"The face was not corrected in frame {asked}", "Correct it there first")
            return found
        if not otherwise:
            raise UsageError(f"No corrected frame {'at or before' if at else 'after'} this one has this face",
                             "Correct one frame before and one after")
        return otherwise[at]


def _interpolated(store: AlignmentsStore, first: Face, last: Face, keep: bool) -> list[str]:
    """Fill in between two faces; frames without the face get one. Returns the uuids."""
    span = last.frame - first.frame
    fades = [_correction(store, face) for face in (first, last)] if keep else []
    known = dict(store.iterate(range(first.frame + 1, last.frame)))
    touched = []
    for frame in range(first.frame + 1, last.frame):
        share = (frame - first.frame) / span
        box = tuple((1 - share) * a + share * b for a, b in zip(first.box, last.box, strict=True))
        here = _same(known.get(frame, []), first, box)
        even = (1 - share) * first.landmarks.astype(np.float64) + share * last.landmarks
        if here is None:
            if keep:
                continue  # nothing was found here that could keep its movement
            touched.append(_copied(store, Face(frame, box, even.astype(np.float32), aligner=first.aligner,
                                               person=first.person), None, frame))
            continue
        if keep:
            original = store.machine_face(here.uuid) or here
            points = original.landmarks + (1 - share) * fades[0] + share * fades[1]
            touched.append(store.edit_face(here.uuid, points, marker_edits.fitting_box(points, here.box)).uuid)
        else:
            touched.append(store.edit_face(here.uuid, even, box).uuid)
    return touched


def _correction(store: AlignmentsStore, face: Face) -> np.ndarray:
    """How far each landmark was moved by a person, float64 [68, 2]."""
    original = store.machine_face(face.uuid)
    if original is None:
        raise AlignmentsError(f"The face in frame {face.frame} was added by hand: nothing was found there to correct",
                              "Interpolate positions instead")
    return face.landmarks.astype(np.float64) - original.landmarks


def _same(faces: list[Face], other: Face, box: tuple[float, ...]) -> Face | None:
    """Which of a frame's faces is the other's: of its person, or where the box is."""
    if other.person is not None:
        own = [face for face in faces if face.person == other.person]
        if own:
            return own[0]
    free = [face for face in faces if face.person is None or other.person is None]
    pairs = match([box], [face.box for face in free])  # type: ignore[list-item]
    return free[pairs[0]] if pairs else None


@timed_class
class UNDERSTUDY_OT_frame_revert(OnFrame, bpy.types.Operator):
    """Make this frame's faces as they were found: what a person moved goes back, added faces go, deleted ones return"""

    bl_idname = "understudy.frame_revert"
    bl_label = "Revert Frame"

    only: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Chosen Face Only", description="Revert only the chosen face", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        return why("Make this frame's faces as they were found: what a person moved goes back, added faces go, deleted "
                   "ones return", frame_edits.revert_problem(context) if given.frame < 0 else "")

    def run(self, context: Any) -> None:
        def change(store: AlignmentsStore, frame: int) -> tuple[str, Iterable[str]]:
            faces = [face for face in store.faces(frame, with_removed=True) if face.state != "machine"]
            if self.only or self.face:
                wanted = self.one(context, store, frame)
                faces = [face for face in faces if face.uuid == wanted.uuid]
            back = [face for face in faces if face.state == "added" or store.machine_face(face.uuid) is not None]
            if not back:
                raise UsageError(f"Nothing in frame {frame} was changed by a person", "There is nothing to revert")
            for face in back:
                store.revert_face(face.uuid)
            return f"{len(back)} {'face' if len(back) == 1 else 'faces'} reverted", [face.uuid for face in back]

        self.edit(context, change)


@timed_class
class UNDERSTUDY_OT_face_delete(OnFrame, bpy.types.Operator):
    """Take the chosen face out of this frame; extracting again does not bring it back"""

    bl_idname = "understudy.face_delete"
    bl_label = "Delete Face"
    needs_face = True

    def run(self, context: Any) -> None:
        def change(store: AlignmentsStore, frame: int) -> tuple[str, list[str]]:
            face = self.one(context, store, frame)
            store.remove_face(face.uuid)
            return f"Face {face.position} of frame {frame} deleted", [face.uuid]

        self.edit(context, change)


@timed_class
class UNDERSTUDY_OT_face_person(OnFrame, bpy.types.Operator):
    """Say who the chosen face is"""

    bl_idname = "understudy.face_person"
    bl_label = "Set Person"
    needs_face = True

    person: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Person", description="Name of somebody in the clip, or a new name; empty: nobody",
        search=lambda self, context, text: [name for name in people.names(context)
                                            if text.casefold() in name.casefold()],
        search_options={"SUGGESTION"})

    def begin(self, context: Any, event: Any) -> set[str]:
        return context.window_manager.invoke_props_dialog(self)  # type: ignore[no-any-return]

    def draw(self, context: Any) -> None:
        self.layout.prop(self, "person")

    def run(self, context: Any) -> None:
        def change(store: AlignmentsStore, frame: int) -> tuple[str, list[str]]:
            face, name = self.one(context, store, frame), " ".join(self.person.split())
            known = {known.casefold(): person for person, known in store.people().items()}
            person = (known.get(name.casefold()) or store.add_person(name)) if name else None
            store.set_person(face.uuid, person)
            return f"Face {face.position} is {name or 'nobody'}", [face.uuid]

        self.edit(context, change)


CLASSES = (UNDERSTUDY_OT_faces_copy, UNDERSTUDY_OT_face_interpolate, UNDERSTUDY_OT_frame_revert,
           UNDERSTUDY_OT_face_delete, UNDERSTUDY_OT_face_person)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
