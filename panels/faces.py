"""The faces browser: which faces there are, in the sequencer's sidebar; what to do with them, in the Image Editor's."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import browser, browser_settings, people, shot, watch
from ..addon.language import CONTEXT, told
from ..addon.text import wrapped
from ..addon.timing import timed_class
from .base import NO_SHOT, Sidebar, draw_reset, draw_side, tool_strip_called
from .keys import BROWSER, draw_keys


@timed_class
class UNDERSTUDY_PT_faces(Sidebar, bpy.types.Panel):
    bl_label = "Faces"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        scene, layout, width = shot.sequencer_scene(context), self.layout, context.region.width
        if not len(scene.understudy.shots):
            wrapped(layout, NO_SHOT, width, icon="INFO")
            return
        draw_side(layout, scene)
        found = people.view(scene, watch.board())
        if found is None or not found.exists:
            wrapped(layout, f"Extract the faces of {tool_strip_called(scene)} first.", width, icon="INFO")
            return
        row = layout.row()
        row.scale_y = 1.3
        row.operator("understudy.browse", icon="IMGDISPLAY")
        page = browser.page
        if browser.trouble:
            wrapped(layout, browser.trouble, width, icon="ERROR", alert=True)
        if page is None or page.store != found.path:
            layout.label(text=told(f"{found.faces:,} faces of {len(found.people)} persons"), icon="INFO")
            return
        column = layout.column(align=True)
        for name, label, _, icon, _ in browser_settings.FILTERS:
            count = page.counts.get(name, 0)
            row = column.row(align=True)
            row.label(text=label, text_ctxt=CONTEXT, icon=icon)
            waits = name == "blurred" and page.unmeasured
            number = row.row(align=True)
            number.alignment = "RIGHT"
            number.label(text="…" if waits else f"{count:,}")
            number.operator("understudy.browse", text="", icon="VIEWZOOM", emboss=False).what = name


@timed_class
class UNDERSTUDY_PT_image_faces(bpy.types.Panel):
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_translation_context = CONTEXT
    bl_category = "Understudy"
    bl_label = "Faces"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return browser.is_sheet(context.space_data.image)

    def draw_header_preset(self, context: Any) -> None:
        draw_reset(self.layout, "browser")

    def draw(self, context: Any) -> None:
        layout, width, page = self.layout, context.region.width, browser.page
        data, scene = browser_settings.settings(context), shot.sequencer_scene(context)
        draw_side(layout, scene)
        column = layout.column()
        column.prop(data, "filter", text="")
        if data.filter in browser_settings.LIMITS:
            column.prop(data, data.filter, slider=data.filter != "small")
            usual = page.usual.get(data.filter) if page is not None else None
            if usual:
                unit = " px" if data.filter == "small" else ""
                column.label(text=told(f"Usual here: {usual:.3g}{unit}"), icon="BLANK1")
        if data.filter != "no-face":
            column.prop(data, "person", text="")
            column.prop(data, "order", text="")
        if browser.trouble:
            wrapped(layout, browser.trouble, width, icon="ERROR", alert=True)
        if page is None:
            layout.operator("understudy.browse", text="Refresh", icon="FILE_REFRESH")
            return
        found = f"{page.found:,} frames" if data.filter == "no-face" else f"{page.found:,} faces"
        pages = "1 page" if page.pages == 1 else f"{page.pages:,} pages"
        said = ("Loading …",) if browser.is_loading() else (found, pages)
        layout.label(text=" · ".join(map(told, said)), icon="TIME" if browser.is_loading() else "NONE")
        row = layout.row(align=True)
        back, middle, on = row.row(align=True), row.row(align=True), row.row(align=True)
        back.enabled, on.enabled = page.number > 0, page.number + 1 < page.pages
        for step, icon in ((-1_000_000, "REW"), (-1, "TRIA_LEFT")):
            back.operator("understudy.browse_page", text="", icon=icon).step = step
        middle.prop(data, "page")
        for step, icon in ((1, "TRIA_RIGHT"), (1_000_000, "FF")):
            on.operator("understudy.browse_page", text="", icon=icon).step = step
        layout.row(align=True).prop(data, "per_page", expand=True)


@timed_class
class UNDERSTUDY_PT_image_faces_chosen(bpy.types.Panel):
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_translation_context = CONTEXT
    bl_category = "Understudy"
    bl_label = "Chosen Faces"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return browser.page is not None and browser.is_sheet(context.space_data.image)

    def draw(self, context: Any) -> None:
        layout, data, count = self.layout, browser_settings.settings(context), len(browser.chosen)
        row = layout.row(align=True)
        for what, text in (("ALL", "All"), ("NONE", "None"), ("INVERT", "Invert")):
            row.operator("understudy.browse_choose", text=text).what = what
        layout.label(text=told(f"{count} chosen" if count else "Click faces to choose them"))
        column = layout.column(align=True)
        column.operator("understudy.browse_remove", icon="TRASH")
        column.operator("understudy.browse_keep", icon="CHECKMARK")
        if data.filter == "removed":
            column.operator("understudy.browse_bring_back", icon="LOOP_BACK")
        row = layout.row(align=True)
        row.prop(data, "name", text="", icon="USER")
        row.operator("understudy.browse_assign")
        row = layout.row()
        row.enabled = browser.last is not None
        row.operator("understudy.browse_jump", icon="TRACKING_FORWARDS")
        column = layout.column(align=True)
        column.active = False
        column.label(text="Shift-click: all between")
        column.label(text="Double-click: go to frame")
        draw_keys(column, "IMAGE_EDITOR", BROWSER)


CLASSES = (UNDERSTUDY_PT_faces, UNDERSTUDY_PT_image_faces, UNDERSTUDY_PT_image_faces_chosen)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
