"""Building the index of a video's frames, by reading its packets where they tell, by decoding where they do not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from ..errors import SourceError
from .index import FrameIndex

_DAMAGED = "The file is damaged or incomplete: copy it again from where it was recorded"
_PROBE = 8  # frames decoded to see whether the packets at the beginning tell the truth


def open_video(path: Path) -> tuple[InputContainer, VideoStream]:
    """The container and its first real video stream (cover art is none).

    Raises:
        SourceError: not a video, no picture in it, or no decoder for it.
    """
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"Not a video that can be read: {path} ({_reason(error)})",
                          "Choose a video file; if it is one, it is damaged or incomplete: copy it again") from error
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None:
            stream.thread_type = "AUTO"
            return container, stream
    container.close()
    raise SourceError(f"There is no picture in {path}", "Choose a file with a video stream that FFmpeg can decode")


def build_index(path: Path) -> FrameIndex:
    """Read through the file once.

    Raises:
        SourceError: not a video, a truncated one, or one without frames.
    """
    try:
        index = _from_packets(path)
        return index if index is not None else _from_decoding(path)
    except FFmpegError as error:
        raise SourceError(f"Cannot read {path} to its end ({_reason(error)})", _DAMAGED) from error


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)


def _from_packets(path: Path) -> FrameIndex | None:
    """The index as the packets tell it; None where they do not, or where decoding disagrees at either end."""
    container, stream = open_video(path)
    with container:
        shown, hidden_key = [], None
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            if packet.pts is None:
                return None
            if packet.is_corrupt:
                raise SourceError(f"{path} breaks off in the middle", _DAMAGED)
            if not packet.is_discard:
                shown.append((packet.pts, packet.dts, packet.is_keyframe))
            elif packet.is_keyframe and not shown:
                # Cut away by an edit list, yet needed to decode what follows.
                hidden_key = packet.dts
        _check_complete(path, stream, shown)
        if not shown:
            return None
        shown.sort(key=lambda packet: packet[0])
        pts = [p for p, _, _ in shown]
        if len(set(pts)) != len(pts):
            return None
        keys = [(n, dts) for n, (_, dts, is_key) in enumerate(shown) if is_key]
        if not keys or keys[0][0] != 0:
            keys.insert(0, (0, hidden_key if hidden_key is not None else min(d for _, d, _ in shown if d is not None)))
        probe = _probe(container, stream, pts, keys[-1])
        return None if probe is None else _finish(container, stream, pts, keys, probe)


@dataclass(frozen=True)
class _Picture:
    """What only a decoded frame tells."""

    size: tuple[int, int]
    rotation: int


def _picture(frame: av.VideoFrame) -> _Picture:
    turns = round(frame.rotation / 90) % 4
    size = (frame.width, frame.height)
    return _Picture(size if turns % 2 == 0 else size[::-1], turns * 90)


def _probe(container: InputContainer, stream: VideoStream, pts: list[int], key: tuple[int, int | None]
           ) -> _Picture | None:
    """Decode both ends of the stream; None if the times of the frames are not those of the packets."""
    container.seek(pts[0], stream=stream)
    first = list(itertools.islice(container.decode(stream), _PROBE))
    if not first or [f.pts for f in first] != pts[:len(first)]:
        return None
    container.seek(pts[key[0]] if key[1] is None else key[1], stream=stream)
    wanted = pts[key[0]:]
    last = [f.pts for f in container.decode(stream) if f.pts is not None and f.pts >= wanted[0]]
    return _picture(first[0]) if last == wanted else None


def _check_complete(path: Path, stream: VideoStream, shown: list[Any]) -> None:
    """Refuse files that end before their own header says.

    Raises:
        SourceError: naming how much is missing.
    """
    entries = stream.index_entries
    if len(entries) and stream.container.format.name.startswith("mov"):
        end = max(e.pos + e.size for e in itertools.islice(entries, max(0, len(entries) - 64), None))
        if end > path.stat().st_size:
            raise SourceError(f"{path} breaks off: {end - path.stat().st_size} bytes are missing at its end", _DAMAGED)
    stated = _matroska_duration(stream)
    if stated and shown:
        last = float(max(p for p, _, _ in shown) * stream.time_base)
        if last < stated * 0.95 - 1:
            raise SourceError(f"{path} breaks off after {last:.0f} of {stated:.0f} seconds", _DAMAGED)


def _matroska_duration(stream: VideoStream) -> float:
    """Seconds, from the tag that Matroska writers leave for each stream; 0: none."""
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = (float(p) for p in parts)
    except ValueError:
        return 0.0
    return hours * 3600 + minutes * 60 + seconds


def _from_decoding(path: Path) -> FrameIndex:
    """The index as decoding shows it, for streams whose packets carry no (or misleading) times."""
    container, stream = open_video(path)
    with container:
        frames = [(f.pts, bool(f.key_frame), _picture(f) if n == 0 else None)
                  for n, f in enumerate(_tolerant(container, stream))]
        if not frames:
            raise SourceError(f"There are no frames in {path}", "Choose a video with a picture in it")
        pts = [p for p, _, _ in frames if p is not None]
        times_tell = len(pts) == len(frames) and all(a < b for a, b in itertools.pairwise(pts))
        picture = frames[0][2]
        if times_tell:
            keys = [(n, p) for n, (p, is_key, _) in enumerate(frames) if is_key or n == 0]
            return _finish(container, stream, pts, keys, picture)
        return _finish(container, stream, list(range(len(frames))), [(0, None)], picture, ordinal=True)


def _tolerant(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """All frames; damage before the first one is no damage to what can be seen."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except FFmpegError:
            continue


def _finish(container: InputContainer, stream: VideoStream, pts: list[int], keys: list[tuple[int, int | None]],
            picture: _Picture | None, *, ordinal: bool = False) -> FrameIndex:
    nominal = stream.guessed_rate or stream.average_rate or Fraction(25)
    time_base = stream.time_base or Fraction(1, 90000)
    if ordinal:
        time_base = 1 / nominal
    rate, constant = _rate(pts, time_base, [nominal, stream.average_rate])
    second = Fraction(1, av.time_base)
    assert picture is not None
    return FrameIndex(
        pts=pts, keys=[n for n, _ in keys], key_dts=[dts for _, dts in keys],
        time_base=time_base.as_integer_ratio(), rate=rate.as_integer_ratio(), constant_rate=constant, ordinal=ordinal,
        nominal_rate=nominal.as_integer_ratio(), start=stream.start_time or 0, duration=stream.duration or 0,
        stated_frames=stream.frames, size=picture.size, rotation=picture.rotation,
        container_start=float((container.start_time or 0) * second),
        container_duration=float((container.duration or 0) * second))


def _rate(pts: list[int], time_base: Fraction, candidates: list[Fraction | None]) -> tuple[Fraction, bool]:
    """The rate at which frames follow each other, and whether it is constant."""
    times = np.asarray(pts, np.float64) - pts[0]
    numbers = np.arange(len(pts))
    for rate in candidates:
        # Each time was rounded to the clock, and so was the first: one tick between them.
        if rate and np.abs(times - numbers / float(rate * time_base)).max() <= 1.0 + 1e-6:
            return Fraction(rate), True
    span = (pts[-1] - pts[0]) * time_base
    if span == 0:
        return candidates[0] or Fraction(25), True
    return Fraction(len(pts) - 1) / span, False
