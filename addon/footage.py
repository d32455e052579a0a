"""Strips <-> the core's sources: what to read for a strip, and the result laid over it."""

from __future__ import annotations

import os
import struct
import time
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import StripError, writing
from ..core.media.ranges import format_frames
from .frame_map import (
    FrameMap,
    NotIndexedError,
    collection,
    frame_map,
    media_index,
    strip_range,
    strip_source,
)

__all__ = ["FrameMap", "NotIndexedError", "frame_map", "frames_shown", "media_index", "place_overlay", "place_result",
           "placing", "strip_range", "strip_source"]

CHANNELS = 128
_BLANK = "understudy_blank.png"
_STEP = 0.02
_SLACK = 250  # frames beyond each handle that an overlay may reach, so that placing stays quick


def frames_shown(scene: Any, strip: Any, *, exact: bool = True) -> str:
    """The frames of the source that the strip shows, as the option `frames` takes them, such as "10-84".

    `exact`: as for `frame_map`; False will do for the strip that lends the face.

    Raises:
        NotIndexedError: a film that the core has not looked at yet.
        StripError: a strip that cannot be mapped exactly; the hint says what to do.
    """
    return format_frames(frame_map(scene, strip, exact=exact).shown())


def place_result(scene: Any, strip: Any, output: Path | str) -> Any:
    """`place_overlay` of the folder that the task `convert` names as its output."""
    return place_overlay(scene, strip, Path(output))


def place_overlay(scene: Any, strip: Any, folder: Path) -> Any:
    """Lay converted frames over their strip, as `placing` says; returns the new strip.

    1000 frames take about 20 ms, 6000 up to 2 s (Blender moves all pictures for each one added): from a timer use
    `placing`.

    Raises:
        StripError: nothing there that the strip shows, no free channel, or a strip that cannot be mapped exactly.
    """
    steps = placing(scene, strip, folder)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def placing(scene: Any, strip: Any, folder: Path, shot_uid: str = "") -> Generator[float, None, Any]:
    """`place_overlay` in steps of about 20 ms; each yields the part that is done, 0..1. Returns the new strip.

    The overlay stands above `strip`, alpha over, and shows the same frames at the same time: it has one picture for
    each timeline frame, whatever the strip's rate, direction or strobe; it takes over the handles as far as pictures
    are there, position, scale, rotation, crop and flips. The pictures are named as the core names the source's frames
    (`FrameMap.name`); frames without one are clear. An overlay placed earlier for this strip by this
    shot gives way, unless a person has put modifiers on it: then it is muted and stays.

    Raises:
        StripError: as for `place_overlay`; also if a person deletes strip or overlay meanwhile.
    """
    scene_name, strip_name = scene.name, strip.name
    first, last = strip_range(strip)
    start, pictures = _pictures(scene, strip, folder, first, last)
    channel = _make_room(scene, strip, start, start + len(pictures) - 1, shot_uid)
    overlay = collection(scene).new_image(name=f"{strip.name} swapped", filepath=str(folder / pictures[0]),
                                          channel=channel, frame_start=start)
    overlay.blend_type, overlay.alpha_mode = "ALPHA_OVER", "STRAIGHT"
    overlay.understudy_overlay, overlay.understudy_shot = strip.understudy_id, shot_uid
    overlay_name = overlay.name
    until = time.monotonic() + _STEP
    for n, picture in enumerate(pictures[1:], 1):
        overlay.elements.append(picture)
        if n % 32 == 0 and time.monotonic() > until:
            yield n / len(pictures)
            # Whatever happened meanwhile (undo frees every strip), old references are not to be touched.
            scene, strip, overlay = _found_again(scene_name, strip_name, overlay_name)
            until = time.monotonic() + _STEP
    _set(overlay, "left_handle_offset", "frame_offset_start", first - start)
    _set(overlay, "right_handle_offset", "frame_offset_end", start + len(pictures) - 1 - last)
    _look_alike(strip, overlay)
    refresh(scene)
    return overlay


def _found_again(scene: str, *names: str) -> tuple[Any, ...]:
    found = bpy.data.scenes.get(scene)
    strips = [collection(found).get(name) if found else None for name in names]
    if None in strips:
        raise StripError("The strip is gone, so the result was not placed", "Place the result again")
    return (found, *strips)


def _make_room(scene: Any, strip: Any, first: int, last: int, shot_uid: str) -> int:
    """Clear away the shot's earlier overlays of the strip; the channel for the new one."""
    channel = None
    for old in [s for s in collection(scene) if strip.understudy_id and s.understudy_overlay == strip.understudy_id
                and s.understudy_shot in ("", shot_uid)]:
        if len(old.modifiers):
            old.mute = True
        else:
            channel = old.channel
            collection(scene).remove(old)
    return _free_channel(scene, strip, channel, first, last)


def _pictures(scene: Any, strip: Any, folder: Path, first: int, last: int) -> tuple[int, list[str]]:
    """File names for consecutive timeline frames, and the first of these frames."""
    try:
        there = {name[:-4] for name in os.listdir(folder) if name.endswith(".png")}
    except OSError as error:
        raise StripError(f"Cannot read {folder} ({error.strerror})", "Convert the strip again") from error
    start = max(first - _SLACK, min(first, _content_start(strip)))
    end = min(last + _SLACK, max(last, _content_end(strip)))
    shows = frame_map(scene, strip, (start, end))
    names = [f"{name}.png" if name in there else "" for name in map(shows.name, shows.indices.tolist())]
    visible = names[first - start:last - start + 1]
    if not any(visible):
        raise StripError(f"None of the frames that strip {strip.name!r} shows is in {folder}", "Convert it again")
    while start < first and not names[0]:
        start += 1
        names.pop(0)
    while end > last and not names[-1]:
        end -= 1
        names.pop()
    # Beyond a gap outside the handles nothing belongs to this strip any more.
    before, after = names[:first - start], names[last - start + 1:]
    keep = len(before) - next((n for n, name in enumerate(reversed(before)) if not name), len(before))
    names = before[keep:] + visible + after[:next((n for n, name in enumerate(after) if not name), len(after))]
    if not all(names):
        _write_blank(folder / _BLANK)
    return start + keep, [name or _BLANK for name in names]


def _content_start(strip: Any) -> int:
    return int(getattr(strip, "content_start", None) if hasattr(strip, "content_start") else strip.frame_start)


def _content_end(strip: Any) -> int:
    """Last timeline frame of the strip's content, handles ignored."""
    last = strip_range(strip)[1]
    offset = strip.right_handle_offset if hasattr(strip, "right_handle_offset") else strip.frame_offset_end
    return last + int(offset)


def _look_alike(strip: Any, overlay: Any) -> None:
    """Let the overlay stand where the strip's picture stands."""
    for group, names in (("transform", ("offset_x", "offset_y", "scale_x", "scale_y", "rotation", "origin", "filter")),
                         ("crop", ("min_x", "max_x", "min_y", "max_y"))):
        for name in names:
            if hasattr(getattr(strip, group), name):
                setattr(getattr(overlay, group), name, getattr(getattr(strip, group), name))
    for name in ("use_flip_x", "use_flip_y", "color_saturation", "color_multiply", "use_float"):
        setattr(overlay, name, getattr(strip, name))


def _set(strip: Any, new: str, old: str, value: int) -> None:
    setattr(strip, new if hasattr(strip, new) else old, value)


def _free_channel(scene: Any, strip: Any, wished: int | None, first: int, last: int) -> int:
    """The lowest channel above the strip that nothing occupies between two frames."""
    taken = {s.channel for s in collection(scene) if strip_range(s)[0] <= last and first <= strip_range(s)[1]}
    if wished is not None and wished > strip.channel and wished not in taken:
        return wished
    for channel in range(strip.channel + 1, CHANNELS + 1):
        if channel not in taken:
            return channel
    raise StripError(f"There is no free channel above strip {strip.name!r}", "Move strips to make room above it")


def _write_blank(path: Path) -> None:
    """One clear pixel as PNG: a place in an image strip that shows nothing."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 6, 0, 0, 0)
    with writing(path):
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 5))
                         + chunk(b"IEND", b""))


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
