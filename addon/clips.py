"""A strip's footage as a movie clip, for the Clip Editor: its frames are the source's, one for one.

Marker frames count from 1 at the clip's first frame, wherever the clip begins on the timeline.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..core.errors import StripError, UsageError
from ..core.media.listing import list_images
from . import shot
from .frame_map import film_sources, frame_map
from .strips import strip_range, strip_rate, strip_source

_NUMBERED = re.compile(r"^(.*?)(\d+)([^\d]*)$", re.ASCII | re.DOTALL)  # as Blender counts: by the last digits


@dataclass(frozen=True, eq=False)
class ClipFrames:
    """Which frame of the source a clip shows.

    Attributes:
        sources: int64 [N], frame of the source that clip frames 1, 2, … show, never descending.
    """

    sources: np.ndarray

    def source(self, clip_frame: int) -> int | None:
        """The source's frame at a clip frame; None outside the clip."""
        return int(self.sources[clip_frame - 1]) if 1 <= clip_frame <= len(self.sources) else None

    def clip(self, source: int) -> int | None:
        """The first clip frame that shows a frame of the source; None for one that Blender never shows."""
        at = int(np.searchsorted(self.sources, source))
        return at + 1 if at < len(self.sources) and self.sources[at] == source else None


def clip_frames(strip: Any) -> ClipFrames:
    """What the movie clip of a strip's footage shows. Looks at the disk.

    Raises:
        NotIndexedError: a film that the core has not looked at yet.
        StripError: pictures whose names the Clip Editor cannot count, or a file that is missing.
    """
    path = strip_source(strip)
    return film_frames(path, strip_rate(strip, path)) if strip.type == "MOVIE" else picture_frames(path)


def film_frames(path: Path, rate: float) -> ClipFrames:
    """A film's clip; `rate` as Blender tells it of strip or clip. Raises as `clip_frames`."""
    return ClipFrames(film_sources(path, rate))


def picture_frames(path: Path) -> ClipFrames:
    """The clip of a folder of pictures. Raises as `clip_frames`."""
    names = list_images(path)
    parts = [_NUMBERED.match(Path(name).stem) for name in names]
    if not names or None in parts:
        raise StripError(f"The pictures in {path} are not numbered, so the Clip Editor cannot show them",
                         "Rename them to end in numbers, or render the strip to a film and use that")
    first = parts[0]
    assert first is not None
    start, digits, ending = int(first[2]), len(first[2]), Path(names[0]).suffix
    for n, name in enumerate(names):
        if name != f"{first[1]}{start + n:0{digits}d}{first[3]}{ending}":
            raise StripError(f"The pictures in {path} are not numbered one after the other (see {name}), so the Clip "
                             "Editor cannot show them", "Renumber them without gaps, or take other pictures away")
    return ClipFrames(np.arange(len(names), dtype=np.int64))


def clip_path(strip: Any) -> Path:
    """The file that Blender opens as the clip: the film, or the first picture of the folder."""
    path = strip_source(strip)
    return path if strip.type == "MOVIE" else path / list_images(path)[0]


def find_clip(strip: Any) -> Any | None:
    """The movie clip of the strip's footage, if it is open in this file."""
    try:
        path = clip_path(strip)
    except (StripError, OSError, IndexError):
        return None
    return next((clip for clip in bpy.data.movieclips if Path(bpy.path.abspath(clip.filepath)) == path), None)


def open_clip(scene: Any, strip: Any) -> Any:
    """The movie clip of the strip's footage; it begins on the timeline where the strip shows it.

    Raises:
        StripError: it cannot be read, or not be shown frame by frame.
    """
    clip = find_clip(strip)
    if clip is None:
        path = clip_path(strip)
        try:
            clip = bpy.data.movieclips.load(str(path))
        except RuntimeError as error:
            raise StripError(f"Blender cannot open {path} as a movie clip ({error})",
                             "Convert it to H.264 in mp4 and use that") from error
        clip.use_fake_user = True  # a clip that nothing uses is not saved
        clip.understudy.is_ours = True
        if bpy.context.preferences.filepaths.use_relative_paths and bpy.data.filepath:
            clip.filepath = bpy.path.relpath(str(path))
    clip.understudy.strip = strip.understudy_id
    if clip.understudy.is_ours:
        start = _start(scene, strip)
        if start is not None:
            clip.frame_start = start
    return clip


def _start(scene: Any, strip: Any) -> int | None:
    """The timeline frame of the clip's first frame, so that both editors show the same; None where they cannot."""
    shown, frames = frame_map(scene, strip, exact=False), clip_frames(strip)
    first = next((n for n in range(len(shown)) if frames.clip(int(shown.indices[n])) is not None), None)
    if first is None:
        return None
    return shown.first + first - (frames.clip(int(shown.indices[first])) or 1) + 1


# --- the frame that is shown --------------------------------------------------------------------------------------


def shown_frame(context: Any, scene: Any, strip: Any) -> int:
    """The source's frame that the editor under the mouse shows: the Clip Editor's, else the sequencer's.

    Raises:
        StripError, UsageError: no strip, or not shown at the current frame.
    """
    clip = clip_in(context)
    if clip is not None and clip == find_clip(strip):
        found = clip_frames(strip).source(context.scene.frame_current - clip.frame_start + 1)
    else:
        found = strip_frame(scene, strip, scene.frame_current)
    if found is None:
        raise UsageError(f"Strip {strip.name!r} is not shown at this frame", "Go to a frame that it covers")
    return found


def strip_frame(scene: Any, strip: Any, frame: int) -> int | None:
    """The source's frame that a strip shows at a timeline frame; None outside its handles."""
    first, last = strip_range(strip)
    if not first <= frame <= last:
        return None
    return frame_map(scene, strip, (frame, frame), exact=False).source_frame(frame)


def shown_strip(context: Any, scene: Any) -> Any:
    """The strip that the editor of a context shows: the one on whose footage the Clip Editor's clip is, the one at the
    sequencer's current frame, or else the one that the tools are about.

    Raises:
        StripError: there is none.
    """
    from .overlay.targets import strip_under  # it needs what only the extension has; a second Blender draws masks

    clip = clip_in(context)
    if clip is not None:
        strip = next((strip for strip in shot.strips(scene) if find_clip(strip) == clip), None)
        if strip is None:
            raise StripError(f"No strip of this scene shows the clip {clip.name}", "Put the strip back, or open the "
                             "clip of another one")
    else:
        strip = strip_under(scene, scene.frame_current) or shot.needed_tool_strip(scene)
    shot.identify(scene, strip)
    return strip


def clip_in(context: Any) -> Any | None:
    """The clip that the editor of this context shows; None in other editors."""
    space = getattr(context, "space_data", None)
    return space.clip if space is not None and space.type == "CLIP_EDITOR" else None


# --- pixels -------------------------------------------------------------------------------------------------------


def to_markers(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Points [..., 2] in frame pixels (centres at integers, y down) as markers have them: 0..1, y up; float32."""
    points = np.asarray(points, np.float64)
    return np.stack([(points[..., 0] + 0.5) / size[0], 1 - (points[..., 1] + 0.5) / size[1]], -1).astype(np.float32)


def from_markers(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The inverse of `to_markers`, float64."""
    points = np.asarray(points, np.float64)
    return np.stack([points[..., 0] * size[0] - 0.5, (1 - points[..., 1]) * size[1] - 0.5], -1)


class UNDERSTUDY_ClipFaces(bpy.types.PropertyGroup):
    """What a movie clip remembers of the faces that became tracks of it."""

    is_ours: bpy.props.BoolProperty()  # type: ignore[valid-type]
    strip: bpy.props.StringProperty()  # type: ignore[valid-type]
    record: bpy.props.StringProperty()  # type: ignore[valid-type]


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_ClipFaces)
    bpy.types.MovieClip.understudy = bpy.props.PointerProperty(type=UNDERSTUDY_ClipFaces)


def unregister() -> None:
    del bpy.types.MovieClip.understudy
    bpy.utils.unregister_class(UNDERSTUDY_ClipFaces)
