"""The faces browser: turn pages, choose faces, go to the frame of one."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import browser, browser_settings, correcting, people, shot, watch
from ..addon.frame_map import frame_map
from ..addon.timing import timed_class
from ..core.errors import StripError, UnderstudyError, UsageError
from .base import NOTHING, Operator, refused

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
        items=(("CHOSEN", "As Chosen", "What was shown last"), *(item[:3] for item in browser_settings.FILTERS)))

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        return next((item[2] for item in browser_settings.FILTERS if item[0] == given.what), cls.__doc__ or "")

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, problem(context))

    def run(self, context: Any) -> None:
        data = browser_settings.settings(context)
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
        data, pages = browser_settings.settings(context), browser.page.pages  # type: ignore[union-attr]
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


CLASSES = (UNDERSTUDY_OT_browse, UNDERSTUDY_OT_browse_page, UNDERSTUDY_OT_browse_pick, UNDERSTUDY_OT_browse_choose,
           UNDERSTUDY_OT_browse_jump)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
