"""Landmarks corrected as markers: made for the frames that a person asks for, applied to the alignments, or dropped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.app.handlers import persistent

from ..core.errors import UnderstudyError, UsageError
from ..core.faces.nouns import Box
from ..core.faces.store import AlignmentsStore
from . import clips, correcting, corrections, marker_record, markers, moved_markers, shot, slices, watch
from .timing import timed

Report = Callable[[str, str], None]
_LOOK, _SOON = 0.3, 0.01  # seconds between two counts of moved markers, while editing is on, and between parts of one
_TURN = 0.01  # seconds that a part takes


def make(scene: Any, strip: Any, frames: Iterable[int], then: Callable[[str, str], None]) -> Any:
    """Turn the faces of source frames into markers; returns the clip, which may be filled in slices.

    Raises:
        UnderstudyError: no alignments, or no face in these frames.
    """
    path = corrections.alignments(scene, strip)
    shown, wanted = clips.clip_frames(strip), list(frames)
    clip = clips.open_clip(scene, strip)
    corrections.prepare(path)
    name = clip.name

    def steps() -> slices.Steps:
        with AlignmentsStore.readonly(path) as store:
            names, faces = store.people(), {}
            for frame, here in store.iterate(wanted):
                faces[frame] = here
                yield 0.0
        if not faces:
            raise UsageError("There are no faces in these frames", "Go to a frame with faces, or draw a box for one")
        return (yield from markers.make(bpy.data.movieclips[name], shown, faces, names))

    def end(level: str, sentence: str) -> None:
        then(level, sentence)
        if level == "INFO":
            bpy.ops.ed.undo_push(message="Edit as Markers")
            show(bpy.data.movieclips[name])

    slices.run(steps(), "Making markers", end)
    return clip


def apply(scene: Any, clip: Any, then: Callable[[str, str], None]) -> None:
    """Write what was moved into the alignments, in slices; the markers stay.

    Raises:
        UnderstudyError: the strip or the alignments are gone, or nothing was moved.
    """
    strip, path = _place(scene, clip)
    shown = clips.clip_frames(strip)
    name, record = clip.name, marker_record.record_of(clip)
    saved: list[tuple[moved_markers.Moved, str]] = []

    def change(store: AlignmentsStore) -> slices.Steps:
        found = yield from moved_markers.moving(bpy.data.movieclips[name], record)
        if not found:
            raise UsageError("No marker was moved", "Drag markers in the Clip Editor, then apply")
        for number, moved in enumerate(found):
            uuid = _save(store, moved, shown, record[moved.name].key)
            if uuid:
                saved.append((moved, uuid))
            yield number / len(found)
        landmarks = sum(int(moved.which.sum()) for moved, _ in saved)
        gone = len(found) - len(saved)
        return (f"{landmarks:,} {'landmark' if landmarks == 1 else 'landmarks'} of {len(saved):,} "
                f"{'face' if len(saved) == 1 else 'faces'} saved" + (f", {gone} left out: their faces are gone"
                                                                     if gone else ""))

    corrections.perform_sliced(
        scene, path, "Applying corrections", "Apply Markers", change, then,
        after=lambda: markers.settle(bpy.data.movieclips[name], record, saved))


def discard(clip: Any, then: Callable[[str, str], None]) -> None:
    """Put back what was moved, in slices."""
    def end(level: str, sentence: str) -> None:
        then(level, sentence)
        bpy.ops.ed.undo_push(message="Discard Marker Moves")

    slices.run(markers.discard(clip), "Putting markers back", end)


def _save(store: AlignmentsStore, moved: moved_markers.Moved, shown: clips.ClipFrames, key: str) -> str:
    """The uuid of the face that was corrected or added; "" if it is gone."""
    points = moved.points.astype(np.float32)
    if moved.uuid:
        face = store.face(moved.uuid)
        if face is None or face.state == "removed":
            return ""
        landmarks = np.where(moved.which[:, None], points, face.landmarks)
        return store.edit_face(face.uuid, landmarks, fitting_box(landmarks, face.box)).uuid
    frame = shown.source(moved.clip_frame)
    if frame is None:
        return ""
    added = store.add_face(frame, bounds(points), points)
    kind, _, number = key.partition(":")
    if kind == "person":
        store.set_person(added.uuid, int(number))
    return added.uuid


def bounds(landmarks: np.ndarray) -> Box:
    """The box around landmarks [68, 2]: x, y, width, height."""
    low, high = landmarks.min(0), landmarks.max(0)
    return float(low[0]), float(low[1]), max(1.0, float(high[0] - low[0])), max(1.0, float(high[1] - low[1]))


def fitting_box(landmarks: np.ndarray, box: Box) -> Box:
    """The face's box, or a new one where the landmarks' middle has left it."""
    x, y = landmarks.mean(0)
    return box if box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3] else bounds(landmarks)


def _place(scene: Any, clip: Any) -> tuple[Any, Path]:
    """The strip whose footage a clip is, and its alignments."""
    strip = next((strip for strip in shot.strips(scene) if clips.find_clip(strip) == clip), None)
    if strip is None:
        raise UnderstudyError(f"No strip of this scene shows the clip {clip.name}", "Put the strip back, or make "
                              "markers from another one")
    return strip, corrections.alignments(scene, strip)


def follow(strip: Any | None, store: AlignmentsStore, uuids: Iterable[str]) -> None:
    """After another edit: bring the markers of these faces to where they are now, if they are markers at all."""
    clip = clips.find_clip(strip) if strip is not None and marker_record.clips() else None
    if clip is not None and clip.understudy.record:
        markers.follow(clip, clips.clip_frames(strip), {uuid: store.face(uuid) for uuid in uuids})


def show(clip: Any) -> None:
    """Open a clip in a Clip Editor: the one that shows it, another one, or one in a new window."""
    if bpy.app.background:
        return
    areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas
             if area.type == "CLIP_EDITOR"]
    area = next((area for area in areas if area.spaces.active.clip == clip), areas[0] if areas else None)
    if area is None:
        from .pictures import new_editor

        area = new_editor("CLIP_EDITOR")
    space = area.spaces.active
    if space.clip != clip:
        space.clip = clip
        space.mode = "TRACKING"
        # 68 of each would hide the face.
        space.show_marker_pattern = space.show_marker_search = space.show_track_path = False
    area.tag_redraw()


# --- what the toggle between looking and editing asks --------------------------------------------------------------


class Markers:
    """The markers' part in editing; see `correcting.Pending`."""

    def __init__(self) -> None:
        self._count = 0

    def count(self, context: Any) -> int:
        return self.look() if bpy.app.background else self._count

    def look(self) -> int:
        """Count now."""
        for _ in self.counting():
            pass
        return self._count

    def counting(self) -> Iterator[None]:
        """Count in steps, a track at a time."""
        count = 0
        for clip in marker_record.clips():
            steps = moved_markers.moving(clip, marker_record.record_of(clip))
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    count += sum(int(moved.which.sum()) for moved in end.value)
                    break
                yield
        self._count = count

    def apply(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        for clip in marker_record.clips():
            if any(True for _ in moved_markers.moved_markers(clip)):
                apply(scene, clip, _say)

    def discard(self, context: Any) -> None:
        for clip in marker_record.clips():
            discard(clip, _say)

    def entered(self, context: Any) -> None:
        if not bpy.app.background and not bpy.app.timers.is_registered(_turn):
            bpy.app.timers.register(_turn, first_interval=_LOOK, persistent=True)

    def left(self, context: Any) -> None:
        self._count = 0


PENDING = Markers()


def _say(level: str, sentence: str) -> None:
    if bpy.app.background:
        print(sentence, flush=True)
    else:
        watch.say(level, sentence)


_steps: Iterator[None] | None = None  # a count under way


@timed
def _turn() -> float | None:
    """Count what was moved, for panels: they must not."""
    global _steps
    if not correcting.is_editing(bpy.context):
        _steps = None
        return None
    if slices.is_busy():
        _steps = None
        return _LOOK
    before, end = PENDING.count(bpy.context), time.perf_counter() + _TURN
    _steps = _steps or PENDING.counting()
    try:
        while time.perf_counter() < end:
            next(_steps)
        return _SOON
    except (StopIteration, ReferenceError, KeyError):  # undo or another file has taken the tracks away
        _steps = None
    if PENDING.count(bpy.context) != before:
        watch.redraw()
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                if area.type == "CLIP_EDITOR":
                    area.tag_redraw()
    return _LOOK


@persistent
@timed
def _forget(*_: Any) -> None:
    """Undo, redo or another file: a count under way goes over tracks that are gone."""
    global _steps
    _steps = None


_HANDLERS = ("undo_pre", "redo_pre", "load_pre")


def register() -> None:
    correcting.PENDING.append(PENDING)
    for name in _HANDLERS:
        getattr(bpy.app.handlers, name).append(_forget)


def unregister() -> None:
    if bpy.app.timers.is_registered(_turn):
        bpy.app.timers.unregister(_turn)
    correcting.PENDING.remove(PENDING)
    for name in _HANDLERS:
        if _forget in getattr(bpy.app.handlers, name):
            getattr(bpy.app.handlers, name).remove(_forget)
