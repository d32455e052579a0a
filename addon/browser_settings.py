"""Which faces the browser shows, in which order, how many a page; of this session of Blender, never saved."""

from __future__ import annotations

from typing import Any

import bpy

from . import shot
from .language import CONTEXT, told
from .timing import measured

FILTERS = (
    ("all", "All Faces", "Every face of the clip", "GROUP", 0),
    ("no-face", "No Face", "Frames in which no face was found, shown as a whole", "GHOST_DISABLED", 1),
    ("several", "Several Faces", "Faces of frames that have more than one", "COMMUNITY", 2),
    ("misaligned", "Misaligned", "Faces whose landmarks lie farther from a mean face than the limit", "ERROR", 3),
    ("small", "Small", "Faces of fewer pixels than the limit", "FULLSCREEN_EXIT", 4),
    ("blurred", "Blurred", "Faces that are less sharp than this share of what is usual in the clip", "MOD_SMOOTH", 5),
    ("edited", "Edited", "Faces that a person corrected or added", "GREASEPENCIL", 6),
    ("removed", "Removed", "Faces that were taken out, and can be brought back", "TRASH", 7),
)
ORDERS = (
    ("frame", "Frame", "As they come in the clip"),
    ("person", "Person", "Everyone's faces together"),
    ("likeness", "Least Alike First", "Those that look least like the rest of their person first"),
    ("misaligned", "Worst Landmarks First", "By the distance of their landmarks from a mean face"),
    ("small", "Smallest First", "By their pixels in the frame"),
    ("blurred", "Most Blurred First", "By their sharpness"),
)
LIMITS = ("misaligned", "small", "blurred")
SHOWN = ("filter", "order", "per_page", *LIMITS)  # what can be reset, but for the person
EVERYBODY, _NOBODY = "-1", "-2"
_items: list[tuple[str, str, str, str, int]] = []  # Blender keeps no reference to what it was given
_is_setting = False  # the page is being set by us: nobody has turned it


def first_page(data: Any) -> None:
    """Turn to it, without asking for it."""
    global _is_setting
    _is_setting = True
    data.page = 1
    _is_setting = False


def _changed(data: Any, context: Any) -> None:
    from . import browser

    with measured("UNDERSTUDY_Browser.changed"):
        first_page(data)
        browser.refresh()


def _turned(data: Any, context: Any) -> None:
    from . import browser

    with measured("UNDERSTUDY_Browser.turned"):
        if not _is_setting and (browser.page is None or data.page != browser.page.number + 1):
            browser.refresh()


def _persons(data: Any, context: Any) -> list[tuple[str, str, str, str, int]]:
    global _items
    from . import people, watch

    scene = shot.sequencer_scene(context) if context is not None else None
    found = people.view(scene, watch.board()) if scene is not None else None
    _items = [(EVERYBODY, "Everybody", "Everyone's faces", "COMMUNITY", 0),
              (_NOBODY, "Nobody", "Faces that are nobody's", "QUESTION", 1),
              *((str(one.id), one.name or told(f"Person {one.id}"), told(f"{one.faces:,} faces"), "USER", one.id + 2)
                for one in (found.people if found is not None else ()))]
    return _items


def _names(data: Any, context: Any, text: str) -> list[str]:
    from . import people

    return [name for name in people.names(context) if text.lower() in name.lower()]


class UNDERSTUDY_Browser(bpy.types.PropertyGroup):
    """What is shown; of this session of Blender, never saved."""

    filter: bpy.props.EnumProperty(name="Show", description="Which faces", items=FILTERS,  # type: ignore[valid-type]
                                   update=_changed, translation_context=CONTEXT)
    order: bpy.props.EnumProperty(name="Order", description="Which come first", items=ORDERS,  # type: ignore
                                  update=_changed, translation_context=CONTEXT)
    person: bpy.props.EnumProperty(name="Person", description="Whose faces", items=_persons,  # type: ignore
                                   default=0, update=_changed, translation_context=CONTEXT)
    page: bpy.props.IntProperty(name="Page", default=1, min=1, update=_turned,  # type: ignore[valid-type]
                                translation_context=CONTEXT)
    per_page: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Per Page", description="How many faces a page has", default="100", update=_changed,
        items=tuple((count, count, "") for count in ("50", "100", "200")))
    misaligned: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Limit", default=0.12, min=0.0, max=1.0, step=1, precision=3, update=_changed, translation_context=CONTEXT,
        description="Mean distance of landmarks from the mean face, in faces, above which a face counts as misaligned")
    small: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Limit", default=96, min=1, max=4096, subtype="PIXEL", update=_changed, translation_context=CONTEXT,
        description="Pixels along the side of a face below which it counts as small")
    blurred: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Limit", default=0.3, min=0.0, max=1.0, subtype="FACTOR", update=_changed, translation_context=CONTEXT,
        description="Share of the clip's median sharpness below which a face counts as blurred")
    name: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Person", description="Whose faces the chosen ones are; empty: nobody's", search=_names,
        search_options={"SUGGESTION"})


def settings(context: Any = None) -> Any:
    return (context or bpy.context).window_manager.understudy_browser


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_Browser)
    bpy.types.WindowManager.understudy_browser = bpy.props.PointerProperty(type=UNDERSTUDY_Browser)


def unregister() -> None:
    del bpy.types.WindowManager.understudy_browser
    bpy.utils.unregister_class(UNDERSTUDY_Browser)
