"""What the writers of one file for all frames share: its name, care for what is not ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ...errors import OutputError
from ...media.ranges import format_frames
from ...media.source import Source
from ...options.convert_writing import ConvertWritingOptions
from ...partials import sweep
from ..nouns import ConvertedFrame
from .place import Place


class StreamFile:
    """Written beside and renamed when the last frame is in; a stopped conversion leaves no half a file.

    A stream cannot be continued, so every run writes all frames. A file of the same name is replaced only if Understudy
    wrote it.
    """

    parallel: ClassVar[bool] = False

    def __init__(self, path: Path, source: Source, keys: dict[int, str], options: ConvertWritingOptions,
                 is_ours: Callable[[Path], bool]) -> None:
        self.path = path
        self.source = source
        self.options = options
        self.warnings: list[str] = []
        self.frames = sorted(keys)
        self._refuse_foreign(is_ours)
        self._size: tuple[int, ...] | None = None
        self.place = Place(path.parent)
        self.place.make()
        sweep(path.parent, lambda name: name == path.stem or name == path.name)

    def _refuse_foreign(self, is_ours: Callable[[Path], bool]) -> None:
        try:
            if not self.path.exists():
                return
            if self.path.is_dir():
                raise OutputError(f"{self.path} is a folder", f"Name a {self.path.suffix} file")
            if self.path.resolve() == self.source.path.resolve():
                raise OutputError(f"{self.path} is the clip that is to be converted", "Name another output file")
        except OSError:
            return  # a file stands where a folder should be, or the like: `Place.make` says what is wrong
        if not is_ours(self.path):
            raise OutputError(f"{self.path} is there already and was not written by Understudy",
                              "Name another output file, or move that one away")

    @property
    def total(self) -> int:
        return len(self.frames)

    def missing(self) -> Sequence[int]:
        return self.frames

    def same_size(self, converted: ConvertedFrame, shape: tuple[int, ...]) -> None:
        """Make sure that a picture is as large as those before it.

        Raises:
            OutputError: it is not.
        """
        self._size = self._size or shape
        if shape != self._size:
            raise OutputError(f"Frame {converted.index} has another size than the frames before it, which one file "
                              f"cannot hold: {self.path}", "Choose the images writer")

    def finish(self) -> None:
        """The file is finished when it is closed."""

    def result(self) -> Path:
        return self.path

    def made(self) -> dict[str, Any]:
        height, width = (self._size or (0, 0))[:2]
        return {"kind": self.options.writer, "path": str(self.path), "shows": "frames", "alpha": "none",
                "frames": format_frames(self.frames), "suffix": self.path.suffix, "size": [width, height],
                "linear": False, "first_file": self.path.name, "masks": ""}


def stream_path(output: Path, source: Source, suffix: str, suffixes: Sequence[str], what: str) -> Path:
    """The file that `output` means: itself, or <source>_converted<suffix> inside where it names a folder.

    Args:
        suffixes: those that the file may have.
        what: what it is, with its article, for the message.

    Raises:
        OutputError: it is named as something else.
    """
    if output.is_dir() or not output.suffix:
        stem = source.path.name if source.path.is_dir() else source.path.stem
        return output / f"{stem}_converted{suffix}"
    if output.suffix.lower() not in suffixes:
        raise OutputError(f"{output} is not named like {what}", f"End the name in {', '.join(suffixes)}")
    return output
