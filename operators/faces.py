"""The faces browser: turn pages, choose faces, take them out, keep, bring back, say who they are, go to the frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from ..addon import browser, correcting, corrections, people, shot, slices, watch
from ..addon.frame_map import frame_map
from ..addon.timing import timed_class
from ..core.errors import StripError, UnderstudyError, UsageError
from ..core.faces import persons
from ..core.faces.store import AlignmentsStore
from .base import NOTHING, TAKEN_BACK, Operator, refused
from .landmarks_base import Telling, Tells

_CHOICES = (("ALL", "All", "Choose every face of the page"), ("NONE", "None", "Choose none"),
            ("INVERT", "Invert", "Choose those that are not chosen"))


def problem(context: Any) -> str:
    """Why there are no faces to look through, as one sentence; "" if there are. No disk is touched."""
    scene = shot.sequencer_scene(context)
    if scene is None:
        return "Open a sequencer first"
    if shot.work_folder_or_none(scene) is None:
        return "Save the .blend first: Understudy keeps its files beside it"
    role, strip = shot.active(scene).tool_role, shot.tool_strip(scene)
    if strip is None:
        return f"Choose strip {role.upper()} first"
    known = people.view(scene, watch.board())
    return (f"Extract the faces of {shot.called(scene, role, strip)} first" if known is not None and not known.exists
            else "")


@timed_class
class UNDERSTUDY_OT_browse(Operator, bpy.types.Operator):
    """Look through the faces of the strip in an Image Editor"""

    bl_idname = "understudy.browse"
    bl_label = "Browse Faces"
    undo = NOTHING

    what: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Show", description="Which faces", options={"SKIP_SAVE"},
        items=(("CHOSEN", "As Chosen", "What was shown last"), *(item[:3] for item in browser.FILTERS)))

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        return next((item[2] for item in browser.FILTERS if item[0] == given.what), cls.__doc__ or "")

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, problem(context))

    def run(self, context: Any) -> None:
        data = browser.settings(context)
        if self.what not in ("CHOSEN", data.filter):
            data.filter = self.what  # which asks for the page
        else:
            browser.refresh()
        if browser.trouble and not browser.is_loading():
            raise UnderstudyError(browser.trouble)
        if not bpy.app.background:
            bpy.app.timers.register(_opened, first_interval=0.05)
        elif browser.page is not None:
            for cell in browser.page.cells:
                print(f"{cell.frame}\t{cell.position}\t{cell.uuid}\t{cell.state}")


def _opened() -> float | None:
    """Open the editor once there is a page to show."""
    if browser.is_loading():
        return 0.05
    browser.open_editor()
    browser.redraw()
    return None


class _OnPage(Operator):
    """Mix-in: in the Image Editor that shows the page; from a script also without one."""

    bl_options = {"INTERNAL"}
    undo = NOTHING

    @classmethod
    def poll(cls, context: Any) -> bool:
        if browser.page is None:
            return not refused(cls, "Browse the faces first")
        # Keys of the Image Editor pass on to whoever else wants them.
        space = context.space_data
        return space is None or space.type != "IMAGE_EDITOR" or browser.is_sheet(space.image)


@timed_class
class UNDERSTUDY_OT_browse_page(_OnPage, bpy.types.Operator):
    """Turn the pages of the faces browser"""

    bl_idname = "understudy.browse_page"
    bl_label = "Turn Page"

    step: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Step", description="How many pages on; below 0: back", default=1)

    def run(self, context: Any) -> None:
        data, pages = browser.settings(context), browser.page.pages  # type: ignore[union-attr]
        data.page = min(max(1, data.page + self.step), pages)


@timed_class
class UNDERSTUDY_OT_browse_pick(_OnPage, bpy.types.Operator):
    """Choose the face under the pointer, or no longer; with Shift all between it and the last one"""

    bl_idname = "understudy.browse_pick"
    bl_label = "Choose Face"

    extend: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Extend", description="Choose it as well as what is chosen", options={"SKIP_SAVE"})
    number: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Number", description="Which cell of the page, from 0", default=-1, options={"SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        found = _under(context, event)
        if found is None:
            return {"PASS_THROUGH"}
        self.number, self.extend = found, self.extend or event.shift
        return self.execute(context)

    def run(self, context: Any) -> None:
        page = browser.page
        if page is None or not 0 <= self.number < len(page.cells):
            raise UsageError(f"The page has no face {self.number}", "Count from 0")
        if self.extend and browser.last is not None:
            first, last = sorted((browser.last, self.number))
            browser.chosen.update(range(first, last + 1))
        else:
            browser.chosen.symmetric_difference_update({self.number})
        browser.last = self.number
        browser.redraw()


@timed_class
class UNDERSTUDY_OT_browse_choose(_OnPage, bpy.types.Operator):
    """Choose faces of the page"""

    bl_idname = "understudy.browse_choose"
    bl_label = "Choose Faces"

    what: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="What", description="Which faces to choose", items=_CHOICES)

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        return next(item[2] for item in _CHOICES if item[0] == given.what)

    def run(self, context: Any) -> None:
        everything = set(range(len(browser.page.cells)))  # type: ignore[union-attr]
        found = {"ALL": everything, "NONE": set(), "INVERT": everything - browser.chosen}[self.what]
        browser.chosen.clear()
        browser.chosen.update(found)
        browser.redraw()


@timed_class
class UNDERSTUDY_OT_browse_jump(_OnPage, bpy.types.Operator):
    """Go to the frame of the face under the pointer, or of the one that was chosen last"""

    bl_idname = "understudy.browse_jump"
    bl_label = "Go to Frame"

    number: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Number", description="Which cell of the page, from 0; -1: the one that was chosen last", default=-1,
        options={"SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        if event.type == "LEFTMOUSE" and event.value == "DOUBLE_CLICK":
            found = _under(context, event)
            if found is None:
                return {"PASS_THROUGH"}
            self.number = found
        return self.execute(context)

    def run(self, context: Any) -> None:
        page, number = browser.page, self.number if self.number >= 0 else browser.last
        if page is None or number is None or not 0 <= number < len(page.cells):
            raise UsageError("No face is chosen", "Click one first")
        cell, scene = page.cells[number], shot.sequencer_scene(context)
        strip = browser.strip_of_page(scene)
        frames = frame_map(scene, strip).timeline_frames(cell.frame)
        if not frames:
            raise StripError(f"Strip {strip.name!r} does not show frame {cell.frame} of its source",
                             "Lengthen the strip, or choose another face")
        scene.frame_set(frames[0])
        correcting.state(context).face = cell.uuid
        browser.redraw()


def _under(context: Any, event: Any) -> int | None:
    """The cell under the pointer."""
    region = context.region
    if browser.page is None or region is None or region.type != "WINDOW":
        return None
    return browser.page.at(*region.view2d.region_to_view(event.mouse_region_x, event.mouse_region_y))


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
        name = (self.person if self.properties.is_property_set("person") else browser.settings(context).name).strip()

        def work(store: AlignmentsStore, uuids: list[str]) -> slices.Steps:
            count = persons.assign(store, uuids, name)
            yield 1.0
            return f"{_faces(count)} assigned to {name}" if name else f"{_faces(count)} made nobody's"

        self.change(context, "Assigning faces", work)


def _faces(count: int) -> str:
    return "1 face" if count == 1 else f"{count:,} faces"


CLASSES = (UNDERSTUDY_OT_browse, UNDERSTUDY_OT_browse_page, UNDERSTUDY_OT_browse_pick, UNDERSTUDY_OT_browse_choose,
           UNDERSTUDY_OT_browse_jump, UNDERSTUDY_OT_browse_remove, UNDERSTUDY_OT_browse_keep,
           UNDERSTUDY_OT_browse_bring_back, UNDERSTUDY_OT_browse_assign)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
