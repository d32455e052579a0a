"""Strips of which Blender shows other frames than can be told: refused, in words that say what to do instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..core.errors import StripError
from ..core.media.index import FrameIndex
from .strips import collection, inputs_of

# Of a variable-rate stream, 4.2 and 4.5 show wrong frames after three of four jumps on the timeline.
_STREAMS = (".ts", ".m2ts", ".mts", ".m2t", ".mpg", ".mpeg", ".vob")
_COPY = "Make a copy with Constant Rate, under Tools, and use that"


def refuse_inexact(scene: Any, strip: Any) -> None:
    name = repr(strip.name)
    if len(getattr(strip, "retiming_keys", ())):
        raise StripError(f"Strip {name} is retimed, so its frames cannot be told exactly",
                         "Clear its retiming (Strip > Retiming > Reset), or render it to a file and use that")
    top = collection(scene)
    if not any(s == strip for s in top):
        raise StripError(f"Strip {name} is inside a meta strip", "Ungroup the meta strip, or render it to a file")
    for other in top:
        if other.type == "SPEED" and strip in inputs_of(other):
            raise StripError(f"Strip {name} carries the speed effect {other.name!r}",
                             "Remove the effect, or render both to a file and use that")


def refuse_stream(strip: Any, path: Path) -> None:
    if getattr(strip, "stream_index", 0) > 0:
        raise StripError(f"Strip {strip.name!r} shows another than the first picture stream of {path.name}",
                         "Choose stream 0, or render the strip to a file and use that")


def refuse_film(path: Path, index: FrameIndex, fps: float) -> None:
    if index.ordinal:
        raise StripError(f"{path.name} carries no times, so Blender's frames cannot be told exactly", _COPY)
    if not index.constant_rate and path.suffix.lower() in _STREAMS:
        raise StripError(f"{path.name} is a transport stream of variable rate, in which Blender finds frames by chance",
                         _COPY)
    if index.rotation and bpy.app.version < (4, 3, 0):
        raise StripError(f"{path.name} was filmed turned, which Blender {bpy.app.version_string} does not show upright",
                         _COPY)
    if not fps > 0:
        raise StripError(f"Blender cannot play {path.name}", "Convert the file to H.264 in mp4 and use that")


def refuse_unsteady(scene: Any, strip: Any, positions: np.ndarray) -> None:
    """Refuse a film of which Blender shows one frame or its neighbour, by the order in which frames were visited.

    Blender 5 (seen in 5.0.1 and 5.2.2, not in 4.5.15) rounds a position to a media frame, but keeps the picture in its
    cache under the position rounded down: where two timeline frames share that, the second shows the first one's.
    That takes a film with a lower rate than the scene's, added with *Adjust Playback Rate*.
    """
    if bpy.app.version < (5, 0, 0):
        return
    kept, decoded = positions.astype(np.int64), (positions + 0.5).astype(np.int64)
    if len(np.unique(kept)) < np.unique(np.stack([kept, decoded]), axis=1).shape[1]:
        rate = scene.render.fps / scene.render.fps_base
        raise StripError(f"Blender shows strip {strip.name!r} unsteadily, since its {strip.fps:.6g} frames per second "
                         f"are fewer than the scene's {rate:.6g}", "Set the scene's frame rate to the strip's, or make "
                         f"a copy at the rate of {rate:.6g} with Constant Rate, under Tools, and use that")


def refuse_overshot(strip: Any, index: FrameIndex, times: np.ndarray, step: float) -> None:
    """Refuse a film that shows moments which Blender misses when it gets there other than by playing on.

    To go to a time, Blender asks FFmpeg for the key frame at or before three nominal frames earlier. FFmpeg's reader of
    mp4 and mov goes by decoding times plus the delay of the first frame; where a frame is held long before a key
    frame, that lands behind the wanted moment, and the key frame is shown too early. Measured: exactly these
    moments, in 4.2, 4.5 and 5.0; 5 keeps the wrong picture in its cache.
    """
    path = strip.filepath.lower()
    if index.constant_rate or not path.endswith((".mp4", ".mov", ".m4v", ".qt", ".3gp")):
        return
    delay = index.pts[0] - index.key_dts[0] if index.key_dts[0] is not None else 0
    for key, dts in zip(index.keys[1:], index.key_dts[1:], strict=True):
        missed = times[(times < index.pts[key]) & (times + 1 >= (dts or 0) + delay + 3 * step)]
        if dts is not None and len(missed):
            raise StripError(f"Strip {strip.name!r} has a variable rate and holds frame {key - 1} so long that Blender "
                             "may show the next one in its place", _COPY)
