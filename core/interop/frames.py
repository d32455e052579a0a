"""Which frame of the clip a frame of another tool's file is (stdlib)."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping

from ..faces.nouns import SourceInfo
from .nouns import ForeignFrame

_NUMBER = re.compile(r"(?:^|(?<=\D))(\d{1,9})$", re.ASCII)


class Frames:
    """The frames of a clip, by what other tools call them.

    A video's frames are told by the number at the end of the name, counted from 1, whatever precedes it; those of a
    folder of images by the image's name, or by its name without the ending where only one image has that.

    Args:
        names: index -> file name, of a folder's images as far as they are known; unused for videos.
    """

    def __init__(self, source: SourceInfo, names: Mapping[int, str]) -> None:
        self._source = source
        self._indices = {name: index for index, name in names.items()}
        stems = Counter(_stem(name) for name in names.values())
        self._by_stem = {_stem(name): index for index, name in names.items() if stems[_stem(name)] == 1}
        self.others: set[str] = set()

    def find(self, frame: ForeignFrame) -> int | None:
        """The frame's index; None if the clip has no such frame.

        What else a video's frames are called than the clip is noted in `others`: perhaps the file is another clip's.
        """
        if frame.index is not None:
            return frame.index if 0 <= frame.index < self._source.length else None
        name = os.path.basename(frame.name.replace("\\", "/"))
        if self._source.kind == "images":
            return self._indices.get(name, self._by_stem.get(_stem(name)))
        stem = _stem(name)
        number = _NUMBER.search(stem)
        if number is None or not 1 <= int(number[1]) <= self._source.length:
            return None
        clip = stem[:number.start()].rstrip("_-. ")
        if clip and clip != _stem(self._source.name):
            self.others.add(clip)
        return int(number[1]) - 1


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]
