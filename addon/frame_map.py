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

import numpy as np

from ..core.errors import StripError
from ..core.media.index import FrameIndex, cached_index, file_fingerprint
from ..core.media.listing import image_frame_names, list_images, video_frame_name
from .frame_refusals import refuse_film, refuse_inexact, refuse_overshot, refuse_stream, refuse_unsteady
from .strips import strip_range, strip_rate, strip_source, value


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
        exact: refuse also strips of which Blender 5 may show a neighbouring frame (see `refuse_unsteady`). Where
            faces are only collected, a neighbour does as well.

    Raises:
        NotIndexedError: a film that the core has not looked at yet.
        StripError: a strip that cannot be mapped exactly; the hint says what to do.
    """
    first, last = frames or strip_range(strip)
    path = strip_source(strip)
    refuse_inexact(scene, strip)
    timeline = np.arange(first, last + 1, dtype=np.float64)
    if strip.type == "IMAGE":
        files = _element_indices(strip, path)
        positions = _positions(strip, timeline, factor=1.0, length=len(files))
        trim = int(value(strip, "content_trim_start", "animation_offset_start"))
        at = np.minimum(positions.astype(np.int64) + trim, len(files) - 1)
        names = tuple(image_frame_names(list(pictures_in(path))))
        return FrameMap(path, first, np.asarray(files, np.int64)[at], names)
    index = media_index(path)
    refuse_stream(strip, path)
    refuse_film(path, index, strip_rate(strip, path))
    return FrameMap(path, first, _film_frames(scene, strip, timeline, index, exact), None)


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
    trim0 = int(value(strip, "content_trim_start", "animation_offset_start"))
    trim1 = int(value(strip, "content_trim_end", "animation_offset_end"))
    fps = strip_rate(strip, strip_source(strip))
    total = _media_length(index, fps)
    length = total - trim0 - trim1
    if not hasattr(scene.sequence_editor, "strips"):
        length = int(strip.frame_duration)  # up to 4.3 this is the media's length, whatever the playback rate
    factors = _playback_factors(scene, strip, length, fps)
    if exact:
        for factor in factors:
            refuse_unsteady(scene, strip, _positions(strip, frames, factor, length))
    positions = _positions(strip, frames, factors[0], length)
    media = np.minimum((positions + 0.5).astype(np.int64), length - 1) + trim0
    times, step = _media_times(index, fps, np.maximum(media, 0))
    if exact:
        refuse_overshot(strip, index, times, step)
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
    refuse_film(path, index, fps)
    return media_frames(index, fps, _media_length(index, fps))


def media_frames(index: FrameIndex, fps: float, count: int) -> np.ndarray:
    """The source's frame that each of the first `count` media frames of a film is, at Blender's rate; int64."""
    times, _ = _media_times(index, fps, np.arange(count))
    found = np.searchsorted(np.asarray(index.pts, np.int64), times, side="right") - 1
    return np.clip(found, 0, len(index) - 1)


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
    span = (value(strip, "duration", "frame_final_duration") + value(strip, "left_handle_offset", "frame_offset_start")
            + value(strip, "right_handle_offset", "frame_offset_end"))
    factor = fps / (scene.render.fps / scene.render.fps_base)
    plain, adjusted = abs(span - length), abs(span - round(length / factor))
    if plain == adjusted:
        return [1.0, factor]
    return [factor if adjusted < plain else 1.0]


def _positions(strip: Any, frames: np.ndarray, factor: float, length: int) -> np.ndarray:
    """Where in the media timeline frames fall, in media frames, before rounding; held at both ends."""
    start = value(strip, "content_start", "frame_start")
    end = start + round(length / factor) - 1
    positions = (end - frames) if strip.use_reverse_frames else (frames - start)
    positions = np.clip(positions, 0.0, max(end - start, 0.0)) * factor
    if strip.strobe > 1:
        positions = positions - positions % strip.strobe
    return positions


def _media_times(index: FrameIndex, fps: float, media: np.ndarray) -> tuple[np.ndarray, float]:
    """When Blender's media frames are on show, start + n / rate, and how long one is; in ticks of the film's clock."""
    nominal = index.nominal_rate[0] / index.nominal_rate[1]
    rate = nominal if abs(nominal - fps) < 1e-4 * fps else fps  # Blender's property is a single-precision figure
    step = index.time_base[1] / index.time_base[0] / rate
    return index.pts[0] + (media * step + 0.5).astype(np.int64), step
