"""The index of a video's frames: their presentation times and the places where decoding can begin.

Stdlib only: Blender's side reads the cached index to learn a file's true frame count and times. `indexing` builds it.
"""

from __future__ import annotations

import hashlib
import json
import os
from bisect import bisect_right
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..folders import user_cache

_VERSION = 1


@dataclass(frozen=True)
class FrameIndex:
    """Where every frame of a video stream is.

    Attributes:
        pts: presentation times in units of `time_base`, ascending: one per frame. Empty times are never invented: if
            the stream has none, `ordinal` is True and pts counts 0, 1, 2, …
        keys: numbers of the frames at which decoding can begin, ascending, beginning with 0.
        key_dts: decoding time of each of these, the target for a seek (None: not known).
        time_base: (numerator, denominator) of a second.
        rate: (numerator, denominator) frames per second, the average for a variable rate.
        constant_rate: frame n is shown n / rate after the first one, up to one tick of the clock.
        ordinal: frames can only be counted from the beginning, since the stream carries no times.
        nominal_rate: the rate that FFmpeg guesses from the header, which Blender goes by.
        start: the stream's start time in units of time_base, as the container states it.
        duration: the stream's duration in units of time_base, as the container states it; 0: unstated.
        stated_frames: the number of frames that the container states; 0: unstated.
        size: (width, height) in pixels, upright.
        rotation: degrees, counter-clockwise, by which decoded pictures are turned to stand upright: 0, 90, 180 or 270.
        container_start, container_duration: of the whole file, in seconds; 0: unstated.
    """

    pts: list[int]
    keys: list[int]
    key_dts: list[int | None]
    time_base: tuple[int, int]
    rate: tuple[int, int]
    constant_rate: bool
    ordinal: bool
    nominal_rate: tuple[int, int]
    start: int
    duration: int
    stated_frames: int
    size: tuple[int, int]
    rotation: int
    container_start: float
    container_duration: float

    def __len__(self) -> int:
        return len(self.pts)

    def time(self, frame: int) -> float:
        """Seconds from the first frame to `frame`."""
        return float((self.pts[frame] - self.pts[0]) * Fraction(*self.time_base))

    def key_before(self, frame: int) -> int:
        """The position in `keys` of the last place at or before `frame` where decoding can begin."""
        return bisect_right(self.keys, frame) - 1

    def find(self, pts: int) -> int | None:
        """The frame shown at exactly `pts`."""
        at = bisect_right(self.pts, pts) - 1
        return at if at >= 0 and self.pts[at] == pts else None


def cached_index(path: Path | str, fingerprint: str) -> FrameIndex | None:
    """The index built earlier for this very file (same place, size, date and content); None if there is none."""
    try:
        data = json.loads(_cache_file(Path(path), fingerprint).read_text("utf-8"))
        return _from_json(data)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def save_index(path: Path | str, fingerprint: str, index: FrameIndex) -> None:
    """Keep an index for later. A cache that cannot be written is no failure: the index is then built again."""
    try:
        target = _cache_file(Path(path), fingerprint)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps({"version": _VERSION, **asdict(index)}, separators=(",", ":")), "utf-8")
        os.replace(partial, target)
    except OSError:
        pass


def file_fingerprint(path: Path | str) -> str:
    """32 hexadecimal digits of a file's size and both of its ends; the same for a copy under another name."""
    sample = 1 << 16
    size = os.stat(path).st_size
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        digest.update(file.read(sample))
        if size > sample:
            file.seek(max(sample, size - sample))
            digest.update(file.read(sample))
    return digest.hexdigest()[:32]


def _cache_file(path: Path, fingerprint: str) -> Path:
    stat = path.stat()
    key = hashlib.sha256(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\0{fingerprint}".encode()).hexdigest()[:32]
    return user_cache() / "frames" / f"{key}.json"


def _from_json(data: dict[str, Any]) -> FrameIndex:
    if data.pop("version") != _VERSION:
        raise ValueError
    for name in ("time_base", "rate", "nominal_rate", "size"):
        data[name] = tuple(data[name])
    return FrameIndex(**data)
