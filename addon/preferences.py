"""The extension's preferences: the core's Python, how to set it up, and the one question that is asked."""

from __future__ import annotations

from typing import Any

import bpy

from ..core import consent
from .environment import core_python
from .language import CONTEXT, told
from .overlay.settings import STATES, UNDERSTUDY_OverlayColours
from .text import wrapped
from .timing import timed_class

PACKAGE = __package__.rpartition(".")[0]


def preferences() -> Any | None:
    """Our preferences; None where the package is registered without being an enabled extension (tests)."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon else None


def interpreter() -> str:
    """The Python that the person chose for the core; "" for the one that Set Up builds."""
    ours = preferences()
    return bpy.path.abspath(ours.python) if ours and ours.python else ""


def _changed(self: Any, context: Any) -> None:
    from . import watch

    watch.aim()


@timed_class
class UNDERSTUDY_Preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    python: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Interpreter", subtype="FILE_PATH", update=_changed,
        description="A Python 3.11 to 3.13 that has the core's packages already; empty: the one that Set Up builds")
    base: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Build From", subtype="FILE_PATH",
        description="The Python 3.11 to 3.13 that Set Up builds from; empty: one that is found on this computer")
    wheels: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Wheels Folder", subtype="DIR_PATH",
        description="Folder of the packages as .whl files, for a computer without internet; empty: they are "
                    "downloaded")
    overlay_colours: bpy.props.PointerProperty(type=UNDERSTUDY_OverlayColours)  # type: ignore[valid-type]

    def draw(self, context: Any) -> None:
        from ..panels import jobs as job_panel
        from . import keymap, watch

        layout, width = self.layout, context.region.width - 60  # the add-ons list draws us inside a box
        layout.use_property_split = True
        layout.use_property_decorate = False
        board = watch.board()
        self._draw_state(layout, board, width)
        layout.prop(self, "python")
        head, body = layout.panel("understudy_set_up", default_closed=bool(board.environment
                                                                           and board.environment.usable))
        head.label(text="Set Up")
        if body:
            body.prop(self, "base")
            body.prop(self, "wheels")
            row = body.row()
            row.operator("understudy.setup", icon="IMPORT")
            row.operator("understudy.setup", text="Rebuild", icon="FILE_REFRESH").rebuild = True
            if not bpy.app.online_access and not self.wheels:
                wrapped(body, "Set Up has to download packages: turn on Allow Online Access in System, or choose a "
                              "folder of wheels.", width, icon="INTERNET_OFFLINE")
        view = board.latest("setup")
        if view is not None and (view.going or view.status != "finished"):
            job_panel.draw_job(layout, view, width)
        self._draw_consent(layout, board, width)
        head, body = layout.panel("understudy_overlay_colours", default_closed=True)
        head.label(text="Overlay Colours")
        for state in STATES if body else ():
            body.prop(self.overlay_colours, state)
        head, body = layout.panel("understudy_keys", default_closed=True)
        head.label(text="Keys", text_ctxt=CONTEXT)
        if body:
            keymap.draw(body, context)

    def _draw_state(self, layout: Any, board: Any, width: int) -> None:
        from . import watch

        state = board.environment
        if state is None:
            layout.label(text="Looking at the core's Python …", icon="TIME")
        elif state.usable:
            layout.label(text=told(f"The core is ready: Python {state.version}"), icon="CHECKMARK")
            watch.keeper.find_device()
            wrapped(layout, board.device or "Looking for graphics cards …", width, icon="BLANK1")
        else:
            message = state.message
            if state.status == "absent" and not self.python:
                message = "The core is not set up yet. Press Set Up, or choose an interpreter that has its packages."
            wrapped(layout, message, width, icon="ERROR")
        column = layout.column()
        column.active = False
        column.label(text=str(core_python(interpreter())), icon="BLANK1")

    def _draw_consent(self, layout: Any, board: Any, width: int) -> None:
        box = layout.box()
        wrapped(box, consent.QUESTION, width)
        row = box.row()
        if board.consent:
            row.label(text="You have agreed.", icon="CHECKMARK")
        else:
            row.operator("understudy.consent", icon="CHECKBOX_DEHLT")


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_Preferences)


def unregister() -> None:
    bpy.utils.unregister_class(UNDERSTUDY_Preferences)
