"""Strips <-> the core's sources: what to read for a strip; `results` lays what was made over it."""

from __future__ import annotations

from typing import Any

from ..core.media.ranges import format_frames
from .frame_map import FrameMap, NotIndexedError, frame_map, media_index
from .strips import strip_range, strip_source

__all__ = ["FrameMap", "NotIndexedError", "frame_map", "frames_shown", "media_index", "strip_range", "strip_source"]


def frames_shown(scene: Any, strip: Any, *, exact: bool = True) -> str:
    """The frames of the source that the strip shows, as the option `frames` takes them, such as "10-84".

    `exact`: as for `frame_map`; False will do for the strip that lends the face.

    Raises:
        NotIndexedError: a film that the core has not looked at yet.
        StripError: a strip that cannot be mapped exactly; the hint says what to do.
    """
    return format_frames(frame_map(scene, strip, exact=exact).shown())
