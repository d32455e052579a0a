"""What the writers of PNG folders share: names, resuming, and care for what is not ours."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import numpy as np

from ...errors import OutputError, SourceError
from ...media.images import write_png
from ...media.provenance import is_marked, png_mark, read_text
from ...media.source import Source
from ..nouns import ConvertedFrame
from .place import Place

KEY = "Understudy-Conversion"  # PNG text entry: what the picture was made from
_END_OF_PNG = b"IEND\xaeB`\x82"
_VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm")


class PngFolder:
    """One PNG per frame in a folder of the person's choice.

    Each picture carries the mark of altered pictures and the key of what it was made from, so that a later run writes
    only those that are missing or were made with another model, other settings or other landmarks. A picture of the
    same name that Understudy has not written is never replaced.
    """

    parallel: ClassVar[bool] = True

    def __init__(self, output: Path, source: Source, keys: dict[int, str]) -> None:
        if output.suffix.lower() in _VIDEO_SUFFIXES and not output.is_dir():
            raise OutputError(f"{output} is named like a video, but this writer makes a folder of pictures",
                              "Name a folder, or choose the video writer")
        self.folder = output
        self.source = source
        self.keys = keys
        pictures = source.path if source.path.is_dir() else source.path.parent
        if source.kind == "images" and _same_folder(output, pictures):
            raise OutputError(f"{output} holds the pictures that are to be converted", "Name another output folder")
        self._missing = [index for index in keys if not self._is_there(index)]
        self._place = Place(output)
        self._place.make()

    def name(self, index: int) -> str:
        """File name of a frame's picture, after the source's name for it: clip_000012.png, or the image's own."""
        return f"{self.source.name(index)}.png"

    def picture(self, converted: ConvertedFrame) -> np.ndarray:
        """The pixels to write, uint8 [H, W, 3 or 4]."""
        raise NotImplementedError

    def missing(self) -> Sequence[int]:
        return self._missing

    def write(self, converted: ConvertedFrame) -> None:
        text = {**png_mark(), KEY: self.keys[converted.index]}
        write_png(self.folder / self.name(converted.index), self.picture(converted), text)

    def result(self) -> Path:
        return self.folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if kind is not None:
            self._place.tidy()

    def _is_there(self, index: int) -> bool:
        """Whether a whole picture made from the same things is there already."""
        path = self.folder / self.name(index)
        try:
            if not path.exists():
                return False
            if not is_marked(path):
                raise OutputError(f"{path} is there already and was not written by Understudy",
                                  "Name another output folder, or move that file away")
            return read_text(path).get(KEY) == self.keys[index] and _ends_well(path)
        except SourceError:
            raise OutputError(f"{path} is there already and is no picture of Understudy's",
                              "Name another output folder, or move that file away") from None
        except OSError:
            return False  # a file stands where the folder should be, or the like: `Place.make` says what is wrong


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-min(len(_END_OF_PNG), path.stat().st_size), os.SEEK_END)
        return file.read() == _END_OF_PNG


def _same_folder(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve()
    except OSError:
        return False
