"""What each editor shows just now, ready to draw and to put into panels.

A change of frame, a timer and a changed setting bring it up to date; drawing and panels only look it up.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.faces.places import default_store
from .. import correcting, keymap, shot, watch
from ..frame_table import FrameTable, read_table
from ..timing import measured, timed
from . import proxies, settings, targets
from .reader import PATIENCE, Reader, Request, ShownFrame, Stamp, read_frame, stamp_of
from .shapes import Look, Shapes, make_shapes
from .targets import Target

SOON, IDLE = 0.03, 0.25  # seconds between two turns of the timer
TABLE_PAUSE = 2.0  # seconds between two readings of a whole store that keeps changing

Key = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class View:
    """What an editor shows.

    Attributes:
        frame: of the timeline.
        request: None where the timeline shows no frame of the footage.
        shown: None until it has been read.
        look: as the settings were when `shapes` was made.
        shapes: None while there is nothing to draw.
    """

    target: Target
    frame: int
    request: Request | None
    shown: ShownFrame | None
    look: Look
    shapes: Shapes | None


reader = Reader()
_views: dict[Key, View] = {}
_tables: dict[Path, tuple[Stamp, FrameTable]] = {}
_stores: dict[Path | None, Path] = {}  # of each footage: jumps do not wait for the shown frame to be read
_reading: dict[Path, float] = {}  # stores whose table is being read, and when it was last begun
_seen = -1
_trouble = ""  # the last one of the timer's that was told


# --- asking ---------------------------------------------------------------------------------------------------------


def key_of(scene: Any, clip: Any = None, clock: Any = None) -> Key:
    if clip is None:
        return ("strip", scene.name)
    return ("clip", scene.name, clip.name, *((clock.name,) if clock is not None and clock != scene else ()))


def place_of(context: Any) -> tuple[Any, Any]:
    """(scene, clip) that a context is about; the clip is None outside the Clip Editor.

    The scene is the sequencer's in both editors: its strips, shots and settings are meant.
    """
    space = getattr(context, "space_data", None)
    clip = space.clip if space is not None and space.type == "CLIP_EDITOR" else None
    return shot.sequencer_scene(context), clip


def clock_of(context: Any) -> Any:
    """The scene whose current frame the editor shows: a Clip Editor goes by its window's, whatever sequencers show."""
    scene, clip = place_of(context)
    return scene if clip is None else context.scene


def of(context: Any) -> View | None:
    """What the editor of a context shows; None where it shows no footage, or has just begun to."""
    scene, clip = place_of(context)
    return _views.get(key_of(scene, clip, clock_of(context))) if scene is not None else None


def current(key: Key) -> View | None:
    return _views.get(key)


def table(view: View) -> FrameTable | None:
    """Which frames of the view's footage have faces and so on; None until it has been read."""
    store = view.shown.store if view.shown is not None else _stores.get(view.target.source)
    found = _tables.get(store) if store is not None else None
    return found[1] if found is not None else None


def read_now(context: Any) -> tuple[View | None, FrameTable | None]:
    """The view and its table, read while Blender waits: for `blender -b`, where nobody looks ahead."""
    scene, clip = place_of(context)
    target = targets.of_clip(scene, clip) if clip is not None else targets.of_sequencer(scene)
    if target is None or target.source is None:
        return None, None
    frame = clock_of(context).frame_current
    request = _request(scene, target, frame)
    store = default_store(target.source, target.elsewhere)
    shown = read_frame(request, store, stamp_of(store)) if request is not None else None
    look = settings.look(scene, correcting.state(context).face)
    return View(target, frame, request, shown, look, None), read_table(store)


# --- keeping up to date ---------------------------------------------------------------------------------------------


def _editors() -> Iterator[tuple[Any, Any, Any, Any]]:
    """(scene, clip or None, clock, space) of every editor that is open, as `place_of` and `clock_of` have them; scenes
    and clips more than once."""
    for window in bpy.context.window_manager.windows:
        scene = shot.scene_in(window)
        for area in window.screen.areas:
            space = area.spaces.active
            if area.type == "SEQUENCE_EDITOR":
                yield scene, None, scene, space
            elif area.type == "CLIP_EDITOR" and space.clip is not None:
                yield scene, space.clip, window.scene, space


def _request(scene: Any, target: Target, current: int) -> Request | None:
    if target.shows is None or target.source is None:
        return None
    frame = target.shows.source_frame(current)
    if frame is None or frame < 0:
        return None
    # A crop needs the pose, which takes longer than a frame lasts: while frames are played, it is left out.
    crop = None if _is_playing() else settings.crop(scene)
    return Request(target.source, target.elsewhere, frame, settings.mask_kind(scene), crop)


def _is_playing() -> bool:
    return any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows)


def update(wait: float = 0.0) -> bool:
    """Bring all views up to date; returns whether anything has changed.

    Args:
        wait: seconds for which faces that are not read yet are waited for.
    """
    global _views
    found: dict[Key, tuple[Any, Target, Request | None]] = {}
    frames: dict[Key, int] = {}
    previews = []
    for scene, clip, clock, space in _editors():
        key = key_of(scene, clip, clock)
        if clip is None and space.view_type != "SEQUENCER":
            previews.append((key, space))
        if key in found or (scene.sequence_editor is None and clip is None):
            continue
        target = targets.of_clip(scene, clip) if clip is not None else targets.of_sequencer(scene)
        if target is not None:
            frames[key] = clock.frame_current
            found[key] = scene, target, _request(scene, target, frames[key])
    _look_at_proxies(previews, found)
    reader.want([request for _, _, request in found.values() if request is not None], wait)
    selected = correcting.state(bpy.context).face
    views = {key: _view(_views.get(key), scene, frames[key], target, request, selected)
             for key, (scene, target, request) in found.items()}
    changed = views.keys() != _views.keys() or any(view is not _views[key] for key, view in views.items())
    _views = views
    return changed


def _look_at_proxies(previews: list[tuple[Key, Any]], found: dict[Key, tuple[Any, Target, Request | None]]) -> None:
    """Have the proxies measured that previews show."""
    for key, space in previews:
        scene, target, request = found.get(key, (None, None, None))
        if request is None or target is None:
            continue
        strip = targets.strips_of(scene).get(target.name)
        if strip is not None:
            proxies.look(space, strip, request.source, request.frame)


def _view(old: View | None, scene: Any, frame: int, target: Target, request: Request | None, selected: str) -> View:
    shown = reader.answer(request) if request is not None else None
    look = settings.look(scene, selected)
    state = (frame, request, shown, look, target.shows, target.problem, target.name)
    if old is not None and state == (old.frame, old.request, old.shown, old.look, old.target.shows, old.target.problem,
                                     old.target.name):
        return old
    shapes = None
    if shown is not None and shown.faces and look.show:
        same = old is not None and old.shown is shown and old.look == look
        shapes = old.shapes if same and old is not None and old.shapes is not None else make_shapes(shown, look)
    return View(target, frame, request, shown, look, shapes)


def _read_tables() -> None:
    """Have the keeper's thread read what whole stores hold, where that has changed."""
    for view in _views.values():
        shown = view.shown
        if shown is None or not shown.exists or not shown.stamp:
            continue
        _stores[view.target.source] = shown.store
        known, begun = _tables.get(shown.store), _reading.get(shown.store)
        if (known is not None and known[0] == shown.stamp) or (begun is not None and time.monotonic() < begun):
            continue
        _reading[shown.store] = float("inf")
        watch.keeper.later(lambda store=shown.store, stamp=shown.stamp: _read_table(store, stamp))


def _read_table(store: Path, stamp: Stamp) -> None:
    try:
        _tables[store] = stamp, read_table(store)
        for path in list(_tables)[:-4]:
            del _tables[path]
    finally:
        _reading[store] = time.monotonic() + TABLE_PAUSE


def redraw() -> None:
    """Draw the footage and our panels anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("SEQUENCE_EDITOR", "CLIP_EDITOR"):
                for region in area.regions:
                    if region.type in ("PREVIEW", "UI") or (region.type == "WINDOW" and area.type == "CLIP_EDITOR"):
                        region.tag_redraw()


@timed
def tick() -> float:
    """One turn of the timer; whatever goes wrong in it, the next one comes."""
    global _trouble
    try:
        return _turn()
    except Exception as error:
        if str(error) != _trouble:
            _trouble = str(error)
            print("Understudy: the overlay cannot be brought up to date")
            traceback.print_exc()
        return IDLE


def _turn() -> float:
    global _seen
    version = sum(id(table) for _, table in list(_tables.values()))
    if update() or version != _seen:
        _seen = version
        redraw()
    _read_tables()
    keymap.look_again()
    return SOON if any(view.request is not None and view.shown is None for view in _views.values()) else IDLE


def settings_changed() -> None:
    """A setting of the overlay, or the chosen face, is another one."""
    if not bpy.app.background and bpy.app.timers.is_registered(tick):
        update()
        redraw()


def alignments_changed() -> None:
    """We have just written to alignments: what is drawn follows at once rather than at the reader's next look."""
    reader.look_now()
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
        bpy.app.timers.register(tick, first_interval=SOON, persistent=True)


@persistent
def _frame_changed(*_: Any) -> None:
    if bpy.app.is_job_running("RENDER"):
        return  # called from the render's thread, for frames that no editor shows
    with measured("overlay.frame_changed"):
        if update(PATIENCE):
            redraw()


@persistent
@timed
def _loaded(*_: Any) -> None:
    """Another .blend is open."""
    _views.clear()
    _stores.clear()
    targets.forget()
    proxies.forget()


def register() -> None:
    if bpy.app.background:
        return
    reader.start()
    bpy.app.handlers.frame_change_post.append(_frame_changed)
    bpy.app.handlers.load_post.append(_loaded)
    bpy.app.timers.register(tick, first_interval=0.3, persistent=True)


def unregister() -> None:
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    for handlers, handler in ((bpy.app.handlers.frame_change_post, _frame_changed),
                              (bpy.app.handlers.load_post, _loaded)):
        if handler in handlers:
            handlers.remove(handler)
    reader.stop()
    _views.clear()
