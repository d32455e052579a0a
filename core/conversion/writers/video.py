"""Writer `video`: the whole frames as one H.264 video with the source's rate, colours and sound."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import av
import numpy as np
from av.error import FFmpegError

from ...errors import OutputError
from ...media import writers as media
from ...media.provenance import SOFTWARE, STATEMENT
from ...media.source import Source
from ..composite import full_frame
from ..nouns import ConvertedFrame
from .place import Place


class VideoWriter:
    """Writes beside and renames when the last frame is in; a stopped conversion leaves no half a video.

    A video cannot be continued, so every run writes all frames. A file of the same name is replaced only if Understudy
    wrote it.
    """

    parallel: ClassVar[bool] = False

    def __init__(self, output: Path, source: Source, keys: dict[int, str]) -> None:
        self.path = video_path(output, source)
        self._refuse_foreign(source)
        self._keys = keys
        self._size: tuple[int, ...] | None = None
        self._place = Place(self.path.parent)
        self._place.make()
        self._video = media.VideoWriter(self.path, source)

    def _refuse_foreign(self, source: Source) -> None:
        try:
            if not self.path.exists():
                return
            if self.path.is_dir():
                raise OutputError(f"{self.path} is a folder", "Name a video file")
            if self.path.resolve() == source.path.resolve():
                raise OutputError(f"{self.path} is the clip that is to be converted", "Name another output file")
        except OSError:
            return  # a file stands where a folder should be, or the like: `Place.make` says what is wrong
        if not _is_ours(self.path):
            raise OutputError(f"{self.path} is there already and was not written by Understudy",
                              "Name another output file, or move that one away")

    def missing(self) -> Sequence[int]:
        return sorted(self._keys)

    def write(self, converted: ConvertedFrame) -> None:
        pixels: np.ndarray = full_frame(converted)
        self._size = self._size or pixels.shape
        if pixels.shape != self._size:
            raise OutputError(f"Frame {converted.index} has another size than the frames before it, which a video "
                              f"cannot hold: {self.path}", "Choose the images writer")
        self._video.write(converted.index, pixels)

    def result(self) -> Path:
        return self.path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        try:
            self._video.__exit__(kind, error, traceback)
        except BaseException:
            self._place.tidy()
            raise
        if kind is not None:
            self._place.tidy()


def video_path(output: Path, source: Source) -> Path:
    """The file that `output` means: itself, or <source>_converted.mp4 inside where it names a folder.

    Raises:
        OutputError: it is named as something that is no video.
    """
    if output.is_dir() or not output.suffix:
        stem = source.path.name if source.path.is_dir() else source.path.stem
        return output / f"{stem}_converted.mp4"
    if output.suffix.lower() not in media.VIDEO_SUFFIXES:
        raise OutputError(f"{output} is not named like a video", f"End the name in {', '.join(media.VIDEO_SUFFIXES)}")
    return output


def _is_ours(path: Path) -> bool:
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            return STATEMENT in container.metadata.values() or SOFTWARE in container.metadata.values()
    except (FFmpegError, OSError):
        return False
