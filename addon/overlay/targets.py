"""What an editor shows: which footage, which of its frames at which timeline frame, and where on the screen.

Looks at Blender's data only. Whatever takes a disk (a film's index, a folder's list of pictures) is fetched by the
keeper's thread first; until then a target says that it is not ready.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.errors import StripError, UnderstudyError
from ...core.media.listing import image_frame_names
from .. import shot, stages, watch
from ..frame_map import FrameMap, NotIndexedError, frame_map, media_frames, media_index, pictures_in
from ..strips import strip_range
from . import proxies
from .geometry import StripPlace, strip_view, unit_square, view_region

_NUMBERED = re.compile(r"^(.*?)(\d+)([^\d]*)$", re.ASCII | re.DOTALL)  # as Blender counts: by the last digits
_KEPT = 16  # frame maps
_PATIENCE = 3.0  # seconds after which what could not be mapped is tried again: a file may have come back


@dataclass(frozen=True, eq=False)
class Target:
    """The footage that an editor shows.

    Attributes:
        is_clip: a movie clip in the Clip Editor; else a strip in the sequencer.
        scene, name: of the scene whose frames count, and of the strip or clip.
        source, elsewhere: see `Request`.
        shows: which frame of the source at which timeline frame; None while `problem` says why.
    """

    is_clip: bool
    scene: str
    name: str
    source: Path | None
    elsewhere: Path | None
    shows: FrameMap | None
    problem: str = ""


# --- which footage ------------------------------------------------------------------------------------------------


def strips_of(scene: Any) -> Any:
    """The scene's top-level strips; empty where it has no sequencer. Nothing is made, unlike `frame_map.collection`."""
    editor = scene.sequence_editor
    if editor is None:
        return ()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def strip_under(scene: Any, frame: int) -> Any | None:
    """The strip whose faces are meant at a timeline frame: one of a shot before others, then the topmost."""
    best = None
    for strip in strips_of(scene):
        if strip.type not in ("MOVIE", "IMAGE") or strip.mute or strip.understudy_overlay:
            continue
        first, last = strip_range(strip)
        if first <= frame <= last:
            rank = (bool(strip.understudy_id), strip.channel)
            if best is None or rank > best[0]:
                best = rank, strip
    if best is None or scene.sequence_editor.channels[best[1].channel].mute:
        return None
    return best[1]


def of_sequencer(scene: Any) -> Target | None:
    """What the sequencer shows at the current frame; None where there is no footage."""
    strip = strip_under(scene, scene.frame_current)
    if strip is None:
        return None
    try:
        source, found = shot.source_path(strip), of_strip(scene, strip)
    except UnderstudyError as error:
        source, found = None, str(error)
    return _target(False, scene, strip, source, found, strip)


def of_clip(scene: Any, clip: Any) -> Target:
    """What the Clip Editor shows."""
    strip = None
    try:
        source = clip_source(clip)
        strip = next((one for one in shot.strips(scene) if _shows(one, source)), None)
        found = _known(_clip_key(clip), source, clip.source, lambda: clip_map(clip))
    except UnderstudyError as error:
        source, found = None, str(error)
    return _target(True, scene, clip, source, found, strip)


def of_strip(scene: Any, strip: Any) -> FrameMap | str:
    """What a strip shows at each of its timeline frames, made once for each of its states; in words why not (yet)."""
    return _known(_strip_key(scene, strip), shot.source_path(strip), strip.type,
                  lambda: frame_map(scene, strip, exact=False))


_maps: dict[tuple[Any, ...], tuple[FrameMap | str, float]] = {}  # with the time until which it counts
_fetched: set[tuple[Path, bool]] = set()  # footage of which the disk was asked
_fetching: set[tuple[Path, bool]] = set()


def _target(is_clip: bool, scene: Any, shown: Any, source: Path | None, found: FrameMap | str, strip: Any) -> Target:
    try:
        elsewhere = stages.elsewhere(scene, strip) if strip is not None else None
    except UnderstudyError:  # the .blend was never saved
        elsewhere = None
    shows = found if isinstance(found, FrameMap) else None
    return Target(is_clip, scene.name, shown.name, source, elsewhere, shows, "" if shows is not None else str(found))


def _shows(strip: Any, source: Path) -> bool:
    try:
        return shot.source_path(strip) == source
    except UnderstudyError:
        return False


def _known(key: tuple[Any, ...], source: Path, kind: str, make: Callable[[], FrameMap]) -> FrameMap | str:
    """A frame map, made once for each state of the strip or clip; in words why there is none."""
    found, until = _maps.get(key, (None, 0.0))
    if found is None or time.monotonic() > until:
        place = (source, kind == "MOVIE")
        if not bpy.app.background and place not in _fetched:
            _fetch(place)
            return f"Looking at {source.name}"
        try:
            found = make()
        except NotIndexedError as error:
            _fetched.discard(place)  # the core may have counted it by the next time
            return str(error)
        except UnderstudyError as error:
            found = str(error)
        _maps.pop(key, None)
        while len(_maps) >= _KEPT:
            del _maps[next(iter(_maps))]
        _maps[key] = found, time.monotonic() + _PATIENCE if isinstance(found, str) else float("inf")
    return found


def _fetch(place: tuple[Path, bool]) -> None:
    """Have the keeper's thread read what a frame map needs from the disk, so that it is in memory."""
    if place in _fetching:
        return
    _fetching.add(place)

    def fetch() -> None:
        try:
            (media_index if place[1] else pictures_in)(place[0])
        except (UnderstudyError, OSError):
            pass  # making the map says it again
        finally:
            _fetched.add(place)
            _fetching.discard(place)

    watch.keeper.later(fetch)


def forget() -> None:
    """Another .blend is open."""
    _maps.clear()
    _fetched.clear()


def _strip_key(scene: Any, strip: Any) -> tuple[Any, ...]:
    """Whatever decides which frames a strip shows."""
    render = scene.render
    times = (_TIMES if hasattr(strip, "left_handle") else _OLD_TIMES)
    file = strip.filepath if strip.type == "MOVIE" else (strip.directory, len(strip.elements))
    return ("strip", scene.name, strip.name, file, bpy.data.filepath, render.fps, render.fps_base,
            strip.use_reverse_frames, strip.strobe, len(getattr(strip, "retiming_keys", ())),
            *(getattr(strip, name) for name in times))


_TIMES = ("left_handle", "right_handle", "content_start", "content_duration", "content_trim_start", "content_trim_end",
          "left_handle_offset", "right_handle_offset")
_OLD_TIMES = ("frame_final_start", "frame_final_end", "frame_start", "frame_duration", "animation_offset_start",
              "animation_offset_end", "frame_offset_start", "frame_offset_end")


def _clip_key(clip: Any) -> tuple[Any, ...]:
    return ("clip", clip.name, clip.filepath, bpy.data.filepath, clip.source, clip.frame_start, clip.frame_offset,
            clip.frame_duration)


# --- clips --------------------------------------------------------------------------------------------------------


def clip_source(clip: Any) -> Path:
    """The footage of a clip: the film, or the folder of the pictures. No disk is touched.

    Raises:
        StripError: the clip names none.
    """
    if not clip.filepath:
        raise StripError(f"Clip {clip.name!r} has no file", "Open a film or an image sequence in the Clip Editor")
    path = Path(bpy.path.abspath(clip.filepath, library=clip.library)).absolute()
    return path if clip.source == "MOVIE" else path.parent


def clip_map(clip: Any) -> FrameMap:
    """Which frame of the footage a clip shows at each timeline frame.

    Raises:
        NotIndexedError: a film that the core has not looked at yet.
        StripError: pictures whose names do not count, or a film whose frames cannot be told.
    """
    source = clip_source(clip)
    first = clip.frame_start - clip.frame_offset
    if clip.source == "MOVIE":
        return FrameMap(source, first, media_frames(media_index(source), clip.fps, clip.frame_duration), None)
    names = pictures_in(source)
    found = _NUMBERED.match(Path(clip.filepath).name)
    if found is None:
        raise StripError(f"The pictures of clip {clip.name!r} are not numbered", "Rename them to end in numbers")
    head, digits, tail = found.groups()
    places = {name: n for n, name in enumerate(names)}
    indices = [places.get(f"{head}{int(digits) + n:0{len(digits)}d}{tail}", -1) for n in range(clip.frame_duration)]
    return FrameMap(source, first, np.array(indices, np.int64), tuple(image_frame_names(list(names))))


# --- where on the screen ------------------------------------------------------------------------------------------


def is_warped(space: Any) -> bool:
    """Whether a Clip Editor shows the clip stabilised or undistorted: pixels are then elsewhere than in the footage."""
    return bool((space.show_stable and space.clip.tracking.stabilization.use_2d_stabilization)
                or space.clip_user.use_render_undistorted)


def strip_size(strip: Any, fallback: tuple[int, int]) -> tuple[float, float]:
    """The size of a strip's picture as Blender counts it."""
    element = strip.elements[0] if len(strip.elements) else None
    size = (element.orig_width, element.orig_height) if element is not None else (0, 0)
    return size if size[0] and size[1] else fallback


def view_to_region(region: Any) -> np.ndarray:
    """View -> pixels of a region, as zoom and pan are now."""
    view, width, height = region.view2d, region.width, region.height
    if region.type == "WINDOW":  # the Clip Editor's, which draws a picture from a whole pixel on
        matrix = view_region(view.region_to_view(0, 0), view.region_to_view(width, height), (width, height))
        matrix[:, 2] = view.view_to_region(0.0, 0.0, clip=False)
        return matrix
    # In the preview `region_to_view` has the far edge at the last pixel, and what is drawn has it behind that one:
    # without the -1, points at the right and at the top would lie a pixel off.
    return view_region(view.region_to_view(0, 0), view.region_to_view(width - 1, height - 1), (width, height))


def to_view(target: Target, frame_size: tuple[int, int], space: Any) -> np.ndarray | None:
    """Frame pixels -> the view of an editor, as the strip's properties are now; None if the strip is gone."""
    if target.is_clip:
        return unit_square(frame_size)
    scene = bpy.data.scenes.get(target.scene)
    strips = strips_of(scene) if scene is not None else ()
    strip = strips.get(target.name) if len(strips) else None
    return strip_to_view(strip, frame_size, space) if strip is not None else None


def strip_to_view(strip: Any, frame_size: tuple[int, int], space: Any) -> np.ndarray:
    """Frame pixels -> the view of a sequencer's preview."""
    place, render, size = strip.transform, strip.id_data.render, strip_size(strip, frame_size)
    return strip_view(frame_size, StripPlace(
        size, (place.offset_x, place.offset_y), (place.scale_x, place.scale_y), place.rotation, tuple(place.origin),
        (strip.use_flip_x, strip.use_flip_y), render.pixel_aspect_x / render.pixel_aspect_y),
        proxies.rendering(space, strip, size))
