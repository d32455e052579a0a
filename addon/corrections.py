"""A person's edits of alignments: a backup before the first of a session, one writer, and Blender's own undo.

A scene remembers at which revision each store stands. Blender's undo brings the scene back as it was, and then the
store is brought to the revision that the scene names (`AlignmentsStore.go_to`). A session lasts as long as a .blend is
open.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import bpy
from bpy.app.handlers import persistent

from ..core.errors import UnderstudyError
from ..core.faces.store import AlignmentsStore
from . import slices, stages, watch
from .correction_session import PATIENCE, Session
from .overlay import views
from .timing import timed

_WAIT = 0.02  # seconds that a window waits for another writer's transaction; they take milliseconds
_FEW = 20  # faces that undo brings back at once; more of them in a thread
_IDLE = 5.0  # seconds after which a store that nobody edits is closed
_PAUSE = 0.03

Change = Callable[[AlignmentsStore], slices.Steps]


class UNDERSTUDY_Revision(bpy.types.PropertyGroup):
    """Where a store stood when the scene was as it is."""

    path: bpy.props.StringProperty()  # type: ignore[valid-type]
    session: bpy.props.StringProperty()  # type: ignore[valid-type]
    number: bpy.props.IntProperty()  # type: ignore[valid-type]


_sessions: dict[Path, Session] = {}
_token = ""  # of the time for which this .blend is open
_waiting: list[tuple[Session, Callable[[], None]]] = []  # edits that wait for a backup or an undo


def alignments(scene: Any, strip: Any) -> Path:
    """The alignments of a strip, which are there. Looks at the disk.

    Raises:
        UnderstudyError: its faces were not extracted.
    """
    path = stages.alignments_of(scene, strip)
    if not path.is_file():
        raise UnderstudyError(f"There are no alignments at {path}", f"Extract the faces of {strip.name} first")
    return path


def perform(scene: Any, path: Path, message: str, change: Callable[[AlignmentsStore], str],
            report: Callable[[str, str], None]) -> None:
    """Edit a store, as one step of undo.

    In a window the session's first edit waits for the backup in a thread; all others are done on return.

    Args:
        message: what the step is called, such as "Move Landmarks".
        change: makes its edits and returns a sentence for the person, "" for none.
        report: takes a level and the sentence; operators give their own `report`.

    Raises:
        UnderstudyError: the store cannot be written, or what `change` raises; nothing was changed then.
    """
    session = _session(path)
    if bpy.app.background:
        _catch_up(session)
    elif session.backup is None or session.is_busy:
        _later(session, lambda: _perform_late(scene.name, session, message, change))
        return
    report("INFO", _edit(scene, session, change))


def perform_sliced(scene: Any, path: Path, text: str, message: str, change: Change,
                   then: Callable[[str, str], None], after: Callable[[], slices.Steps] | None = None) -> None:
    """Edit a store in slices, as one revision and one step of undo: all of it, or nothing.

    Args:
        text: what the status bar says meanwhile.
        message: what the step of undo is called.
        change: generator, see `slices.Steps`; what it has edited is dropped where it raises.
        then: called at the end with a level and a sentence.
        after: more steps, once the edits are in the store for good.
    """
    session, name = _session(path), scene.name

    def begin() -> None:
        slices.run(_sliced(session, change, after), text, end)

    def end(level: str, sentence: str) -> None:
        if level == "INFO":
            _note(bpy.data.scenes[name], session)
        then(level, sentence)
        if level == "INFO":
            bpy.ops.ed.undo_push(message=message)
        _tell()

    if bpy.app.background:
        _catch_up(session)
        begin()
        session.close()
    elif session.backup is None or session.is_busy:
        _later(session, begin)
    else:
        begin()


def prepare(path: Path) -> None:
    """A person is about to edit: make the backup in a thread, so that nobody waits for it later."""
    session = _session(path)
    if not bpy.app.background and session.backup is None and not session.is_busy:
        session.in_thread(session.back_up)


def _edit(scene: Any, session: Session, change: Callable[[AlignmentsStore], str]) -> str:
    store = session.store(PATIENCE if bpy.app.background else _WAIT)
    try:
        session.begin(store)
        with store.edit():
            sentence = change(store)
        session.revision = store.revision
        _note(scene, session)
    finally:
        if bpy.app.background:
            session.close()
    _tell()
    return sentence


def _sliced(session: Session, change: Change, after: Callable[[], slices.Steps] | None) -> slices.Steps:
    store = session.store(PATIENCE if bpy.app.background else _WAIT)
    session.begin(store)
    with store.edit():
        sentence = yield from change(store)
    session.revision = store.revision
    if after is not None:
        yield from after()
    return sentence


def _perform_late(scene: str, session: Session, message: str, change: Callable[[AlignmentsStore], str]) -> None:
    try:
        sentence = _edit(bpy.data.scenes[scene], session, change)
    except UnderstudyError as error:
        watch.say("ERROR", str(error))
        return
    bpy.ops.ed.undo_push(message=message)
    if sentence:
        watch.say("INFO", sentence)


def _session(path: Path) -> Session:
    return _sessions.setdefault(path, Session(path))


def _catch_up(session: Session) -> None:
    """Under `-b`, where nothing runs beside a script."""
    session.back_up()


def _later(session: Session, work: Callable[[], None]) -> None:
    if not session.is_busy:
        session.in_thread(session.back_up)
    _waiting.append((session, work))
    if not bpy.app.timers.is_registered(_turn):
        bpy.app.timers.register(_turn, first_interval=_PAUSE, persistent=True)


@timed
def _turn() -> float | None:
    """Do what waited for a thread, tell what went wrong in one, close what nobody edits."""
    for session in list(_sessions.values()):
        if session.is_busy:
            continue
        if session.trouble:
            watch.say("ERROR", session.trouble)
            session.trouble = ""
            _waiting[:] = [item for item in _waiting if item[0] is not session]
        mine = next((item for item in _waiting if item[0] is session), None)
        if mine is not None and not slices.is_busy():
            _waiting.remove(mine)
            mine[1]()
            _tell()
        elif session._store is not None and time.monotonic() - session.used > _IDLE and not slices.is_busy():
            session.in_thread(session.close)  # folding the log in waits for the disk
    if _waiting or any(session.is_busy or session._store is not None for session in _sessions.values()):
        return _PAUSE if _waiting else 0.2
    return None


def _note(scene: Any, session: Session) -> None:
    """Let the scene remember where the store stands."""
    entries = scene.understudy_revisions
    entry = next((e for e in entries if e.session == _token and e.path == str(session.path)), None) or entries.add()
    entry.path, entry.session, entry.number = str(session.path), _token, session.revision or 0


def _tell() -> None:
    """Panels, overlays and counts look again; the store is closed once nobody edits it."""
    if bpy.app.background:
        return
    watch.hurry()
    views.alignments_changed()
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"SEQUENCE_EDITOR", "CLIP_EDITOR"}:
                area.tag_redraw()
    if not bpy.app.timers.is_registered(_turn):
        bpy.app.timers.register(_turn, first_interval=0.2, persistent=True)


# --- Blender's undo -----------------------------------------------------------------------------------------------


def _remembered(session: Session) -> int:
    """The revision at which the scenes, as they are now, say that the store stands."""
    numbers = [entry.number for scene in bpy.data.scenes for entry in scene.understudy_revisions
               if entry.session == _token and entry.path == str(session.path)]
    return max((*numbers, session.floor))


@persistent
@timed
def _undone(*_: Any) -> None:
    """Undo or redo has brought the scenes back or forth: so it does with the stores, in a thread."""
    for session in _sessions.values():
        if session.revision is None:
            continue
        wanted = _remembered(session)
        if wanted == (session.revision if session.wanted is None else session.wanted):
            continue
        session.wanted = wanted
        if bpy.app.background:
            _follow_now(session, PATIENCE)
            session.close()
            if session.trouble:
                print(f"Understudy: {session.trouble}", flush=True)
                session.trouble = ""
            continue
        if not session.is_busy and not _follow_now(session, _WAIT, _FEW):
            session.in_thread(session.follow)
        _tell()


def _follow_now(session: Session, wait: float, most: int | None = None) -> bool:
    """Bring the store along at once; False where that is not done: more than `most` faces, or a writer in the way."""
    try:
        if most is not None and session.store(wait).distance(session.wanted or 0) > most:
            return False
        session.follow(wait)
    except UnderstudyError as error:
        if most is not None:
            return False  # the thread waits longer, and tells
        session.trouble = str(error)
    return True


@persistent
@timed
def _loaded(*_: Any) -> None:
    """Another .blend is open, and with it another session begins."""
    global _token
    for session in _sessions.values():
        session.close()
    _sessions.clear()
    _waiting.clear()
    _token = uuid4().hex


_HANDLERS = (("undo_post", _undone), ("redo_post", _undone), ("load_post", _loaded))


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_Revision)
    bpy.types.Scene.understudy_revisions = bpy.props.CollectionProperty(type=UNDERSTUDY_Revision, options={"HIDDEN"})
    _loaded()
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    if bpy.app.timers.is_registered(_turn):
        bpy.app.timers.unregister(_turn)
    for name, handler in _HANDLERS:
        if handler in getattr(bpy.app.handlers, name):
            getattr(bpy.app.handlers, name).remove(handler)
    _loaded()
    del bpy.types.Scene.understudy_revisions
    bpy.utils.unregister_class(UNDERSTUDY_Revision)
