"""The faces browser: pages of a strip's faces, which the service draws, shown in an Image Editor with cells to click.

The page that is shown lies in `page`; everything here is of this session of Blender, but for the picture's file in the
work folder's cache.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..core.errors import StripError, UnderstudyError
from . import pictures, service, shot, stages
from .board import Board, StoreView
from .language import CONTEXT, told
from .timing import measured, timed

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
_ORDERS = (
    ("frame", "Frame", "As they come in the clip"),
    ("person", "Person", "Everyone's faces together"),
    ("likeness", "Least Alike First", "Those that look least like the rest of their person first"),
    ("misaligned", "Worst Landmarks First", "By the distance of their landmarks from a mean face"),
    ("small", "Smallest First", "By their pixels in the frame"),
    ("blurred", "Most Blurred First", "By their sharpness"),
)
LIMITS = ("misaligned", "small", "blurred")
_KEY = "understudy_faces"  # on the image that shows the page
_MEASURE_PAUSE = 0.3  # seconds in which others may ask the service
_EVERYBODY, _NOBODY = "-1", "-2"
_items: list[tuple[str, str, str, str, int]] = []  # Blender keeps no reference to what it was given


@dataclass(frozen=True)
class Cell:
    """A face (or with an empty uuid a frame) on the page; `person` is -2 where it is nobody's."""

    uuid: str
    frame: int
    position: int
    person: int
    state: str


@dataclass(frozen=True)
class Page:
    """What the service has answered, see `core.browsing.answers`, and the id of the strip whose faces they are."""

    store: str
    strip: str
    picture: str
    size: tuple[int, int]
    cell: tuple[int, int]
    columns: int
    cells: tuple[Cell, ...]
    number: int
    pages: int
    found: int
    counts: dict[str, int] = field(default_factory=dict)
    unmeasured: int = 0
    usual: dict[str, float] = field(default_factory=dict)

    def box(self, number: int) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of a cell in 0..1 of the picture, y up."""
        (width, height), (w, h) = self.size, self.cell
        column, row = number % self.columns, number // self.columns
        return column * w / width, 1 - (row + 1) * h / height, (column + 1) * w / width, 1 - row * h / height

    def at(self, x: float, y: float) -> int | None:
        """The number of the cell at a place in 0..1 of the picture."""
        (width, height), (w, h) = self.size, self.cell
        if not (0 <= x < 1 and 0 < y <= 1):
            return None
        column, row = int(x * width / w), int((1 - y) * height / h)
        number = row * self.columns + column
        return number if column < self.columns and number < len(self.cells) else None


page: Page | None = None
chosen: set[int] = set()  # numbers of cells
last: int | None = None  # the cell that was clicked last
trouble = ""  # why there is no page
_asked: service.Asked | None = None
_again = False
_known: StoreView | None = None  # the store as the board had it when the page was asked for
_setting = False  # the page is being set by us: nobody has turned it


def _changed(data: Any, context: Any) -> None:
    global _setting
    with measured("UNDERSTUDY_Browser.changed"):
        _setting = True
        data.page = 1
        _setting = False
        refresh()


def _turned(data: Any, context: Any) -> None:
    with measured("UNDERSTUDY_Browser.turned"):
        if not _setting and (page is None or data.page != page.number + 1):
            refresh()


def _persons(data: Any, context: Any) -> list[tuple[str, str, str, str, int]]:
    global _items
    from . import people, watch

    scene = shot.sequencer_scene(context) if context is not None else None
    found = people.view(scene, watch.board()) if scene is not None else None
    _items = [(_EVERYBODY, "Everybody", "Everyone's faces", "COMMUNITY", 0),
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
    order: bpy.props.EnumProperty(name="Order", description="Which come first", items=_ORDERS,  # type: ignore
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


# --- asking -----------------------------------------------------------------------------------------------------


def request(scene: Any) -> dict[str, Any]:
    """What the service is asked for. Looks at the disk once, for the place of the alignments.

    Raises:
        UnderstudyError: no strip, or an unsaved .blend.
    """
    data, strip = settings(), shot.needed_tool_strip(scene)
    return {"store": str(stages.alignments_of(scene, strip)), "filter": data.filter, "order": data.order,
            "person": int(data.person or _EVERYBODY), "page": data.page - 1, "per_page": int(data.per_page),
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
def forget(*_: Any) -> None:
    """Another .blend is open."""
    global page, _asked, _again, trouble, _known, last
    page, _asked, _again, trouble, _known, last = None, None, False, "", None, None
    chosen.clear()


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_Browser)
    bpy.types.WindowManager.understudy_browser = bpy.props.PointerProperty(type=UNDERSTUDY_Browser)
    bpy.app.handlers.load_post.append(forget)


def unregister() -> None:
    if bpy.app.timers.is_registered(_measure):
        bpy.app.timers.unregister(_measure)
    bpy.app.handlers.load_post.remove(forget)
    forget()
    del bpy.types.WindowManager.understudy_browser
    bpy.utils.unregister_class(UNDERSTUDY_Browser)
