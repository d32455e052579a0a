"""The timer that brings what the keeper's thread has found to Blender: redraws, reports, results onto the timeline."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..core.errors import StripError, UnderstudyError
from . import (
    browser,
    cleanup,
    demo,
    migration,
    people,
    pictures,
    preferences,
    results,
    scene_copies,
    shot,
    stages,
    statusbar,
)
from .board import Board, JobView
from .follow import Keeper
from .language import told
from .timing import timed

BUSY, IDLE = 0.3, 1.0  # seconds between two turns of the timer
_SPACES = {"SEQUENCE_EDITOR", "IMAGE_EDITOR", "PREFERENCES"}

keeper = Keeper()
_seen = -1  # version of the board that the panels show
_told: set[str] = set()  # jobs whose end was reported in this session
_steps: Iterator[float] | None = None  # a placing under way
_placed: set[str] = set()  # conversions placed since the .blend was opened: undoing one must not bring it back


def board() -> Board:
    """What panels and polls may look at."""
    return keeper.board


def look() -> Board:
    """Look at the disk now and wait for it: for `blender -b`, where no timer runs."""
    aim()
    keeper.look()
    return keeper.board


@timed
def aim() -> None:
    """Tell the keeper which folders matter: those of every scene's shots."""
    folders, places, sources, stores, models = [], [], [], [], []
    for scene in bpy.data.scenes:
        folder = shot.work_folder_or_none(scene)
        for one in shot.every(scene) if folder is not None else ():
            if one.strip_a_id or one.strip_b_id:
                folders.append(folder / "jobs")
                with shot.focused(one):
                    places += stages.places(scene)
                    sources += stages.sources(scene)
                    stores += stages.stores(scene)
                    models += _models(scene)
    keeper.look_at(folders, places, sources, preferences.interpreter(), stores, map(pictures.path_of, pictures.ours()),
                   models)


def _models(scene: Any) -> list[Path]:
    try:
        return [shot.model_folder(scene)]
    except UnderstudyError:
        return []  # no strips yet


@timed
def tick() -> float:
    """One turn of the timer."""
    global _seen
    if _steps is not None:
        message = _step()
        if message:
            say("ERROR", message)
        return 0.01
    migration.migrate_all()  # a scene may have been appended from an old file
    scene_copies.tell_apart()  # or duplicated
    aim()
    for trouble in keeper.troubles():
        say("ERROR", trouble)
    for news in keeper.news():
        say("INFO", news)
    now = keeper.board
    if now.version != _seen:
        _seen = now.version
        settle(now)
        pictures.refresh(now)
        people.sync(now)
        cleanup.sync(now)
        statusbar.show(now)
        redraw()
    elif people.sync(now):  # another strip was chosen, or a name that was typed cannot be
        redraw()
    browser.sync(now)
    if _steps is not None:
        return 0.01
    return BUSY if now.busy else IDLE


def hurry() -> None:
    """Look again soon: something was just started, stopped or chosen."""
    aim()
    keeper.wake()
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
        bpy.app.timers.register(tick, first_interval=0.15, persistent=True)


def redraw() -> None:
    """Draw our panels anew, and nothing else."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in _SPACES:
                for region in area.regions:
                    if region.type in {"UI", "WINDOW"} and (area.type == "PREFERENCES") == (region.type == "WINDOW"):
                        region.tag_redraw()


def settle(now: Board) -> None:
    """Report each job that has ended, once, and put finished conversions onto the timeline."""
    for view in reversed(now.jobs):  # the newest conversion of a strip is the one to place
        if view.status == "finished" and view.task == "convert":
            message = place(view)
            if message:
                say("ERROR", message)
    for view in now.jobs:
        if view.status in ("finished", "failed", "lost") and not view.notes.get("told") and view.name not in _told:
            _told.add(view.name)
            keeper.note(view.job, told=True)
            say(*_ending(view, now))
            if view.status == "finished" and view.tag.get("show"):
                _show(view)
            if view.status == "finished" and view.task == "samples":
                demo.place(view)


def _ending(view: JobView, now: Board) -> tuple[str, str]:
    if view.status == "finished":
        return "INFO", f"{view.label}: {view.doing}"
    after = ", ".join(job.label for job in now.waiting_for(view.name) if job.status in ("waiting", "stopped"))
    told = view.error.rstrip(".") or "ended without a word; it can be resumed"
    return "ERROR", f"{view.label}: {told}" + (f". Not started: {after}" if after else "")


def _show(view: JobView) -> None:
    """Show the picture that a job was started for."""
    try:
        pictures.show(Path(view.result["file"]))
    except (UnderstudyError, KeyError) as error:
        say("ERROR", f"{view.label}: {error}")


def place(view: JobView) -> str:
    """Put a conversion above its strip unless that was done, or a newer one is there; returns why it cannot be done.

    What is placed is remembered in the scene, so that a .blend closed without saving gets its strip the next time. In
    a window this only begins it: the timer goes on in steps, so that thousands of frames do not hold Blender up.
    """
    global _steps
    # A scene that was just duplicated has the same shots: the result belongs to the one that asked for it.
    asked = bpy.data.scenes.get(view.tag.get("scene", ""))
    for scene in [asked] if asked is not None and _shot_of(asked, view) is not None else list(bpy.data.scenes):
        one = _shot_of(scene, view)
        if one is None or shot.strip_in(one, "a") is None or one.placed >= view.name or view.name in _placed:
            continue
        if not bpy.app.background and _steps is not None:
            return ""  # one after the other; the next turn comes back to this one
        _placed.add(view.name)
        if results.Made.of(view.result, view.options).can_be_shown:
            _steps = _placing(scene.name, one.uid, view)
            while bpy.app.background and _steps is not None:
                message = _step()
                if message:
                    return message
    return ""


def _shot_of(scene: Any, view: JobView) -> Any | None:
    """The shot that a conversion is of; for jobs that name none, the one of its strip."""
    if view.tag.get("shot"):
        one = shot.find(scene, view.tag["shot"])
        return one if one is not None and one.strip_a_id == view.tag.get("a") else None
    return next((one for one in shot.every(scene) if one.strip_a_id and one.strip_a_id == view.tag.get("a")), None)


def _placing(scene_name: str, uid: str, view: JobView) -> Iterator[float]:
    scene = bpy.data.scenes[scene_name]
    strip = shot.strip_in(shot.find(scene, uid), "a")
    if strip is None:
        raise StripError("Its strip is gone", "Undo its removal, or convert another one")
    result = yield from results.placing(scene, strip, results.Made.of(view.result, view.options), uid)
    _warn(scene_name, uid, result.name)
    one = shot.find(bpy.data.scenes[scene_name], uid)
    if one is not None:
        one.placed = view.name
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message="Place Converted Strip")


def _warn(scene_name: str, uid: str, result: str) -> None:
    """Say what the result lacks of its strip, so that nobody has to find it in the picture."""
    scene = bpy.data.scenes[scene_name]
    strip = shot.strip_in(shot.find(scene, uid), "a")
    if strip is not None and result in shot.all_strips(scene):
        say("WARNING", results.missing_from(scene, strip, shot.all_strips(scene)[result]))


def _step() -> str:
    """Go on with placing; returns why it failed, "" while all is well."""
    global _seen, _steps
    try:
        next(_steps)  # type: ignore[arg-type]
    except StopIteration:
        _steps, _seen = None, -1  # look again: another conversion may have waited
    except (UnderstudyError, KeyError, OSError) as error:
        _steps = None
        return f"The result could not be placed: {error}"
    return ""


def forget(name: str) -> None:
    """A job starts anew: its next end is to be reported again."""
    _told.discard(name)


def say(level: str, message: str) -> None:
    """Show a message in the status bar of the window."""
    if bpy.app.background or not message:
        return
    windows = bpy.context.window_manager.windows
    if len(windows):
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.understudy.tell("INVOKE_DEFAULT", level=level, message=told(message))


@persistent
@timed
def _saved(*_: Any) -> None:
    """The .blend may have a place now, or another one."""
    if not bpy.app.background:
        hurry()


@persistent
@timed
def _loaded(*_: Any) -> None:
    """Another .blend is open: find its jobs, place what finished meanwhile."""
    global _seen, _steps
    _seen, _steps = -1, None
    _placed.clear()
    if not bpy.app.background:
        hurry()


def register() -> None:
    global _seen
    _seen = -1
    bpy.app.handlers.load_post.append(_loaded)
    bpy.app.handlers.save_post.append(_saved)
    if bpy.app.background:
        return
    keeper.start()
    bpy.app.timers.register(tick, first_interval=0.2, persistent=True)
    atexit.register(keeper.stop)


def unregister() -> None:
    atexit.unregister(keeper.stop)
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    keeper.stop()
    for handlers, handler in ((bpy.app.handlers.load_post, _loaded), (bpy.app.handlers.save_post, _saved)):
        if handler in handlers:
            handlers.remove(handler)
