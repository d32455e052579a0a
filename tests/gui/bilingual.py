"""What the gallery's session needs beside `acting.py`: each picture in both languages, of an orderly window.

Pictures are called `name` and `zh/name`. Of what opens over the window (dialogs, menus, Preferences) there is also
`name__before`: `pictures.py` cuts the picture to what has changed.
"""

from __future__ import annotations

import os
import subprocess

import bpy
from acting import area_of, open_sidebar, picture, reopened

LANGUAGES = (("", "en_US"), ("zh/", "zh_HANS"))
TALL, WIDE = (1600, 3600), (1600, 1000)  # of the window: for a whole sidebar, and for an ordinary look
DRAWN = 1.2  # seconds after which Blender has drawn what changed
ONLY = set(filter(None, os.environ.get("UNDERSTUDY_GUI_ONLY", "").split(",")))  # pictures to take; empty: all


def is_wanted(name):
    return not ONLY or name in ONLY


def first():
    return bpy.context.window_manager.windows[0]


def key(*names):
    subprocess.run(["xdotool", "key", *names], check=True)


def rest_pointer(x=700, y=300):
    subprocess.run(["xdotool", "mousemove", str(x), str(y)], check=True)


def resize(size):
    """Yields: the first window in another size."""
    found = subprocess.run(["xdotool", "search", "--onlyvisible", "--class", "blender"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    subprocess.run(["xdotool", "windowsize", found[0], *map(str, size)], check=True)
    for _ in range(50):
        if (first().width, first().height) == size:
            break
        yield 0.1
    yield 0.5


def in_both(take):
    """Yields: `take(prefix)`, a generator, with Blender in English and in Chinese; English again in the end."""
    view = bpy.context.preferences.view
    view.use_translate_interface = view.use_translate_tooltips = view.use_translate_reports = True
    for prefix, language in LANGUAGES:
        view.language = language
        rest_pointer(690, 290)  # the status bar is drawn anew where the pointer moves
        yield DRAWN
        rest_pointer()
        yield 0.2
        yield from take(prefix)
    view.language = "en_US"
    yield 0.8


def screen(name, region=None):
    """Yields: pictures of the window or of what `region()` gives."""
    def take(prefix):
        yield 0.0
        picture(prefix + name, region() if region is not None else None)

    if is_wanted(name):
        yield from in_both(take)


def full(kind="SEQUENCE_EDITOR"):
    """Yields: the widest area of a kind over the whole window, or back again."""
    window, area = area_of(kind)
    with bpy.context.temp_override(window=window, area=area, region=area.regions[0]):
        bpy.ops.screen.screen_full_area()
    yield 1.0


def sidebar_of(kind="SEQUENCE_EDITOR"):
    return next(region for region in area_of(kind)[1].regions if region.type == "UI")


def sidebar(name, kind="SEQUENCE_EDITOR"):
    """Yields: pictures of a sidebar, as high as it needs to be."""
    if not is_wanted(name):
        return
    yield from resize(TALL)
    yield from full(kind)
    yield from screen(name, lambda: sidebar_of(kind))
    yield from full(kind)
    yield from resize(WIDE)


def over(name, open_it, close=lambda: key("Escape")):
    """Yields: pictures before and after something opens over the window."""
    def take(prefix):
        picture(f"{prefix}{name}__before", whole=True)
        open_it()
        yield 1.5
        picture(prefix + name, whole=True)
        close()
        yield 0.8

    if is_wanted(name):
        yield from in_both(take)


def layout():
    """Yields: the preview above, the timeline with our sidebar below, and nothing else."""
    window = first()
    for kind in ("FILE_BROWSER", "PROPERTIES", "OUTLINER"):
        for area in [area for area in window.screen.areas if area.type == kind]:
            with bpy.context.temp_override(window=window, area=area, region=area.regions[0]):
                bpy.ops.screen.area_close()
            yield 0.3
    area = open_sidebar()
    yield 0.5
    next(region for region in area.regions if region.type == "UI").active_panel_category = "Understudy"
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.sequencer.view_all()
    yield 0.7


def opened(*panels):
    """Yields: the file anew in the orderly window, with these panels open."""
    yield from reopened(*panels)
    yield from layout()


def beside(kind, our_sidebar=True):
    """Yields: another editor in the place of the preview; our tab in its sidebar. It is then `area_of(kind)`."""
    window = first()
    timeline = area_of("SEQUENCE_EDITOR")[1]
    area = max((area for area in window.screen.areas if area != timeline and area.height > 100),
               key=lambda one: one.width * one.height)
    area.type = kind
    yield 0.5
    area.spaces.active.show_region_ui = our_sidebar
    if hasattr(area.spaces.active, "show_region_toolbar"):
        area.spaces.active.show_region_toolbar = False
    yield 0.7
    if our_sidebar:
        try:
            next(region for region in area.regions if region.type == "UI").active_panel_category = "Understudy"
        except TypeError:
            pass  # no panel of ours has anything to say yet
    yield 0.5


def our_tab(kind):
    """Yields: our tab in an editor's sidebar, once it has panels."""
    area_of(kind)[1].spaces.active.show_region_ui = True
    yield 0.5
    sidebar_of(kind).active_panel_category = "Understudy"
    yield 0.5


def fit_picture():
    """The Image Editor's picture as a whole."""
    window, area = area_of("IMAGE_EDITOR")
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.image.view_all(fit_view=True)
