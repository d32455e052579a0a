"""What the writers of picture folders share: names, resuming, and care for what is not ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import numpy as np

from ...errors import OutputError, SourceError
from ...media.pictures import Coding, is_whole, read_entries, write_picture
from ...media.ranges import format_frames
from ...media.source import Source
from ...options.convert_writing import ConvertWritingOptions
from ...partials import sweep
from ..composite import mask
from ..nouns import ConvertedFrame
from .choices import coding, scaled, scaled_size
from .place import Place

KEY = "Conversion"  # entry in a picture's header: what it was made from
MASKS = "masks"  # folder of separate masks, below the pictures'
_VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".gif")


class PictureFolder:
    """Pictures in a folder of the person's choice, one or more for each frame.

    Each picture carries the mark of altered pictures and the key of what it was made from, so that a later run writes
    only those that are missing or were made with another model, other settings or other landmarks. A picture of the
    same name that Understudy has not written is never replaced.
    """

    parallel: ClassVar[bool] = True

    def __init__(self, output: Path, source: Source, keys: dict[int, str], options: ConvertWritingOptions) -> None:
        if output.suffix.lower() in _VIDEO_SUFFIXES and not output.is_dir():
            raise OutputError(f"{output} is named like a video, but this writer makes a folder of pictures",
                              "Name a folder, or choose the video writer")
        self.folder = output
        self.source = source
        self.keys = keys
        self.options = options
        self.coding: Coding = coding(options, source.bits)
        self.warnings: list[str] = []
        pictures = source.path if source.path.is_dir() else source.path.parent
        if source.kind == "images" and _same_folder(output, pictures):
            raise OutputError(f"{output} holds the pictures that are to be converted", "Name another output folder")
        self._missing = [index for index in keys if not self.is_there(index)]
        self._place = Place(output)
        self._place.make()
        for folder in (output, output / MASKS):
            sweep(folder, self.is_mine)

    @property
    def total(self) -> int:
        """Frames that the whole result has."""
        return len(self.keys)

    def missing(self) -> Sequence[int]:
        return self._missing

    def is_there(self, index: int) -> bool:
        """Whether everything of a frame is there already, made from the same things."""
        raise NotImplementedError

    def is_mine(self, name: str) -> bool:
        """Whether a file of this name belongs to a frame of `keys`."""
        raise NotImplementedError

    def write(self, converted: ConvertedFrame) -> None:
        raise NotImplementedError

    def result(self) -> Path:
        return self.folder

    def made(self) -> dict[str, Any]:
        alpha = "straight" if self.coding.kind != "exr" else "premultiplied"
        return {"kind": "pictures", "path": str(self.folder), "shows": self.shows,
                "alpha": alpha if self.has_alpha and not self.options.separate_mask else "none",
                "frames": format_frames(sorted(self.keys)), "suffix": self.coding.suffix,
                "masks": str(self.folder / MASKS) if self.options.separate_mask else "",
                "size": list(scaled_size(self.source.size, self.options.output_scale)), "depth": self.coding.depth,
                "linear": self.coding.frame_depth == 32}

    @property
    def shows(self) -> str:
        """"frames", "overlay" (the swapped faces over nothing), "layers" or "patches"."""
        return "frames"

    @property
    def has_alpha(self) -> bool:
        return False

    def finish(self) -> None:
        """Nothing is left to do when all pictures are there."""

    def kept_entries(self, path: Path) -> dict[str, str] | None:
        """The entries of a whole picture of ours at `path`; None: there is none, and something may be written there.

        Raises:
            OutputError: something is there that is not ours.
        """
        try:
            if not path.exists():
                return None
            entries = read_entries(path)
            if entries is None:
                raise OutputError(f"{path} is there already and was not written by Understudy",
                                  "Name another output folder, or move that file away")
            return entries if is_whole(path) else None
        except SourceError:
            raise OutputError(f"{path} is there already and is no picture of Understudy's",
                              "Name another output folder, or move that file away") from None
        except OSError:
            return None  # a file stands where the folder should be, or the like: `Place.make` says what is wrong

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if kind is not None:
            self._place.tidy()


class FrameFolder(PictureFolder):
    """One picture per frame, named after the source's name for it, and where wanted its mask as another."""

    def __init__(self, output: Path, source: Source, keys: dict[int, str], options: ConvertWritingOptions) -> None:
        suffix = coding(options, source.bits).suffix
        self._names = {f"{source.name(index)}{suffix}" for index in keys}
        super().__init__(output, source, keys, options)

    def name(self, index: int) -> str:
        """File name of a frame's picture: clip_000012.png, or the image's own with the format's ending."""
        return f"{self.source.name(index)}{self.coding.suffix}"

    def picture(self, converted: ConvertedFrame) -> np.ndarray:
        """The pixels to write, [H, W, 3 or 4] of the frame's dtype."""
        raise NotImplementedError

    def is_there(self, index: int) -> bool:
        places = [self.folder / self.name(index)]
        if self.options.separate_mask:
            places.append(self.folder / MASKS / self.name(index))
        kept = [self.kept_entries(place) or {} for place in places]  # every one: a foreign one is refused
        return all(entries.get(KEY) == self.keys[index] for entries in kept)

    def write(self, converted: ConvertedFrame) -> None:
        percent, name, entries = self.options.output_scale, self.name(converted.index), {
            KEY: self.keys[converted.index]}
        pixels = scaled(self.picture(converted), percent)
        if self.options.separate_mask:
            write_picture(self.folder / MASKS / name, scaled(mask(converted), percent), self.coding, entries)
            pixels = np.ascontiguousarray(pixels[..., :3])
        write_picture(self.folder / name, pixels, self.coding, entries)

    def is_mine(self, name: str) -> bool:
        return name in self._names

    def made(self) -> dict[str, Any]:
        return {**super().made(), "first_file": self.name(min(self.keys))}


def _same_folder(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve()
    except OSError:
        return False
