"""Which pictures are in a folder, in which order, and what frames are called (stdlib only; both sides use it)."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path, PurePath

from .ranges import natural_key

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".exr")


def list_images(folder: Path | str) -> list[str]:
    """Names of the images in a folder in natural order, hidden files left out.

    Raises:
        OSError: no such folder, or it may not be read.
    """
    with os.scandir(folder) as entries:
        names = [e.name for e in entries
                 if e.name.lower().endswith(IMAGE_SUFFIXES) and not e.name.startswith(".") and e.is_file()]
    return sorted(names, key=natural_key)


def image_frame_names(files: list[str]) -> list[str]:
    """File stems; where two files share one (a.png beside a.jpg), all of these get their suffix as well."""
    paths = [PurePath(f) for f in files]
    count = Counter(p.stem for p in paths)
    return [p.stem if count[p.stem] == 1 else f"{p.stem}_{p.suffix[1:]}" for p in paths]


def video_frame_name(path: Path | str, index: int) -> str:
    """What frame `index` of a video is called, such as "clip_000012"."""
    # Not PurePath(path).stem, which takes 25 times as long where thousands of names are wanted.
    return f"{os.path.splitext(os.path.basename(path))[0]}_{index:06d}"
