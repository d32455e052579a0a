"""Which picture of a conversion belongs to which timeline frame."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

from ..core.errors import StripError, writing
from .frame_map import frame_map
from .strips import strip_range, value

_BLANK = "understudy_blank.png"
_SLACK = 250  # frames beyond each handle that a result may reach, so that placing stays quick


def pictures_for(scene: Any, strip: Any, folder: Path, suffix: str, first: int, last: int) -> tuple[int, list[str]]:
    """File names for consecutive timeline frames, and the first of these frames. A name of a clear picture stands for
    frames that were not converted; beyond the handles there are pictures as far as they go on without a gap.

    Args:
        suffix: how the pictures' names end.
        first, last: timeline frames that the strip shows, both included.

    Raises:
        StripError: no picture of what the strip shows, or a strip that cannot be mapped exactly.
    """
    try:
        there = {name for name in os.listdir(folder) if name.endswith(suffix)}
    except OSError as error:
        raise StripError(f"Cannot read {folder} ({error.strerror})", "Convert the strip again") from error
    start = max(first - _SLACK, min(first, int(value(strip, "content_start", "frame_start"))))
    end = min(last + _SLACK, max(last, _content_end(strip)))
    shows = frame_map(scene, strip, (start, end))
    names = [f"{shows.name(index)}{suffix}" for index in shows.indices.tolist()]
    names = [name if name in there else "" for name in names]
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


def _content_end(strip: Any) -> int:
    """Last timeline frame of the strip's content, handles ignored."""
    return strip_range(strip)[1] + int(value(strip, "right_handle_offset", "frame_offset_end"))


def _write_blank(path: Path) -> None:
    """One clear pixel as PNG: a place in an image strip that shows nothing."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 6, 0, 0, 0)
    with writing(path):
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 5))
                         + chunk(b"IEND", b""))
