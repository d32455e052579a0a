"""Which markers of faces are no longer where they were put.

A marker counts as moved where a person keyed it (`is_keyed`: Blender sets it when a marker is dragged) or Blender's
tracker put it elsewhere.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .clips import from_markers
from .marker_record import COUNT, Shown, record_of, track_of

STILL = 0.01  # pixels: what the tracker moved by less is where it was


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
        read.append(None if track is None else read_markers(track.markers))
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


def read_markers(markers: Any) -> tuple[np.ndarray, ...]:
    """Of a track's markers: clip frames int32 [N], positions float32 [N, 2], keyed and muted bool [N]."""
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
