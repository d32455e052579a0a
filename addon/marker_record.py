"""What a movie clip remembers of the faces that became tracks of it: where their markers were put."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np

COUNT = 68
PREFIX = "lm_"


@dataclass
class Shown:
    """One face's tracks, as they were made.

    Attributes:
        key: whose face: "person:3", or "face:0" by its number in the frame.
        frames: clip frame -> (uuid, marker positions float32 [68, 2]).
    """

    key: str
    frames: dict[int, tuple[str, np.ndarray]] = field(default_factory=dict)


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
    return [clip for clip in bpy.data.movieclips if clip.understudy.record]


def track_of(tracked: Any, number: int) -> Any | None:
    """The track of a landmark, 0..67, of a tracking object."""
    return tracked.tracks.get(f"{PREFIX}{number:02d}")
