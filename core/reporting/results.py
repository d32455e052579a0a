"""What a conversion has made, read frame by frame: pictures of whole frames, overlays with alpha, or a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..errors import SourceError, UsageError
from ..media.images import read_image
from ..media.listing import IMAGE_SUFFIXES
from ..media.source import Source, open_source

_ALPHA = (".png", ".tif", ".tiff", ".webp")  # pictures that may be overlays


class Results:
    """The converted frames of a source; a context manager.

    Args:
        path: folder of pictures called as `source.name` says, or a video: of the whole source, or of the frames that
            are asked for.
        frames: that are asked for, ascending.

    Raises:
        SourceError: nothing there, or nothing of this source.
        UsageError: a video of another length.
    """

    def __init__(self, path: Path, source: Source, frames: Sequence[int]) -> None:
        self.path, self._source = path, source
        self._video: Source | None = None
        if path.is_dir():
            files = {file.stem: file for file in sorted(path.iterdir()) if file.suffix.lower() in IMAGE_SUFFIXES}
            self._files = {index: file for index in frames if (file := files.get(source.name(index))) is not None}
            if not self._files:
                raise SourceError(f"{path} holds no converted frames of {source.path.name}",
                                  "Convert the clip first, or name the folder of what conversion made")
            self.frames = list(self._files)
            return
        self._video = open_source(path)
        if len(self._video) == len(source):
            self._places = {index: index for index in frames}
        elif len(self._video) == len(frames):
            self._places = {index: place for place, index in enumerate(frames)}
        else:
            length = len(self._video)
            self._video.close()
            raise UsageError(f"{path} has {length} frames; {len(frames)} of {len(source)} are asked for",
                             "Name the frames that it was made of, as for convert")
        self.frames = list(frames)

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_: object) -> None:
        if self._video is not None:
            self._video.close()

    def pairs(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """For each converted frame (index, source, result): uint8 [H, W, 3] RGB, ascending.

        Raises:
            SourceError: a picture that cannot be read, or is of another size.
        """
        made = (iter(frame.pixels for frame in self._video.frames([self._places[index] for index in self.frames]))
                if self._video is not None else None)
        for frame in self._source.frames(self.frames):
            result = next(made) if made is not None else _picture(self._files[frame.index], frame.pixels)
            if result.shape != frame.pixels.shape:
                raise SourceError(f"Frame {frame.index} of {self.path} has {result.shape[1]} x {result.shape[0]} "
                                  f"pixels, the source's {frame.pixels.shape[1]} x {frame.pixels.shape[0]}",
                                  "A report needs what was converted at the source's size, as frames or overlays")
            yield frame.index, frame.pixels, result


def _picture(file: Path, below: np.ndarray) -> np.ndarray:
    """A converted picture, uint8 RGB; an overlay is laid over `below`."""
    if file.suffix.lower() not in _ALPHA:
        return read_image(file)
    try:
        data = np.fromfile(file, np.uint8)
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except (OSError, cv2.error):
        pixels = None
    if pixels is None:
        raise SourceError(f"Not a picture, or a damaged one: {file}", "Convert that frame again")
    if pixels.ndim != 3 or pixels.shape[2] != 4:
        return read_image(file)
    if pixels.shape[:2] != below.shape[:2]:
        return pixels[..., :3]  # the size will be told
    top = 255.0 if pixels.dtype == np.uint8 else 65535.0
    rgba = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA).astype(np.float32) / top
    alpha = rgba[..., 3:]
    return np.rint(below * (1.0 - alpha) + rgba[..., :3] * alpha * 255.0).astype(np.uint8)
