"""The strip that shows a conversion: laid over the strip that was converted, and brought up to date in place."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import StripError
from ..core.media.ranges import parse_frames
from .frame_map import frame_map, media_index
from .result_look import begin_alike, look_alike
from .result_pictures import pictures_for
from .strips import collection, inputs_of, strip_range

CHANNELS = 128
_STEP = 0.02
# What a strip can show, with what it is called: layers and patches are for compositors.
_SHOWN = {"overlay": "swapped", "frames": "converted"}


@dataclass(frozen=True)
class Made:
    """What a conversion has made, as far as a strip needs to know (`made` of the task `convert`).

    Attributes:
        path: the folder of the pictures, or the video file.
        is_video: one file rather than a folder.
        shows: "overlay", the swapped faces over nothing; "frames", whole frames; anything else is not for a strip.
        premultiplied: colours are multiplied by alpha (EXR), not straight.
        suffix: how the pictures' names end, such as ".png".
        scale: pixels of the result for one of the source.
        frames: which frames of the source a video holds, such as "0-99"; "": all.
    """

    path: Path
    is_video: bool = False
    shows: str = "overlay"
    premultiplied: bool = False
    suffix: str = ".png"
    scale: float = 1.0
    frames: str = ""

    @classmethod
    def of(cls, result: Mapping[str, Any], options: Mapping[str, Any]) -> Made:
        """From a finished conversion: what the task has told, and its options."""
        told = result.get("made")
        if not told:  # before 0.2 only overlays were placed
            writer = options.get("writer", "overlay")
            shows = {"overlay": "overlay", "images": "frames", "video": "frames"}.get(writer, writer)
            return cls(Path(result["output"]), writer == "video", shows)
        return cls(Path(told["path"]), told["kind"] == "video", told["shows"], told.get("alpha") == "premultiplied",
                   told.get("suffix", ".png"), float(options.get("output_scale", 100.0)) / 100.0,
                   told.get("frames", ""))

    @property
    def can_be_shown(self) -> bool:
        """Whether a strip can show it."""
        return self.shows in _SHOWN and self.path.suffix.lower() != ".gif"


def place(scene: Any, strip: Any, made: Made | Path | str, shot_uid: str = "") -> Any:
    """Lay what was made over its strip, as `placing` says; a path alone is a folder of overlays. Returns the new strip.

    1000 frames take about 20 ms, 6000 up to 2 s (Blender moves all pictures for each one added): from a timer use
    `placing`.

    Raises:
        StripError: nothing there that the strip shows, no free channel, or a strip that cannot be mapped exactly.
    """
    steps = placing(scene, strip, made if isinstance(made, Made) else Made(Path(made)), shot_uid)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def placing(scene: Any, strip: Any, made: Made, shot_uid: str = "") -> Generator[float, None, Any]:
    """`place` in steps of about 20 ms; each yields the part that is done, 0..1. Returns the result's strip.

    It stands above `strip`, alpha over, so that sound and what lies below stay, and shows the same frames at the same
    time: pictures are one for each timeline frame, whatever the strip's rate, direction or strobe. It takes over the
    handles as far as pictures are there, position, scale, rotation, crop, flips and the animation of these; a new one
    opacity and fades as well. The pictures are named as the core names the source's frames (`FrameMap.name`); frames
    without one are clear, so that the original shows.

    The shot's earlier result is brought up to date rather than replaced: channel (where it is free), name, modifiers,
    opacity, animation of its own and colour label are the person's and stay. Only a film cannot become pictures, or the
    other way round: it gives way, unless a person has put modifiers on it: then it is muted and stays.

    Raises:
        StripError: as for `place`; also if a person deletes one of the strips meanwhile.
    """
    if not made.can_be_shown:
        raise StripError(f"What was made in {made.path} is for a compositor, not for a strip",
                         "Choose the writer Overlay, Image Sequence or Video to have it on the timeline")
    if made.is_video:
        result = _film(scene, strip, made, shot_uid)
    else:
        result = yield from _sequence(scene, strip, made, shot_uid)
        strip = _found_again(scene.name, strip.name)[1]
    look_alike(strip, result, made.scale)
    _make_relative(result)
    refresh(scene)
    return result


# --- pictures -----------------------------------------------------------------------------------------------------


def _sequence(scene: Any, strip: Any, made: Made, shot_uid: str) -> Generator[float, None, Any]:
    first, last = strip_range(strip)
    start, pictures = pictures_for(scene, strip, made.path, made.suffix, first, last)
    end = start + len(pictures) - 1
    kept = _earlier(scene, strip, shot_uid, "IMAGE")
    channel = _free_channel(scene, strip, kept, start, end, _give_way(scene, strip, shot_uid, kept))
    if kept is None:
        result = collection(scene).new_image(name=f"{strip.name} {_SHOWN[made.shows]}",
                                             filepath=str(made.path / pictures[0]), channel=channel, frame_start=start)
        begin_alike(strip, result)
    else:
        result = kept
        _set(result, "left_handle_offset", "frame_offset_start", 0)
        _set(result, "right_handle_offset", "frame_offset_end", 0)
        while len(result.elements) > len(pictures):
            result.elements.pop(index=len(result.elements) - 1)
        result.directory = str(made.path) + os.sep
        result.channel = channel
        _set(result, "content_start", "frame_start", start)
    result.alpha_mode = "PREMUL" if made.premultiplied else "STRAIGHT"
    _sign(result, strip, shot_uid)
    yield from _fill(scene.name, strip.name, result, pictures)
    result = _found_again(scene.name, strip.name, result.name)[2]
    result.channel = channel  # Blender moves a strip aside that grows into another
    _set(result, "left_handle_offset", "frame_offset_start", first - start)
    _set(result, "right_handle_offset", "frame_offset_end", end - last)
    return result


def _fill(scene: str, strip: str, result: Any, pictures: list[str]) -> Generator[float, None, None]:
    """Give the strip these pictures, in steps."""
    name, there = result.name, len(result.elements)
    until = time.monotonic() + _STEP
    for n, picture in enumerate(pictures):
        if n >= there:
            result.elements.append(picture)
        elif result.elements[n].filename != picture:
            result.elements[n].filename = picture
        if n % 32 == 31 and time.monotonic() > until:
            yield n / len(pictures)
            # Whatever happened meanwhile (undo frees every strip), old references are not to be touched.
            result = _found_again(scene, strip, name)[2]
            until = time.monotonic() + _STEP


def _found_again(scene: str, *names: str) -> tuple[Any, ...]:
    found = bpy.data.scenes.get(scene)
    strips = [collection(found).get(name) if found else None for name in names]
    if None in strips:
        raise StripError("The strip is gone, so the result was not placed", "Place the result again")
    return (found, *strips)


# --- a film -------------------------------------------------------------------------------------------------------


def _film(scene: Any, strip: Any, made: Made, shot_uid: str) -> Any:
    """A film that runs frame by frame with its strip."""
    shows = frame_map(scene, strip)
    indices = shows.indices.tolist()
    held = parse_frames(made.frames, max(indices) + 1) if made.frames else list(range(max(indices) + 1))
    steady = strip.type != "MOVIE" or media_index(shows.source).constant_rate
    plain = steady and all(after - before == 1 for before, after in itertools.pairwise(indices))
    if not plain or indices[0] not in held:
        raise StripError(f"The video {made.path.name} does not run frame by frame with strip {strip.name!r}",
                         "Choose the writer Overlay or Image Sequence to have the result on the timeline")
    offset = held.index(indices[0])
    here = [index for index in indices if index in set(held)]
    if held[offset:offset + len(here)] != here or here != indices[:len(here)]:
        raise StripError(f"The video {made.path.name} leaves out frames that strip {strip.name!r} shows",
                         "Convert without a range of frames, or choose the writer Overlay or Image Sequence")
    first = shows.first
    kept = _earlier(scene, strip, shot_uid, "MOVIE")
    channel = _free_channel(scene, strip, kept, first, first + len(here) - 1,
                            _give_way(scene, strip, shot_uid, kept))
    if kept is None:
        result = collection(scene).new_movie(name=f"{strip.name} {_SHOWN[made.shows]}", filepath=str(made.path),
                                             channel=channel, frame_start=first - offset)
        begin_alike(strip, result)
    else:
        result = kept
        result.filepath = str(made.path)
        result.channel = channel
        _set(result, "content_start", "frame_start", first - offset)
    _sign(result, strip, shot_uid)
    _set(result, "left_handle", "frame_final_start", first)
    _set(result, "right_handle", "frame_final_end", first + len(here))
    result.channel = channel
    return result


# --- both -----------------------------------------------------------------------------------------------------------


def missing_from(scene: Any, strip: Any, result: Any) -> str:
    """What makes the strip look otherwise and does not reach its result, as a sentence; "" for nothing."""
    effects = [other.name for other in collection(scene) if strip in inputs_of(other)]
    if effects:
        return (f"{strip.name} goes through the effect {', '.join(effects)}, which does not reach its result: give the "
                "result the same effect")
    if len(strip.modifiers) and not len(result.modifiers):
        return (f"{strip.name} has modifiers, which its result has not: copy them to it (Copy to Selected Strips, with "
                "the modifiers)")
    return ""


def results_of(scene: Any, strip: Any, shot_uid: str = "") -> list[Any]:
    """The strips that show conversions of this strip by this shot: those above it, or all where it was moved away.

    Of a strip that was cut in two together with its result, each half has its own.
    """
    found = [s for s in collection(scene) if strip.understudy_id and s.understudy_overlay == strip.understudy_id
             and s.understudy_shot in ("", shot_uid)]
    first, last = strip_range(strip)
    above = [s for s in found if strip_range(s)[0] <= last and first <= strip_range(s)[1]]
    return above or found


def _earlier(scene: Any, strip: Any, shot_uid: str, kind: str) -> Any | None:
    """The shot's earlier result of this strip that can be brought up to date."""
    return next((s for s in results_of(scene, strip, shot_uid) if s.type == kind), None)


def _give_way(scene: Any, strip: Any, shot_uid: str, kept: Any | None) -> int | None:
    """Clear away earlier results that cannot be brought up to date; the channel of one of them."""
    channel = None
    for old in results_of(scene, strip, shot_uid):
        if old == kept:
            continue
        if len(old.modifiers):
            old.mute = True
        else:
            channel = old.channel
            collection(scene).remove(old)
    return channel


def _sign(result: Any, strip: Any, shot_uid: str) -> None:
    result.understudy_overlay, result.understudy_shot = strip.understudy_id, shot_uid


def _make_relative(result: Any) -> None:
    """Have the path begin with the folder of the .blend where the person likes that of all paths."""
    if bpy.context.preferences.filepaths.use_relative_paths and bpy.data.filepath:
        name = "filepath" if result.type == "MOVIE" else "directory"
        try:
            setattr(result, name, bpy.path.relpath(getattr(result, name)))
        except ValueError:
            pass  # on another drive


def _set(strip: Any, new: str, old: str, value: int) -> None:
    setattr(strip, new if hasattr(strip, new) else old, value)


def _free_channel(scene: Any, strip: Any, kept: Any | None, first: int, last: int, wished: int | None) -> int:
    """The earlier result's channel, or else the lowest above the strip, that nothing occupies between two frames."""
    taken = {other.channel for other in collection(scene)
             if other != kept and strip_range(other)[0] <= last and first <= strip_range(other)[1]}
    for channel in (kept.channel if kept is not None else None, wished):
        if channel is not None and channel > strip.channel and channel not in taken:
            return channel
    for channel in range(strip.channel + 1, CHANNELS + 1):
        if channel not in taken:
            return channel
    raise StripError(f"There is no free channel above strip {strip.name!r}", "Move strips to make room above it")


def refresh(scene: Any) -> None:
    """Make the sequencer forget pictures that it drew before; since 5.0 changes from Python do not do so."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            region = next((r for r in area.regions if r.type == "WINDOW"), None)
            if area.type == "SEQUENCE_EDITOR" and region is not None:
                with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
                    if bpy.ops.sequencer.refresh_all.poll():
                        bpy.ops.sequencer.refresh_all()
                return
