"""What looking over a finished conversion has found, as a list that Blender can show: the worst frames first.

The keeper's thread reads report.json; a timer turns it into rows. They live in the window manager and are never saved.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..core.errors import ModelError, StripError, UnderstudyError
from ..core.options import make
from ..core.options.report import ReportOptions
from . import properties, shot, stages, watch
from .board import Board, JobView
from .frame_map import FrameMap
from .language import CONTEXT
from .overlay import targets
from .stages import Planned
from .timing import timed

TURN = 1.0  # seconds between two looks at the board
MOST = 100  # rows
_FILMS = ("video", "gif")  # writers of one file
MEASURES = (("identity", "Likeness", "How far the face is from B's: more is less like B"),
            ("flicker", "Flicker", "How much the face's colours jump against the frames around"),
            ("misalignment", "Fit", "How far the swapped face's features are from their place"))

_report: dict[str, Any] = {}  # as report.json holds it
_read: tuple[str, dict[str, Any]] | None = None  # job's name and report, from the keeper's thread
_reading = ""  # name of the job whose report is being read
_seen = -1  # version of the board


def _sorted(data: Any, context: Any) -> None:
    fill()


class UNDERSTUDY_LookedOverFrame(bpy.types.PropertyGroup):
    """One row: a frame of the source and its worst face's figures; below 0: not measured."""

    frame: bpy.props.IntProperty()  # type: ignore[valid-type]
    identity: bpy.props.FloatProperty()  # type: ignore[valid-type]
    flicker: bpy.props.FloatProperty()  # type: ignore[valid-type]
    misalignment: bpy.props.FloatProperty()  # type: ignore[valid-type]


class UNDERSTUDY_LookedOver(bpy.types.PropertyGroup):
    """The rows, which job they are from, and by what they are ranked."""

    job: bpy.props.StringProperty()  # type: ignore[valid-type]
    by: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Worst By", description="What the frames are ranked by, the worst first", items=MEASURES, update=_sorted,
        translation_context=CONTEXT)
    rows: bpy.props.CollectionProperty(type=UNDERSTUDY_LookedOverFrame)  # type: ignore[valid-type]
    index: bpy.props.IntProperty(name="Active Frame")  # type: ignore[valid-type]


def data() -> UNDERSTUDY_LookedOver:
    return bpy.context.window_manager.understudy_looked_over


# --- running it -----------------------------------------------------------------------------------------------------


def conversion(scene: Any, board: Board) -> JobView | None:
    """The newest finished conversion of the shot."""
    return next((view for view in stages.jobs_of(scene, "convert", board) if view.status == "finished"), None)


def job(scene: Any, board: Board) -> JobView | None:
    """The newest look over the shot's result."""
    one = shot.active(scene)
    return board.latest("report", a=one.strip_a_id, shot=one.uid)


def problem(scene: Any, board: Board) -> str:
    """Why the result cannot be looked over now, as one sentence; "" if it can."""
    reason = stages.blocked(scene, board)
    if reason:
        return reason
    view = job(scene, board)
    if view is not None and view.going:
        return f"{view.label} is under way"
    made = conversion(scene, board)
    if made is None:
        return "Convert first"
    if made.options.get("writer") == "patch":
        return "Patches are faces by themselves: convert with another writer to look over the result"
    return ""


def plan(scene: Any, board: Board) -> Planned:
    """The job that looks over the newest conversion. Looks at the disk.

    Raises:
        UnderstudyError: there is none, or its strip cannot be mapped.
    """
    made = conversion(scene, board)
    if made is None:
        raise ModelError("There is no finished conversion of this shot", "Convert first")
    faces, one = shot.faces_folder(scene, "b"), shot.active(scene)
    # A folder may hold what several runs have made, a part of the strip each; a film is of one.
    frames = (made.options.get("frames", "") if made.options.get("writer") in _FILMS
              else stages.footage_frames(scene, shot.needed_strip(scene, "a")))
    values = properties.values_of(properties.settings(scene, "convert"), "convert")
    given = {"source": str(shot.checked_source(scene, "a")), "converted": made.result["output"],
             "faces_b": str(faces) if faces.is_dir() else "", "alignments": str(stages.alignments(scene, "a")),
             "frames": frames, "persons": values["persons"], "device": values["device"]}
    return Planned("report", make(ReportOptions, given), "Look Over Result",
                   {"a": one.strip_a_id, "shot": one.uid, "show": True})


def jump(scene: Any, frame: int) -> None:
    """Go to where strip A shows a frame of its footage.

    Raises:
        StripError: it shows it nowhere.
    """
    strip = shot.needed_strip(scene, "a")
    found = targets.of_strip(scene, strip)
    if not isinstance(found, FrameMap):
        raise StripError(found)
    places = found.timeline_frames(frame)
    if not places:
        raise StripError(f"Strip {strip.name!r} no longer shows frame {frame} of its footage",
                         "Drag its handles open, or look over the result again")
    scene.frame_current = places[0]


# --- the rows -------------------------------------------------------------------------------------------------------


def read(path: str) -> dict[str, Any]:
    """A report as the core has written it.

    Raises:
        UnderstudyError: it is missing or damaged.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if not all(isinstance(row["frame"], int) for row in found["faces"]) or "worst" not in found:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise UnderstudyError(f"The report {path} is missing or damaged", "Look over the result again") from None
    return found


def show(name: str, report: dict[str, Any]) -> None:
    """Make the rows those of a report."""
    global _report
    _report = report
    data().job = name
    measured = [measure for measure, _, _ in MEASURES if report.get("worst", {}).get(measure)]
    if measured and data().by not in measured:  # such as likeness, without B's faces: an empty list would say nothing
        data().by = measured[0]
    fill()


def fill() -> None:
    """The worst frames by the chosen measure."""
    rows, chosen = data().rows, data().by
    rows.clear()
    data().index = 0
    worst: dict[int, dict[str, float]] = {}
    for face in _report.get("faces", ()):
        at = worst.setdefault(face["frame"], {})
        for measure, _, _ in MEASURES:
            if face.get(measure) is not None:
                at[measure] = max(face[measure], at.get(measure, 0.0))
    for frame in _report.get("worst", {}).get(chosen, ())[:MOST]:
        row = rows.add()
        row.frame = frame
        for measure, _, _ in MEASURES:
            setattr(row, measure, worst.get(frame, {}).get(measure, -1.0))


@timed
def _turn() -> float:
    global _seen
    board = watch.board()
    if board.version != _seen or _read is not None:
        _seen = board.version
        if sync(shot.shown_scene(), board):
            watch.redraw()
    return TURN


def sync(scene: Any, board: Board) -> bool:
    """Have the newest report read, and show what was read; returns whether the rows have changed."""
    global _read, _reading
    if _read is not None:
        (name, report), _read, _reading = _read, None, ""
        show(name, report)
        return True
    view = job(scene, board) if scene is not None else None
    if view is None or view.status != "finished":
        if data().job and view is None:
            show("", {})
            return True
        return False
    if view.name not in (data().job, _reading) and view.result.get("json"):
        _reading = view.name
        watch.keeper.later(lambda: _fetch(view.name, view.result["json"]))
    return False


def _fetch(name: str, path: str) -> None:
    global _read
    _read = name, read(path)


@persistent
@timed
def _loaded(*_: Any) -> None:
    global _report, _read, _reading, _seen
    _report, _read, _reading, _seen = {}, None, "", -1
    data().job = ""
    data().rows.clear()


_CLASSES = (UNDERSTUDY_LookedOverFrame, UNDERSTUDY_LookedOver)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.WindowManager.understudy_looked_over = bpy.props.PointerProperty(type=UNDERSTUDY_LookedOver)
    bpy.app.handlers.load_post.append(_loaded)
    if not bpy.app.background:
        bpy.app.timers.register(_turn, first_interval=TURN, persistent=True)


def unregister() -> None:
    if bpy.app.timers.is_registered(_turn):
        bpy.app.timers.unregister(_turn)
    if _loaded in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_loaded)
    del bpy.types.WindowManager.understudy_looked_over
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
