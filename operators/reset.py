"""Give the panels that say how things are shown their defaults: Overlay, the browser of faces, Live Preview."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import browser, browser_settings, live
from ..addon.overlay import settings, views
from ..addon.timing import timed_class
from .base import NOTHING, Operator, refused

_DEFAULT = "Everything is as by default"


def _is_changed(data: Any, names: tuple[str, ...]) -> bool:
    """Whether any of these properties is not as by default; one may have been set to that."""
    return any(data.is_property_set(name) and getattr(data, name) != data.bl_rna.properties[name].default
               for name in names)


def _reset(data: Any, names: tuple[str, ...]) -> None:
    for name in names:
        data.property_unset(name)


@timed_class
class UNDERSTUDY_OT_overlay_reset(Operator, bpy.types.Operator):
    """Draw faces over the footage as by default"""

    bl_idname = "understudy.overlay_reset"
    bl_label = "Reset to Defaults"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene, _ = views.place_of(context)
        changed = scene is not None and _is_changed(settings.of(scene), settings.SHOWN)
        return not refused(cls, "" if changed else _DEFAULT)

    def run(self, context: Any) -> None:
        _reset(settings.of(views.place_of(context)[0]), settings.SHOWN)
        views.settings_changed()


@timed_class
class UNDERSTUDY_OT_browser_reset(Operator, bpy.types.Operator):
    """Show all faces again, in the order and with the limits that are so by default"""

    bl_idname = "understudy.browser_reset"
    bl_label = "Reset to Defaults"
    undo = NOTHING

    @classmethod
    def poll(cls, context: Any) -> bool:
        data = browser_settings.settings(context)
        changed = _is_changed(data, browser_settings.SHOWN) or data.person != browser_settings.EVERYBODY
        return not refused(cls, "" if changed else _DEFAULT)

    def run(self, context: Any) -> None:
        data = browser_settings.settings(context)
        _reset(data, (*browser_settings.SHOWN, "person"))
        browser_settings.first_page(data)
        browser.refresh()


@timed_class
class UNDERSTUDY_OT_live_reset(Operator, bpy.types.Operator):
    """Show the preview as by default; it stays on or off"""

    bl_idname = "understudy.live_reset"
    bl_label = "Reset to Defaults"
    undo = NOTHING

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, "" if _is_changed(live.settings(), ("masks",)) else _DEFAULT)

    def run(self, context: Any) -> None:
        _reset(live.settings(), ("masks",))


CLASSES = (UNDERSTUDY_OT_overlay_reset, UNDERSTUDY_OT_browser_reset, UNDERSTUDY_OT_live_reset)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
