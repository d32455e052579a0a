"""The faces browser: pages of a strip's faces, which the service draws, shown in an Image Editor with cells to click.

The page that is shown lies in `page`; everything here is of this session of Blender, but for the picture's file in the
work folder's cache.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..core.errors import StripError, UnderstudyError
from . import pictures, service, shot, stages
from .board import Board, StoreView
from .browser_page import Cell, Page
from .browser_settings import EVERYBODY, LIMITS, settings
from .timing import timed

_KEY = "understudy_faces"  # on the image that shows the page
_MEASURE_PAUSE = 0.3  # seconds in which others may ask the service


page: Page | None = None
chosen: set[int] = set()  # numbers of cells
last: int | None = None  # the cell that was clicked last
trouble = ""  # why there is no page
_asked: service.Asked | None = None
_again = False
_known: StoreView | None = None  # the store as the board had it when the page was asked for


# --- asking -----------------------------------------------------------------------------------------------------


def request(scene: Any) -> dict[str, Any]:
    """What the service is asked for. Looks at the disk once, for the place of the alignments.

    Raises:
        UnderstudyError: no strip, or an unsaved .blend.
    """
    data, strip = settings(), shot.needed_tool_strip(scene)
    return {"store": str(stages.alignments_of(scene, strip)), "filter": data.filter, "order": data.order,
            "person": int(data.person or EVERYBODY), "page": data.page - 1, "per_page": int(data.per_page),
            "limits": {name: getattr(data, name) for name in LIMITS},
            "source": str(shot.source_path(strip)),
            "picture": str(shot.work_folder(scene) / "cache" / "faces.jpg")}


def refresh() -> None:
    """Ask for the page anew; at once, or when the answer that is awaited has come."""
    global _asked, _again, trouble, _known
    from . import people, watch

    if _asked is not None and not _asked.ended:
        _again = True
        return
    scene = shot.shown_scene()
    try:
        values = request(scene)
    except UnderstudyError as error:
        trouble = str(error)
        return
    strip, _again = shot.needed_tool_strip(scene).understudy_id, False
    _known = _told(people.view(scene, watch.board()))
    if bpy.app.background:
        _show(service.ask_and_wait("faces_sheet", **values), values["store"], strip)
        return
    _asked = service.ask("faces_sheet", lambda asked: _arrived(asked, strip), **values)


def is_loading() -> bool:
    return _asked is not None


@timed
def _arrived(asked: service.Asked, strip: str) -> None:
    global _asked, trouble
    _asked = None
    if _again:
        refresh()
        return
    trouble = asked.error
    if asked.result:
        _show(asked.result, asked.values["store"], strip)
        if page is not None and page.unmeasured and not bpy.app.timers.is_registered(_measure):
            bpy.app.timers.register(_measure, first_interval=_MEASURE_PAUSE)
    redraw()


def _show(result: dict[str, Any], store: str, strip: str) -> None:
    global page, last, trouble
    trouble, last = "", None
    chosen.clear()
    old = page.size if page is not None else None
    page = Page(store, strip, result["picture"], tuple(result["size"]), tuple(result["cell"]), result["columns"],
                tuple(Cell(**cell) for cell in result["cells"]), result["page"], result["pages"], result["found"],
                result["counts"], result["unmeasured"], result["usual"])
    data = settings()
    if data.page != page.number + 1:
        data.page = page.number + 1
    if bpy.app.background:
        return
    image = sheet()
    if image is None:
        image = bpy.data.images.load(page.picture)
        image.name, image[_KEY] = "Faces", 1
        bpy.ops.ed.undo_push(message="Browse Faces")  # else the first undo would take the picture away as well
    else:
        if bpy.path.abspath(image.filepath) != page.picture:
            image.filepath = page.picture
        image.reload()
    if old != page.size:
        bpy.app.timers.register(lambda: pictures.fit(image), first_interval=0.2)


@timed
def _measure() -> None:
    """Let the service measure some more faces, as long as somebody looks at them."""
    if page is None or not page.unmeasured or not is_shown() or _asked is not None:
        return
    limits = {name: getattr(settings(), name) for name in LIMITS}
    service.ask("faces_measure", _have_measured, store=page.store, limits=limits)


def _have_measured(asked: service.Asked) -> None:
    global page
    if page is None or asked.values["store"] != page.store or not asked.result:
        return
    page = Page(**{**page.__dict__, "counts": asked.result["counts"], "unmeasured": asked.result["unmeasured"]})
    redraw()
    if page.unmeasured and not bpy.app.timers.is_registered(_measure):
        bpy.app.timers.register(_measure, first_interval=_MEASURE_PAUSE)


def sync(board: Board) -> None:
    """The store has changed, or the panels are about another strip: a page that is looked at comes up to date."""
    from . import people

    if page is None or _asked is not None or not is_shown():
        return
    scene = shot.shown_scene()
    if scene is None:
        return
    found, strip = people.view(scene, board), shot.tool_strip(scene)
    if found is not None and found.exists and (_told(found) != _known or strip.understudy_id != page.strip):
        refresh()


def strip_of_page(scene: Any) -> Any:
    """The strip whose faces the page shows; without a page the one that the panels are about.

    Raises:
        StripError: there is none, or it was deleted.
    """
    if page is None:
        return shot.needed_tool_strip(scene)
    strip = shot.find_strip(scene, page.strip)
    if strip is None:
        raise StripError("The strip whose faces these are was deleted", "Browse another strip's faces")
    return strip


def _told(view: StoreView | None) -> StoreView | None:
    """What a page depends on: not on every save, of measures too."""
    return replace(view, stamp=()) if view is not None else None


# --- showing ----------------------------------------------------------------------------------------------------


def sheet() -> Any | None:
    """The image that shows the page."""
    return next((image for image in bpy.data.images if _KEY in image), None)


def is_sheet(image: Any) -> bool:
    return image is not None and _KEY in image


def is_shown() -> bool:
    """Whether an Image Editor shows the page."""
    return any(is_sheet(area.spaces.active.image) for _, area in pictures.areas())


def open_editor() -> None:
    """Show the page: in the Image Editor that has it, in an empty one, or in a window of its own."""
    image = sheet()
    if image is None:
        return
    areas = [area for _, area in pictures.areas()]
    area = next((area for area in areas if is_sheet(area.spaces.active.image)), None)
    if area is None:
        area = next((area for area in areas if area.spaces.active.image is None), None)
        area = area or pictures.new_editor("IMAGE_EDITOR")
        area.spaces.active.image = image
        area.spaces.active.show_region_ui = True
        bpy.app.timers.register(lambda: _choose_tab(area), first_interval=0.3)
        bpy.app.timers.register(lambda: pictures.fit(image), first_interval=0.5)
    area.tag_redraw()


def _choose_tab(area: Any) -> None:
    try:
        region = next(region for region in area.regions if region.type == "UI")
        region.active_panel_category = "Understudy"
    except (StopIteration, TypeError, ReferenceError):
        pass  # the window was closed meanwhile, or the tab is not there yet


def redraw() -> None:
    from . import watch

    watch.redraw()
    for _, area in pictures.areas():
        if is_sheet(area.spaces.active.image):
            area.tag_redraw()


def chosen_cells() -> list[Cell]:
    """The faces that are chosen, in the order of the page."""
    return [page.cells[number] for number in sorted(chosen)] if page is not None else []


@persistent
@timed
def forget(*_: Any) -> None:
    """Another .blend is open."""
    global page, _asked, _again, trouble, _known, last
    page, _asked, _again, trouble, _known, last = None, None, False, "", None, None
    chosen.clear()


def register() -> None:
    bpy.app.handlers.load_post.append(forget)


def unregister() -> None:
    if bpy.app.timers.is_registered(_measure):
        bpy.app.timers.unregister(_measure)
    bpy.app.handlers.load_post.remove(forget)
    forget()
