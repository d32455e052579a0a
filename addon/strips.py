"""What Blender tells of strips, whatever its version calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.errors import StripError
from .shot import source_path

BAKE = "Render it to a file first and use that file as a strip"


def value(strip: Any, new: str, old: str) -> Any:
    """A time of a strip: Blender 5.2 renamed them, and warns of the old names."""
    return getattr(strip, new) if hasattr(strip, new) else getattr(strip, old)


def collection(scene: Any) -> Any:
    """The scene's top-level strips: `sequences` up to 4.3, `strips` since."""
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def inputs_of(effect: Any) -> tuple[Any, ...]:
    """The strips that an effect is made of; () of what is no effect."""
    found = (getattr(effect, name, None) for name in ("input_1", "input_2"))
    return tuple(strip for strip in found if strip is not None)


def strip_range(strip: Any) -> tuple[int, int]:
    """First and last visible timeline frame, both included."""
    first, end = value(strip, "left_handle", "frame_final_start"), value(strip, "right_handle", "frame_final_end")
    return int(first), int(end) - 1


def strip_source(strip: Any) -> Path:
    """The file of a film, the folder of an image sequence, as an absolute path.

    Raises:
        StripError: neither of the two, or without its file.
    """
    if strip.type not in ("MOVIE", "IMAGE"):
        raise StripError(f"Strip {strip.name!r} is no film and no image sequence", BAKE)
    path = source_path(strip)
    if not (path.is_file() if strip.type == "MOVIE" else path.is_dir()):
        raise StripError(f"The file of strip {strip.name!r} is missing: {path}",
                         "Put it back, or choose the strip's file again")
    return path


_rates: dict[tuple[str, int, int], float] = {}


def strip_rate(strip: Any, path: Path) -> float:
    """The rate of a strip's film, as Blender tells it; remembered, since each look opens the film, some 15 ms."""
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    if not _rates.get(key, 0.0) > 0:
        _rates[key] = strip.fps
    return _rates[key]
