"""The live preview: the shown frame as conversion would make it now, in an Image Editor, for as long as it is on.

A timer, which runs only while it is on, notices that the frame, a setting, the model or the alignments have changed,
waits until nothing changes any more, and asks the service. One question at most is under way; a newer one lets it go.
During playback nothing is asked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..core.errors import StripError, UnderstudyError
from . import environment, pictures, properties, service, shot, stages, watch
from .board import Board
from .frame_map import FrameMap
from .overlay import targets
from .timing import timed

SOON, IDLE = 0.05, 0.2  # seconds between two turns of the timer
STILL = 0.1  # seconds without change before anything is asked

_VIEWS = (["original", "swapped"], ["original", "swapped", "raw", "final"])


@dataclass
class State:
    """What panels show.

    Attributes:
        sentence: why there is no preview, or what is to be said of it; "" if nothing is.
        alert: whether the sentence is of something that went wrong.
        busy: whether an answer is awaited.
        seconds: how long the last one took; 0 before the first.
        frame: of the source, that is shown; -1 before the first.
        faces: whether five faces are being converted.
    """

    sentence: str = ""
    alert: bool = False
    seconds: float = 0.0
    frame: int = -1
    faces: bool = False

    seen: Any = None  # what the last turn saw, and since when that stands
    since: float = 0.0
    key: Any = None  # what was asked last
    asked: service.Asked | None = None
    opened: bool = False  # whether an editor was opened for it since it was switched on

    @property
    def busy(self) -> bool:
        return self.asked is not None


state = State()


def _switched(data: Any, context: Any) -> None:
    """On: begin to look; off: no timer, no question, no cost."""
    _reset()
    if data.on and not bpy.app.background:
        bpy.app.timers.register(_tick, first_interval=0.0, persistent=True)
    elif not data.on and bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)


class UNDERSTUDY_Live(bpy.types.PropertyGroup):
    """Of this session of Blender, never saved."""

    on: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Live Preview", update=_switched, options={"SKIP_SAVE"},
        description="Convert the shown frame with the settings as they are, in an Image Editor beside the original, "
        "and again whenever the frame or a setting changes")
    masks: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Masks", options={"SKIP_SAVE"},
        description="Show below it the mask as chosen, and the mask that is blended with")
    seed: bpy.props.IntProperty(options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]


def settings() -> UNDERSTUDY_Live:
    return bpy.context.window_manager.understudy_live


def is_playing() -> bool:
    return any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows)


@timed
def _tick() -> float | None:
    return turn(shot.shown_scene()) if settings().on else None


def turn(scene: Any) -> float:
    """One turn of the timer; returns the seconds until the next."""
    if is_playing():
        return IDLE
    try:
        reason = problem(scene, watch.board())
        if reason:
            raise StripError(reason)
        key = _key(scene)
    except UnderstudyError as error:
        state.seen = state.key = None  # once it can be done, it is to be done
        _let_go()
        _say(str(error))
        return IDLE
    now = time.monotonic()
    if key != state.seen:
        state.seen, state.since = key, now
        return SOON
    if key == state.key:
        return SOON if state.busy else IDLE
    if now - state.since < STILL:
        return SOON
    if state.asked is not None:
        state.asked.cancel()  # its answer, or the word that it was let go, makes room
        return SOON
    state.key = key
    try:
        state.asked = service.ask("convert_frame", _answered, **frame_question(scene, key[0]))
    except UnderstudyError as error:
        _say(str(error), alert=True)
    watch.redraw()
    return SOON


def problem(scene: Any, board: Board) -> str:
    """Why no frame can be converted for a look, as one sentence; "" if it can."""
    reason = stages.problem(scene, "convert", board, beside=True)
    if not reason and not board.consent and not bpy.app.background:
        reason = "Agree to the question in Understudy's preferences first"
    return reason


def refresh() -> None:
    """Ask again though nothing that is known has changed."""
    state.key = None


# --- asking ---------------------------------------------------------------------------------------------------------


def _key(scene: Any) -> tuple[Any, ...]:
    """Whatever the picture depends on, as far as it can be told without a look at the disk; the frame comes first.

    Raises:
        UnderstudyError: the strip does not show a frame that could be told.
    """
    board, strip = watch.board(), shot.needed_strip(scene, "a")
    source = str(shot.source_path(strip))
    model = str(shot.model_folder(scene))
    values = properties.values_of(properties.settings(scene, "convert"), "convert")
    return (source_frame(scene, strip), source, model, tuple(values.items()), settings().masks,
            board.stores.get(source), board.models.get(model))


def source_frame(scene: Any, strip: Any) -> int:
    """The frame of its footage that a strip shows now.

    Raises:
        StripError: none, or it cannot be told (yet).
    """
    found = targets.of_strip(scene, strip)
    if not isinstance(found, FrameMap):
        raise StripError(found)
    frame = found.source_frame(scene.frame_current)
    if frame is None:
        raise StripError(f"Strip {strip.name!r} is not shown at this frame", "Go to a frame that it covers")
    return frame


def options(scene: Any) -> dict[str, Any]:
    """The convert options of the shot as plain values, for the service. Looks at the disk.

    Raises:
        UnderstudyError: as `stages.plan`.
    """
    values = properties.values_of(properties.settings(scene, "convert"), "convert")
    return {**values, "source": str(shot.checked_source(scene, "a")), "model_dir": str(shot.model_folder(scene)),
            "alignments": str(stages.alignments(scene, "a"))}


def frame_question(scene: Any, frame: int) -> dict[str, Any]:
    """What to ask for a frame of the source; see `core.conversion.preview.convert_frame`."""
    return {"options": options(scene), "frame": frame, "views": _VIEWS[settings().masks]}


def _answered(asked: service.Asked) -> None:
    if asked is not state.asked:
        return  # it was switched off and on meanwhile
    state.asked = None
    if asked.error:
        _say(asked.error, alert=True)
    elif asked.result:
        state.seconds, state.frame = asked.result["seconds"], asked.result["frame"]
        try:
            bring(Path(asked.result["file"]), open_editor=not state.opened)
            state.opened = True
            _say(asked.result["note"])
        except UnderstudyError as error:
            _say(str(error), alert=True)
    watch.redraw()


def bring(path: Path, open_editor: bool) -> None:
    """Show a picture as it is now: where it is shown already, or with `open_editor` in an editor that is found or made.

    Raises:
        UnderstudyError: it cannot be read.
    """
    if open_editor or not pictures.update(path):
        pictures.show(path)


def faces_question(scene: Any) -> dict[str, Any]:
    """What to ask for five faces from all over the strip, before and after; others each time.

    Raises:
        UnderstudyError: as `stages.plan`.
    """
    settings().seed += 1
    frames = stages.footage_frames(scene, shot.needed_strip(scene, "a"), exact=False)
    return {"options": {**options(scene), "frames": frames}, "seed": settings().seed}


def ask_faces(scene: Any) -> None:
    """Have five faces converted and shown; see `faces_question`."""
    service.ask("convert_faces", _faces_answered, **faces_question(scene))
    state.faces = True


def _faces_answered(asked: service.Asked) -> None:
    state.faces = False
    if asked.error:
        watch.say("ERROR", asked.error)
    elif asked.result:
        try:
            bring(Path(asked.result["file"]), open_editor=True)
        except UnderstudyError as error:
            watch.say("ERROR", environment.explain(error))
    watch.redraw()


def _say(sentence: str, alert: bool = False) -> None:
    if (sentence, alert) != (state.sentence, state.alert):
        state.sentence, state.alert = sentence, alert
        watch.redraw()


def _let_go() -> None:
    if state.asked is not None:
        state.asked.cancel()
        state.asked = None


def _reset() -> None:
    global state
    _let_go()
    state = State()


@persistent
@timed
def _loaded(*_: Any) -> None:
    _reset()


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_Live)
    bpy.types.WindowManager.understudy_live = bpy.props.PointerProperty(type=UNDERSTUDY_Live)
    bpy.app.handlers.load_post.append(_loaded)


def unregister() -> None:
    _reset()
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    if _loaded in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_loaded)
    del bpy.types.WindowManager.understudy_live
    bpy.utils.unregister_class(UNDERSTUDY_Live)
