"""Faces as tracking markers of a movie clip, and back: only what was moved goes back into the alignments.

Each face becomes a tracking object with a track for each of its 68 landmarks. The clip keeps a record of what the
markers showed when they were made; a marker counts as moved where a person keyed it (`is_keyed`: Blender sets it when a
marker is dragged) or Blender's tracker put it elsewhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.faces.nouns import Face
from . import slices
from .clips import ClipFrames, from_markers, to_markers

COUNT = 68
STILL = 0.01  # pixels: what the tracker moved by less is where it was
_PREFIX = "lm_"
# Jaw, brows, nose, eyes, mouth: the colours of their markers.
_COLOURS = ((17, (0.3, 0.7, 1.0)), (27, (1.0, 0.8, 0.2)), (36, (0.5, 1.0, 0.4)), (48, (1.0, 0.5, 0.9)),
            (COUNT, (1.0, 0.45, 0.3)))
_PATTERN, _SEARCH = 0.12, 0.36  # shares of a face's width that the tracker compares, and searches
_LEAST, _MOST = 15, 61  # pixels of the pattern


@dataclass
class Shown:
    """One face's tracks, as they were made.

    Attributes:
        key: whose face: "person:3", or "face:0" by its number in the frame.
        frames: clip frame -> (uuid, marker positions float32 [68, 2]).
    """

    key: str
    frames: dict[int, tuple[str, np.ndarray]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Moved:
    """A face whose markers were moved.

    Attributes:
        name: of the tracking object.
        clip_frame: counted from 1.
        uuid: the face; "" where the tracker went on into a frame that has none for it.
        which: bool [68].
        points: float64 [68, 2], frame pixels.
    """

    name: str
    clip_frame: int
    uuid: str
    which: np.ndarray
    points: np.ndarray


# --- the record ---------------------------------------------------------------------------------------------------


_read: tuple[str, dict[str, Shown]] = "", {}  # the record that was read last: thousands of frames take a while


def record_of(clip: Any) -> dict[str, Shown]:
    """Name of a tracking object -> what its tracks were made from; only of objects that are still there."""
    global _read
    text = clip.understudy.record
    if not text:
        return {}
    if text != _read[0]:
        _read = text, {name: Shown(entry["key"], {
            int(frame): (uuid, np.frombuffer(base64.b64decode(packed), "<f4").reshape(COUNT, 2))
            for frame, (uuid, packed) in entry["frames"].items()}) for name, entry in json.loads(text).items()}
    return {name: Shown(shown.key, dict(shown.frames)) for name, shown in _read[1].items()
            if name in clip.tracking.objects}


def keep_record(clip: Any, record: Mapping[str, Shown]) -> None:
    clip.understudy.record = json.dumps({
        name: {"key": shown.key, "frames": {
            frame: (uuid, base64.b64encode(np.ascontiguousarray(at, "<f4").tobytes()).decode())
            for frame, (uuid, at) in shown.frames.items()}}
        for name, shown in record.items()}) if record else ""


def clips() -> list[Any]:
    """The clips of this file that have faces as tracks."""
    import bpy

    return [clip for clip in bpy.data.movieclips if clip.understudy.record]


# --- faces become tracks ------------------------------------------------------------------------------------------


def make(clip: Any, frames: ClipFrames, faces: Mapping[int, list[Face]], names: Mapping[int, str]) -> slices.Steps:
    """Turn faces into markers, in slices; those that were moved and not saved stay where they are.

    Args:
        faces: source frame -> its faces.
        names: of persons, by id.
    """
    size = (clip.size[0], clip.size[1])
    record = record_of(clip)
    found = yield from moving(clip, record)
    moved = {(m.name, m.clip_frame) for m in found}
    wanted: dict[str, dict[int, Face]] = {}
    unseen = 0
    for source, here in faces.items():
        at = frames.clip(source)
        unseen += at is None
        if at is not None:
            for face, key in zip(here, _keys(here), strict=True):
                wanted.setdefault(key, {})[at] = face
    total, done = sum(map(len, wanted.values())) * COUNT or 1, 0
    by_key = {shown.key: name for name, shown in record.items()}
    made = 0
    for key, by_frame in wanted.items():
        name = by_key.get(key)
        if name is None:
            name = clip.tracking.objects.new(_title(key, names)).name
            record[name] = Shown(key)
        fresh = {at: face for at, face in by_frame.items() if (name, at) not in moved}
        places = {at: to_markers(face.landmarks, size) for at, face in fresh.items()}
        width = float(np.median([face.box[2] for face in by_frame.values()]))
        for number in range(COUNT):
            _insert(clip.tracking.objects[name], number, {at: p[number] for at, p in places.items()}, size, width)
            done += len(by_frame)
            yield done / total
        record[name].frames |= {at: (face.uuid, places[at]) for at, face in fresh.items()}
        made += len(fresh)
    keep_record(clip, record)
    kept = sum(map(len, wanted.values())) - made
    return _told(made, kept, unseen)


def _told(made: int, kept: int, unseen: int) -> str:
    parts = [f"{made} {'face' if made == 1 else 'faces'} as markers"]
    if kept:
        parts.append(f"{kept} with unsaved moves left as they are")
    if unseen:
        parts.append(f"{unseen} frames that the Clip Editor never shows left out")
    return ", ".join(parts)


def _keys(faces: list[Face]) -> list[str]:
    """Whose tracks each face of a frame belongs to: its person's, or, of a second face or nobody's, its number's."""
    keys: list[str] = []
    for face in faces:
        key = f"person:{face.person}" if face.person is not None else ""
        keys.append(key if key and key not in keys else f"face:{face.position}")
    return keys


def _title(key: str, names: Mapping[int, str]) -> str:
    kind, _, number = key.partition(":")
    return names.get(int(number), f"Person {number}")[:40] if kind == "person" else f"Face {number}"


def track_of(tracked: Any, number: int) -> Any | None:
    """The track of a landmark, 0..67, of a tracking object."""
    return tracked.tracks.get(f"{_PREFIX}{number:02d}")


def _insert(tracked: Any, number: int, places: Mapping[int, np.ndarray], size: tuple[int, int], width: float) -> None:
    """A landmark's markers, as the machine's: not keyed, so that what a person moves is known."""
    if not places:
        return
    track = track_of(tracked, number)
    if track is None:
        track = tracked.tracks.new(name=f"{_PREFIX}{number:02d}", frame=min(places))
        track.use_custom_color = True
        track.color = next(colour for end, colour in _COLOURS if number < end)
        pattern = min(max(width * _PATTERN, _LEAST), _MOST)
        a, b = pattern / 2 / size[0], pattern / 2 / size[1]
        track.markers[0].pattern_corners = ((-a, -b), (a, -b), (a, b), (-a, b))  # the next ones copy it
    search = min(max(width * _SEARCH, 3 * _LEAST), 3 * _MOST)
    low, high = (-search / 2 / size[0], -search / 2 / size[1]), (search / 2 / size[0], search / 2 / size[1])
    markers = track.markers
    for at, co in places.items():
        marker = markers.insert_frame(at, co=(float(co[0]), float(co[1])))
        marker.search_min, marker.search_max = low, high
        marker.mute = marker.is_keyed = False


# --- and back -----------------------------------------------------------------------------------------------------


def moved_markers(clip: Any, record: Mapping[str, Shown] | None = None) -> list[Moved]:
    """The faces of which markers were moved, by object and frame."""
    steps = moving(clip, record_of(clip) if record is None else record)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def moving(clip: Any, record: Mapping[str, Shown]) -> Generator[float, None, list[Moved]]:
    """`moved_markers` in slices, a track at a time."""
    found: list[Moved] = []
    for name, shown in record.items():
        frames, at, is_there, is_keyed = yield from _positions(clip, name)
        found += _compared(name, shown, (clip.size[0], clip.size[1]), frames, at, is_there, is_keyed)
    return found


def _positions(clip: Any, name: str) -> Generator[float, None, tuple[np.ndarray, ...]]:
    """All markers of a tracking object: clip frames [N], positions float32 [N, 68, 2], there and keyed [N, 68]."""
    read: list[tuple[np.ndarray, ...] | None] = []
    for number in range(COUNT):
        track = track_of(clip.tracking.objects[name], number)
        read.append(None if track is None else _markers(track.markers))
        yield number / COUNT
    frames = np.unique(np.concatenate([one[0] for one in read if one is not None] or [np.empty(0, np.int32)]))
    at = np.full((len(frames), COUNT, 2), np.nan, np.float32)
    is_there, is_keyed = np.zeros((len(frames), COUNT), bool), np.zeros((len(frames), COUNT), bool)
    for number, one in enumerate(read):
        if one is not None:
            own, co, keyed, mute = one
            rows = np.searchsorted(frames, own)
            at[rows, number], is_there[rows, number], is_keyed[rows, number] = co, ~mute, keyed
    return frames, at, is_there, is_keyed


def _markers(markers: Any) -> tuple[np.ndarray, ...]:
    count = len(markers)
    frames, co = np.empty(count, np.int32), np.empty(count * 2, np.float32)
    keyed, mute = np.empty(count, bool), np.empty(count, bool)
    for name, values in (("frame", frames), ("co", co), ("is_keyed", keyed), ("mute", mute)):
        markers.foreach_get(name, values)
    return frames, co.reshape(count, 2), keyed, mute


def _compared(name: str, shown: Shown, size: tuple[int, int], frames: np.ndarray, at: np.ndarray,
              is_there: np.ndarray, is_keyed: np.ndarray) -> list[Moved]:
    found = []
    scale = np.array(size, np.float64)
    for row, frame in enumerate(frames):
        known = shown.frames.get(int(frame))
        points = from_markers(at[row], size)
        if known is None:
            if is_there[row].all():
                found.append(Moved(name, int(frame), "", np.ones(COUNT, bool), points))
            continue
        distance = np.abs((at[row].astype(np.float64) - known[1]) * scale).max(1)
        which = is_there[row] & ((distance > STILL) | (is_keyed[row] & (distance > 0)))
        if which.any():
            found.append(Moved(name, int(frame), known[0], which, points))
    return found


def moved_at(clip: Any, name: str, shown: Shown, frame: int) -> Moved | None:
    """What was moved of one face in one clip frame; None if nothing was. Quick, however many frames there are."""
    at = np.full((1, COUNT, 2), np.nan, np.float32)
    is_there, is_keyed = np.zeros((1, COUNT), bool), np.zeros((1, COUNT), bool)
    for number in range(COUNT):
        track = track_of(clip.tracking.objects[name], number)
        marker = track.markers.find_frame(frame) if track is not None else None
        if marker is not None:
            at[0, number], is_there[0, number], is_keyed[0, number] = marker.co, not marker.mute, marker.is_keyed
    found = _compared(name, shown, (clip.size[0], clip.size[1]), np.array([frame]), at, is_there, is_keyed)
    return found[0] if found else None


def settle(clip: Any, record: dict[str, Shown], saved: Iterable[tuple[Moved, str]]) -> slices.Steps:
    """After saving: the markers, where they are now, are the alignments' and count as moved no more.

    Args:
        saved: what was saved, and the face's uuid.
    """
    size = (clip.size[0], clip.size[1])
    frames: dict[str, set[int]] = {}
    for moved, uuid in saved:
        before = record[moved.name].frames.get(moved.clip_frame)
        now = to_markers(moved.points, size)
        record[moved.name].frames[moved.clip_frame] = uuid, now if before is None else np.where(
            moved.which[:, None], now, before[1])
        frames.setdefault(moved.name, set()).add(moved.clip_frame)
    for name, own in frames.items():
        for number in range(COUNT):
            track = track_of(clip.tracking.objects[name], number)
            if track is not None:
                _clear_keys(track.markers, own)
            yield number / COUNT
    keep_record(clip, record)
    return ""


def _clear_keys(markers: Any, frames: set[int]) -> None:
    own, _, keyed, _ = _markers(markers)
    markers.foreach_set("is_keyed", keyed & ~np.isin(own, list(frames)))


def discard(clip: Any) -> slices.Steps:
    """Put what was moved back to where the alignments have it; what was tracked into other frames goes."""
    record = record_of(clip)
    found = yield from moving(clip, record)
    for number, moved in enumerate(found):
        known = record[moved.name].frames.get(moved.clip_frame)
        for landmark in np.flatnonzero(moved.which):
            track = track_of(clip.tracking.objects[moved.name], int(landmark))
            if known is None:
                _take_away(track.markers, moved.clip_frame)
                continue
            marker = track.markers.find_frame(moved.clip_frame)
            marker.co = known[1][landmark]
            marker.is_keyed = False
        yield number / len(found)
    count = sum(int(moved.which.sum()) for moved in found)
    return f"{count} {'landmark' if count == 1 else 'landmarks'} put back"


def _take_away(markers: Any, frame: int) -> None:
    """Delete a marker; Blender keeps the last one of a track, which is switched off instead."""
    if len(markers) > 1:
        markers.delete_frame(frame)
    else:
        marker = markers.find_frame(frame)
        if marker is not None:
            marker.mute = True


def follow(clip: Any, frames: ClipFrames, faces: Mapping[str, Face | None]) -> None:
    """Bring markers to faces that were edited otherwise: those that are not moved show the face as it is now.

    Args:
        faces: uuid -> the face, or None for one that is gone.
    """
    record = record_of(clip)
    size = (clip.size[0], clip.size[1])
    places = [(name, at, uuid) for name, shown in record.items() for at, (uuid, _) in shown.frames.items()
              if uuid in faces]
    if not places:
        return
    for name, at, uuid in places:
        moved = moved_at(clip, name, record[name], at)
        face, tracked = faces[uuid], clip.tracking.objects[name]
        now = to_markers(face.landmarks, size) if face is not None and face.state != "removed" else None
        for number in range(COUNT):
            track = track_of(tracked, number)
            marker = track.markers.find_frame(at) if track is not None else None
            if marker is None:
                continue
            if now is None:
                _take_away(track.markers, at)
            elif moved is None or not moved.which[number]:
                marker.co, marker.mute, marker.is_keyed = now[number], False, False
        if now is None:
            del record[name].frames[at]
        else:
            record[name].frames[at] = uuid, now
    keep_record(clip, record)


def remove(clip: Any) -> int:
    """Take the tracking objects of our faces away; returns how many. The person's own tracks stay."""
    names = list(record_of(clip))
    for name in names:
        clip.tracking.objects.remove(clip.tracking.objects[name])
    clip.understudy.record = ""
    return len(names)
