"""Which frame of which source a strip shows at each timeline frame.

Blender places a film's frames by the file's nominal rate: media frame n is whatever is on show n / rate after the
start. For a constant rate that is frame n; for a variable one the core's index of presentation times tells it. Both
were measured in 4.2, 4.5 and 5.0 on clips whose frames carry their own number (tests/blender/test_footage.py).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..core.errors import StripError
from ..core.media.index import FrameIndex, cached_index, file_fingerprint
from ..core.media.listing import image_frame_names, list_images, video_frame_name

# Of a variable-rate stream, 4.2 and 4.5 show wrong frames after three of four jumps on the timeline.
_STREAMS = (".ts", ".m2ts", ".mts", ".m2t", ".mpg", ".mpeg", ".vob")
_BAKE = "Render it to a file first and use that file as a strip"


class NotIndexedError(StripError):
    """The core has not looked at this film yet: ask the service to `probe` it, then try again."""


@dataclass(frozen=True, eq=False)
class FrameMap:
    """What a strip shows.

    Attributes:
        source: the video file, or the folder of the images, as `core.media.open_source` takes it.
        first: the strip's first visible timeline frame.
        indices: int64 [N], frame of the source at timeline frames first, first + 1, …
        names: what the source's frames are called, by frame (`Source.name`).
    """

    source: Path
    first: int
    indices: np.ndarray
    names: tuple[str, ...] | None

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def last(self) -> int:
        """The strip's last visible timeline frame."""
        return self.first + len(self.indices) - 1

    def source_frame(self, frame: int) -> int | None:
        """The source's frame at a timeline frame; None outside the strip."""
        return int(self.indices[frame - self.first]) if self.first <= frame <= self.last else None

    def timeline_frames(self, index: int) -> list[int]:
        """The timeline frames that show a frame of the source; empty if the strip does not show it."""
        return [self.first + int(n) for n in np.flatnonzero(self.indices == index)]

    def shown(self) -> list[int]:
        """The frames of the source that the strip shows, ascending, each once."""
        return [int(i) for i in np.unique(self.indices)]

    def name(self, index: int) -> str:
        """File stem of what is made of a source frame, as the core names it."""
        return video_frame_name(self.source, index) if self.names is None else self.names[index]


# --- reading a strip --------------------------------------------------------------------------------------------


def strip_range(strip: Any) -> tuple[int, int]:
    """First and last visible timeline frame, both included."""
    return int(_get(strip, "left_handle", "frame_final_start")), int(_get(strip, "right_handle", "frame_final_end")) - 1


def strip_source(strip: Any) -> Path:
    """The file of a film, the folder of an image sequence, as an absolute path.

    Raises:
        StripError: neither of the two, or without its file.
    """
    if strip.type not in ("MOVIE", "IMAGE"):
        raise StripError(f"Strip {strip.name!r} is no film and no image sequence", _BAKE)
    given = strip.filepath if strip.type == "MOVIE" else strip.directory
    if not given:
        raise StripError(f"Strip {strip.name!r} has no file", "Choose a strip that shows a film or an image sequence")
    path = Path(os.path.normpath(bpy.path.abspath(given, library=strip.id_data.library)))
    if not (path.is_file() if strip.type == "MOVIE" else path.is_dir()):
        raise StripError(f"The file of strip {strip.name!r} is missing: {path}",
                         "Put it back, or choose the strip's file again")
    return path


def media_index(path: Path) -> FrameIndex:
    """The core's index of a film's frames, from the cache.

    Raises:
        NotIndexedError: the core has not looked at this file yet.
        StripError: the file cannot be read.
    """
    try:
        stat = path.stat()
        key = (str(path), stat.st_size, stat.st_mtime_ns)
        if key not in _indices:
            index = cached_index(path, file_fingerprint(path))
            if index is None:
                raise NotIndexedError(f"The frames of {path.name} have not been counted yet", "Try again in a moment")
            if len(_indices) > 8:
                _indices.clear()
            _indices[key] = index
        return _indices[key]
    except OSError as error:
        raise StripError(f"Cannot read {path} ({error.strerror})", "Put the file back, or choose another") from error


_indices: dict[tuple[str, int, int], FrameIndex] = {}


def pictures_in(folder: Path) -> tuple[str, ...]:
    """`list_images`, read again only when the folder has changed.

    Raises:
        OSError: no such folder, or it may not be read.
    """
    stamp = os.stat(folder).st_mtime_ns
    known = _listed.get(folder)
    if known is None or known[0] != stamp:
        if len(_listed) > 8:
            _listed.clear()
        known = _listed[folder] = stamp, tuple(list_images(folder))
    return known[1]


_listed: dict[Path, tuple[int, tuple[str, ...]]] = {}


def frame_map(scene: Any, strip: Any, frames: tuple[int, int] | None = None, *, exact: bool = True) -> FrameMap:
    """What `strip` shows at each of its timeline frames.

    Args:
        frames: first and last timeline frame to map instead of those between the strip's handles; what it would show
            there if it were dragged open.
        exact: refuse also strips of which Blender 5 may show a neighbouring frame (see `_refuse_unsteady`). Where
            faces are only collected, a neighbour does as well.

    Raises:
        NotIndexedError: a film that the core has not looked at yet.
        StripError: a strip that cannot be mapped exactly; the hint says what to do.
    """
    first, last = frames or strip_range(strip)
    path = strip_source(strip)
    _refuse_inexact(scene, strip)
    timeline = np.arange(first, last + 1, dtype=np.float64)
    if strip.type == "IMAGE":
        files = _element_indices(strip, path)
        positions = _positions(strip, timeline, factor=1.0, length=len(files))
        trim = int(_get(strip, "content_trim_start", "animation_offset_start"))
        at = np.minimum(positions.astype(np.int64) + trim, len(files) - 1)
        names = tuple(image_frame_names(list(pictures_in(path))))
        return FrameMap(path, first, np.asarray(files, np.int64)[at], names)
    index = media_index(path)
    _refuse_stream(strip, path)
    _refuse_film(path, index, _rate(strip, path))
    return FrameMap(path, first, _film_frames(scene, strip, timeline, index, exact), None)


def _get(strip: Any, new: str, old: str) -> Any:
    """Blender 5.2 renamed the times of strips and warns of the old names."""
    return getattr(strip, new) if hasattr(strip, new) else getattr(strip, old)


def collection(scene: Any) -> Any:
    """The scene's top-level strips: `sequences` up to 4.3, `strips` since."""
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def _refuse_inexact(scene: Any, strip: Any) -> None:
    name = repr(strip.name)
    if len(getattr(strip, "retiming_keys", ())):
        raise StripError(f"Strip {name} is retimed, so its frames cannot be told exactly",
                         "Clear its retiming (Strip > Retiming > Reset), or render it to a file and use that")
    top = collection(scene)
    if not any(s == strip for s in top):
        raise StripError(f"Strip {name} is inside a meta strip", "Ungroup the meta strip, or render it to a file")
    for other in top:
        if other.type == "SPEED" and strip in (_input(other, 1), _input(other, 2)):
            raise StripError(f"Strip {name} carries the speed effect {other.name!r}",
                             "Remove the effect, or render both to a file and use that")


def _input(effect: Any, number: int) -> Any:
    name = f"input_{number}"
    return getattr(effect, name, None)


def _refuse_stream(strip: Any, path: Path) -> None:
    if getattr(strip, "stream_index", 0) > 0:
        raise StripError(f"Strip {strip.name!r} shows another than the first picture stream of {path.name}",
                         "Choose stream 0, or render the strip to a file and use that")


def _refuse_film(path: Path, index: FrameIndex, fps: float) -> None:
    if index.ordinal:
        raise StripError(f"{path.name} carries no times, so Blender's frames cannot be told exactly",
                         "Make a copy with Constant Rate, under Tools, and use that")
    if not index.constant_rate and path.suffix.lower() in _STREAMS:
        raise StripError(f"{path.name} is a transport stream of variable rate, in which Blender finds frames by chance",
                         "Make a copy with Constant Rate, under Tools, and use that")
    if index.rotation and bpy.app.version < (4, 3, 0):
        raise StripError(f"{path.name} was filmed turned, which Blender {bpy.app.version_string} does not show upright",
                         "Make a copy with Constant Rate, under Tools, and use that")
    if not fps > 0:
        raise StripError(f"Blender cannot play {path.name}", "Convert the file to H.264 in mp4 and use that")


def _element_indices(strip: Any, folder: Path) -> list[int]:
    """For each picture of an image strip its place among the images of the folder."""
    try:
        places = {name: n for n, name in enumerate(pictures_in(folder))}
        return [places[element.filename] for element in strip.elements]
    except OSError as error:
        raise StripError(f"Cannot read {folder} ({error.strerror})", "Put it back, or choose another") from error
    except KeyError as error:
        raise StripError(f"Picture {error.args[0]} of strip {strip.name!r} is not in {folder}",
                         "Put it back, or take it out of the strip") from error


# --- the arithmetic -----------------------------------------------------------------------------------------------


def _film_frames(scene: Any, strip: Any, frames: np.ndarray, index: FrameIndex, exact: bool) -> np.ndarray:
    """Source frames of a film at timeline frames, int64."""
    trim0 = int(_get(strip, "content_trim_start", "animation_offset_start"))
    trim1 = int(_get(strip, "content_trim_end", "animation_offset_end"))
    fps = _rate(strip, strip_source(strip))
    total = _media_length(index, fps)
    length = total - trim0 - trim1
    if not hasattr(scene.sequence_editor, "strips"):
        length = int(strip.frame_duration)  # up to 4.3 this is the media's length, whatever the playback rate
    factors = _playback_factors(scene, strip, length, fps)
    if exact:
        for factor in factors:
            _refuse_unsteady(scene, strip, _positions(strip, frames, factor, length))
    positions = _positions(strip, frames, factors[0], length)
    media = np.minimum((positions + 0.5).astype(np.int64), length - 1) + trim0
    times, step = _media_times(index, fps, np.maximum(media, 0))
    if exact:
        _refuse_overshot(strip, index, times, step)
    found = np.searchsorted(np.asarray(index.pts, np.int64), times, side="right") - 1
    return np.clip(found, 0, len(index) - 1)


def film_sources(path: Path, fps: float) -> np.ndarray:
    """The source's frame that each media frame of a film is, from the first on; int64.

    Args:
        fps: the film's rate, as Blender tells it.

    Raises:
        NotIndexedError: a film that the core has not looked at yet.
        StripError: one of which Blender's frames cannot be told exactly.
    """
    index = media_index(path)
    _refuse_film(path, index, fps)
    return media_frames(index, fps, _media_length(index, fps))


def media_frames(index: FrameIndex, fps: float, count: int) -> np.ndarray:
    """The source's frame that each of the first `count` media frames of a film is, at Blender's rate; int64."""
    times, _ = _media_times(index, fps, np.arange(count))
    found = np.searchsorted(np.asarray(index.pts, np.int64), times, side="right") - 1
    return np.clip(found, 0, len(index) - 1)


def strip_rate(strip: Any, path: Path) -> float:
    """The rate of a strip's film, as Blender tells it."""
    return _rate(strip, path)


_rates: dict[tuple[str, int, int], float] = {}


def _rate(strip: Any, path: Path) -> float:
    """`strip.fps`, remembered: Blender opens the film anew for each look at it, some 15 ms."""
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    if not _rates.get(key, 0.0) > 0:
        _rates[key] = strip.fps
    return _rates[key]


def _media_length(index: FrameIndex, fps: float) -> int:
    """The film's length as Blender counts it: duration times nominal rate."""
    base = index.time_base[0] / index.time_base[1]
    seconds = index.duration * base if index.duration > 0 else index.container_duration
    return max(1, round(seconds * fps))


def _playback_factors(scene: Any, strip: Any, length: int, fps: float) -> list[float]:
    """Media frames for each timeline frame, the likeliest first: not 1 for films added with *Adjust Playback Rate*.

    No property tells; but then the strip is as long as the film lasts, and else as long as it has frames. Where both
    come to the same length (23.976 in a scene of 24, under 20 s), both give the same frames, too.
    """
    span = (_get(strip, "duration", "frame_final_duration") + _get(strip, "left_handle_offset", "frame_offset_start")
            + _get(strip, "right_handle_offset", "frame_offset_end"))
    factor = fps / (scene.render.fps / scene.render.fps_base)
    plain, adjusted = abs(span - length), abs(span - round(length / factor))
    if plain == adjusted:
        return [1.0, factor]
    return [factor if adjusted < plain else 1.0]


def _positions(strip: Any, frames: np.ndarray, factor: float, length: int) -> np.ndarray:
    """Where in the media timeline frames fall, in media frames, before rounding; held at both ends."""
    start = _get(strip, "content_start", "frame_start")
    end = start + round(length / factor) - 1
    positions = (end - frames) if strip.use_reverse_frames else (frames - start)
    positions = np.clip(positions, 0.0, max(end - start, 0.0)) * factor
    if strip.strobe > 1:
        positions = positions - positions % strip.strobe
    return positions


def _refuse_unsteady(scene: Any, strip: Any, positions: np.ndarray) -> None:
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


def _refuse_overshot(strip: Any, index: FrameIndex, times: np.ndarray, step: float) -> None:
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
                             "may show the next one in its place",
                             "Make a copy with Constant Rate, under Tools, and use that")


def _media_times(index: FrameIndex, fps: float, media: np.ndarray) -> tuple[np.ndarray, float]:
    """When Blender's media frames are on show, start + n / rate, and how long one is; in ticks of the film's clock."""
    nominal = index.nominal_rate[0] / index.nominal_rate[1]
    rate = nominal if abs(nominal - fps) < 1e-4 * fps else fps  # Blender's property is a single-precision figure
    step = index.time_base[1] / index.time_base[0] / rate
    return index.pts[0] + (media * step + 0.5).astype(np.int64), step
