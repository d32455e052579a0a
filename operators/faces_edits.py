"""What the browser does with the chosen faces: take them out, keep them alone, bring them back, say who they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from ..addon import browser, browser_settings, corrections, shot, slices
from ..addon.timing import timed_class
from ..core.errors import UsageError
from ..core.faces import persons
from ..core.faces.store import AlignmentsStore
from .base import TAKEN_BACK, refused
from .faces import problem
from .landmarks_base import Telling, Tells


class _Edits(Telling):
    """Mix-in: changes the chosen faces, in slices, as one revision of the store and one step of Blender's undo."""

    bl_options = {"REGISTER"}
    undo = TAKEN_BACK

    uuids: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Faces", description="For scripts: ids of faces, separated by spaces, rather than what is chosen",
        options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def poll(cls, context: Any) -> bool:
        space = context.space_data
        if space is not None and space.type == "IMAGE_EDITOR" and not browser.is_sheet(space.image):
            return False
        reason = problem(context)
        if not reason and not bpy.app.background:
            reason = "" if any(cell.uuid for cell in browser.chosen_cells()) else "Choose faces first"
        return not refused(cls, reason)

    def change(self, context: Any, text: str, work: Callable[[AlignmentsStore, list[str]], slices.Steps]) -> None:
        """Do `work` on the faces that are meant."""
        scene = shot.sequencer_scene(context)
        uuids = self.uuids.split() or [cell.uuid for cell in browser.chosen_cells() if cell.uuid]
        if not uuids:
            raise UsageError("No faces are chosen", "Click some in the browser first")
        path = corrections.alignments(scene, browser.strip_of_page(scene))
        corrections.perform_sliced(scene, path, text, self.bl_label, lambda store: work(store, uuids),  # type: ignore
                                   _after(self.tells))


def _after(tell: Tells) -> Callable[[str, str], None]:
    def then(level: str, sentence: str) -> None:
        tell(level, sentence)
        browser.refresh()

    return then


@timed_class
class UNDERSTUDY_OT_browse_remove(_Edits, bpy.types.Operator):
    """Take the chosen faces out of the alignments; extracting again does not bring them back"""

    bl_idname = "understudy.browse_remove"
    bl_label = "Remove Faces"

    def run(self, context: Any) -> None:
        def work(store: AlignmentsStore, uuids: list[str]) -> slices.Steps:
            count = 0
            for number, uuid in enumerate(uuids):
                face = store.face(uuid)
                if face is not None and face.state != "removed":
                    store.remove_face(uuid)
                    count += 1
                yield number / len(uuids)
            return f"{_faces(count)} removed; Extract takes {'its picture' if count == 1 else 'their pictures'} away"

        self.change(context, "Removing faces", work)


@timed_class
class UNDERSTUDY_OT_browse_keep(_Edits, bpy.types.Operator):
    """Keep the chosen faces and take every other face of their frames out"""

    bl_idname = "understudy.browse_keep"
    bl_label = "Keep Only These"

    def run(self, context: Any) -> None:
        def work(store: AlignmentsStore, uuids: list[str]) -> slices.Steps:
            kept, count = set(uuids), 0
            frames = sorted({face.frame for uuid in uuids if (face := store.face(uuid)) is not None})
            for number, frame in enumerate(frames):
                for face in store.faces(frame):
                    if face.uuid not in kept:
                        store.remove_face(face.uuid)
                        count += 1
                yield number / len(frames)
            return f"{_faces(count)} beside them removed" if count else "They are alone in their frames already"

        self.change(context, "Removing faces", work)


@timed_class
class UNDERSTUDY_OT_browse_bring_back(_Edits, bpy.types.Operator):
    """Bring removed faces back as they were found"""

    bl_idname = "understudy.browse_bring_back"
    bl_label = "Bring Back"

    def run(self, context: Any) -> None:
        def work(store: AlignmentsStore, uuids: list[str]) -> slices.Steps:
            count = 0
            for number, uuid in enumerate(uuids):
                face = store.face(uuid)
                if face is not None and face.state == "removed":
                    if store.machine_face(uuid) is not None:
                        store.revert_face(uuid)
                    else:  # a person had added it
                        store.edit_face(uuid, face.landmarks, face.box)
                    count += 1
                yield number / len(uuids)
            return f"{_faces(count)} brought back"

        self.change(context, "Bringing faces back", work)


@timed_class
class UNDERSTUDY_OT_browse_assign(_Edits, bpy.types.Operator):
    """Say whose faces these are; somebody new is added, and an empty name makes them nobody's"""

    bl_idname = "understudy.browse_assign"
    bl_label = "Assign"

    person: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Person", description="For scripts: the name", options={"SKIP_SAVE", "HIDDEN"})

    def run(self, context: Any) -> None:
        is_given = self.properties.is_property_set("person")
        name = (self.person if is_given else browser_settings.settings(context).name).strip()

        def work(store: AlignmentsStore, uuids: list[str]) -> slices.Steps:
            count = persons.assign(store, uuids, name)
            yield 1.0
            return f"{_faces(count)} assigned to {name}" if name else f"{_faces(count)} made nobody's"

        self.change(context, "Assigning faces", work)


def _faces(count: int) -> str:
    return "1 face" if count == 1 else f"{count:,} faces"


CLASSES = (UNDERSTUDY_OT_browse_remove, UNDERSTUDY_OT_browse_keep, UNDERSTUDY_OT_browse_bring_back,
           UNDERSTUDY_OT_browse_assign)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
