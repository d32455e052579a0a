"""What a conversion has made, read frame by frame: whole frames or overlays with alpha, as pictures or as a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..conversion.writers.frames import MASKS
from ..errors import SourceError, UsageError
from ..media.alpha import alphas, has_alpha, over, read_rgba, resized
from ..media.depth import alpha_to_depth, depth_of, to_depth
from ..media.images import load_image
from ..media.listing import IMAGE_SUFFIXES
from ..media.source import Source, open_source
from ..media.video import VideoSource

_SCALES = (0.25, 4.0)  # of output: least and most


class Results:
    """The converted frames of a source; a context manager.

    Args:
        path: folder of pictures called as `source.name` says, or a video: of the whole source, or of the frames that
            are asked for.
        frames: that are asked for, ascending.

    Raises:
        SourceError: nothing there, or nothing of this source.
        UsageError: a video of another length; patches, which are no frames.
    """

    def __init__(self, path: Path, source: Source, frames: Sequence[int]) -> None:
        self.path, self._source = path, source
        self._video: Source | None = None
        if path.is_dir():
            self._files = self._pictures(frames)
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

    def _pictures(self, frames: Sequence[int]) -> dict[int, Path]:
        files = {file.stem: file for file in sorted(self.path.iterdir()) if file.suffix.lower() in IMAGE_SUFFIXES}
        found = {index: file for index in frames if (file := files.get(self._source.name(index))) is not None}
        if found:
            return found
        if (self.path / "matrices.json").exists():
            raise UsageError(f"{self.path} holds patches: faces by themselves, which no frame shows",
                             "Convert with another writer to look over the result")
        raise SourceError(f"{self.path} holds no converted frames of {self._source.path.name}",
                          "Convert the clip first, or name the folder of what conversion made")

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_: object) -> None:
        if self._video is not None:
            self._video.close()

    def pairs(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """For each converted frame (index, source, result): uint8 [H, W, 3] RGB of the source's size, ascending.

        Overlays are laid over the source, and what was scaled is scaled back.

        Raises:
            SourceError: a picture that cannot be read, or is of another shape.
        """
        made = self._of_video(self._video) if self._video is not None else map(self._of_file, self.frames)
        for frame, (rgb, alpha, premultiplied) in zip(self._source.frames(self.frames), made, strict=True):
            self._require_shape(frame.index, rgb, frame.pixels)
            size = (frame.pixels.shape[1], frame.pixels.shape[0])
            if alpha is not None:
                yield frame.index, frame.pixels, over(rgb, alpha, frame.pixels, premultiplied=premultiplied)
            else:
                yield frame.index, frame.pixels, resized(to_depth(rgb, 8), size)

    def _of_video(self, video: Source) -> Iterator[tuple[np.ndarray, np.ndarray | None, bool]]:
        places = [self._places[index] for index in self.frames]
        pictures = (frame.pixels for frame in video.frames(places))
        if isinstance(video, VideoSource) and has_alpha(video.path):
            yield from ((rgb, alpha, False) for rgb, alpha in zip(pictures, alphas(video, places), strict=True))
        else:
            yield from ((rgb, None, False) for rgb in pictures)

    def _of_file(self, index: int) -> tuple[np.ndarray, np.ndarray | None, bool]:
        file = self._files[index]
        rgb, alpha = read_rgba(file)
        if alpha is None and (mask := self.path / MASKS / file.name).exists():  # --separate-mask
            grey = load_image(mask)[..., 0]
            return rgb, alpha_to_depth(grey, depth_of(rgb)), False
        return rgb, alpha, file.suffix.lower() == ".exr"

    def _require_shape(self, index: int, result: np.ndarray, source: np.ndarray) -> None:
        """The shape of the source, scaled: by one percentage, each side to an even number."""
        if result.shape[:2] == source.shape[:2]:
            return
        sides = list(zip(result.shape[:2], source.shape[:2], strict=True))
        least = max(_SCALES[0], *((have - 1) / whole for have, whole in sides))
        most = min(_SCALES[1], *((have + 1) / whole for have, whole in sides))
        if least > most:
            raise SourceError(f"Frame {index} of {self.path} has {result.shape[1]} x {result.shape[0]} pixels, the "
                              f"source's {source.shape[1]} x {source.shape[0]}",
                              "A report needs what was converted of this source, at 25 to 400 % of its size")
