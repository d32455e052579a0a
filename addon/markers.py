"""Faces as tracking markers of a movie clip, and back: only what was moved goes back into the alignments.

Each face becomes a tracking object with a track for each of its 68 landmarks. The clip keeps a record of what the
markers showed when they were made (`marker_record`), by which those that were moved are known (`moved_markers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..core.faces.nouns import Face
from . import slices
from .clips import ClipFrames, to_markers
from .marker_record import COUNT, PREFIX, Shown, keep_record, record_of, track_of
from .moved_markers import Moved, moved_at, moving, read_markers

# Jaw, brows, nose, eyes, mouth: the colours of their markers.
_COLOURS = ((17, (0.3, 0.7, 1.0)), (27, (1.0, 0.8, 0.2)), (36, (0.5, 1.0, 0.4)), (48, (1.0, 0.5, 0.9)),
            (COUNT, (1.0, 0.45, 0.3)))
_PATTERN, _SEARCH = 0.12, 0.36  # shares of a face's width that the tracker compares, and searches
_LEAST, _MOST = 15, 61  # pixels of the pattern


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


def _insert(tracked: Any, number: int, places: Mapping[int, np.ndarray], size: tuple[int, int], width: float) -> None:
    """A landmark's markers, as the machine's: not keyed, so that what a person moves is known."""
    if not places:
        return
    track = track_of(tracked, number)
    if track is None:
        track = tracked.tracks.new(name=f"{PREFIX}{number:02d}", frame=min(places))
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
    own, _, keyed, _ = read_markers(markers)
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
