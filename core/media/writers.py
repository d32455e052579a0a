"""Writing converted frames: a folder of PNG files, or a video. Both carry the mark of `provenance`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.error import FFmpegError
from av.video.stream import VideoStream

from ..errors import OutputError, writing
from .audio import AudioTrack
from .colour import Colour, FromRGB
from .images import write_png
from .provenance import STATEMENT, png_mark, video_mark
from .source import Source
from .video import VideoSource

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
_KEPT_METADATA = ("title", "artist", "copyright", "date", "creation_time")


class ImageSequenceWriter:
    """One PNG per frame, named as the source names its frames.

    Args:
        folder: where the pictures go; made if missing.
        source: names the files (`Source.name`).
        text: entries for every picture's header, beside the mark.

    Raises:
        OutputError: where the folder cannot be made or written.
    """

    def __init__(self, folder: Path | str, source: Source, text: dict[str, str] | None = None) -> None:
        self.folder = Path(folder).absolute()
        self._source = source
        self._text = {**png_mark(), **(text or {})}
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / f".understudy.{os.getpid()}.partial"
            probe.touch()
            probe.unlink()

    def path(self, index: int) -> Path:
        """Where frame `index` goes; the file is complete if it exists."""
        return self.folder / f"{self._source.name(index)}.png"

    def write(self, index: int, pixels: np.ndarray) -> Path:
        """Write a frame, uint8 [H, W, 3] RGB or [H, W, 4] straight RGBA; in any order."""
        write_png(self.path(index), pixels, self._text)
        return self.path(index)

    def close(self) -> None:
        """Every picture is complete as soon as it is written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class VideoWriter:
    """H.264 in yuv420p with the source's rate, colour tags and sound.

    Frames keep their place in time: the first one written is the start, a variable rate is carried over, and where
    frames are left out of a constant-rate source the last one is held, so that the sound still fits. An odd width or
    height grows by one repeated pixel, since yuv420p has even sides only.

    The file is written under a temporary name and takes its own when closed; leaving a `with` block by an exception
    discards it.

    Args:
        path: file ending in one of `VIDEO_SUFFIXES`.
        source: where the frames come from; None: pictures made from nothing, which then need `rate`.
        rate: frames per second instead of the source's: `index` then counts frames of this rate (a source of images has
            no rate of its own).
        crf: constant rate factor of x264, 0 (lossless) to 51; 18 shows no loss to the eye.
        preset: x264's trade of time for size, "ultrafast" to "veryslow".
        audio: whether to carry the sound over.
        altered: whether to mark the file as altered; False only for plain copies, which keep a mark that is there.

    Raises:
        OutputError: where the place cannot be written.
    """

    def __init__(self, path: Path | str, source: Source | None, *, rate: Fraction | None = None, crf: float = 18.0,
                 preset: str = "medium", audio: bool = True, altered: bool = True) -> None:
        self.path = Path(path).absolute()
        if self.path.suffix.lower() not in VIDEO_SUFFIXES:
            raise OutputError(f"Cannot write a video to {self.path}", f"End the name in {', '.join(VIDEO_SUFFIXES)}")
        if source is None and rate is None:
            raise ValueError("without a source the rate is needed")
        self._source = source
        self._rate = source.rate if rate is None and source is not None else Fraction(rate or 0)
        # Only a source's own clock can carry a variable rate.
        self._clock = source.index if rate is None and isinstance(source, VideoSource) and not source.constant_rate \
            else None
        self._colour = source.colour if source is not None else Colour()
        self._options = {"crf": f"{crf:g}", "preset": preset}
        self._altered = altered
        self._wants_audio = audio and source is not None and source.has_audio
        self._partial = self.path.with_name(f".{self.path.stem}.{os.getpid()}.partial{self.path.suffix}")
        self._container: av.container.OutputContainer | None = None
        self._held: np.ndarray = np.empty(0, np.uint8)
        self._first = self._last = -1
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_dir():
                raise IsADirectoryError(str(self.path))
            self._partial.touch()

    def write(self, index: int, pixels: np.ndarray) -> None:
        """Add frame `index` of the source, uint8 [H, W, 3] RGB of one size throughout; indices must ascend.

        Raises:
            OutputError: a full disk, and whatever else keeps the file from growing.
        """
        if index <= self._last:
            raise ValueError(f"frames must ascend: {index} after {self._last}")
        with _muxing(self.path):
            if self._container is None:
                self._open(index, pixels)
            elif self._clock is None:
                for missed in range(self._last + 1, index):
                    self._encode(missed, self._held)
            self._held = pixels
            self._last = index
            self._encode(index, pixels)

    def close(self) -> None:
        """Finish the file and give it its name. Without a frame written, nothing is left behind."""
        if self._container is None:
            self._partial.unlink(missing_ok=True)
            return
        try:
            with _muxing(self.path):
                self._container.mux(self._stream.encode(None))
                self._container.close()
                os.replace(self._partial, self.path)
                self._container = None
        finally:
            self._discard()

    def _discard(self) -> None:
        if self._audio is not None:
            self._audio.close()
            self._audio = None
        if self._container is not None:
            try:
                self._container.close()
            except (FFmpegError, OSError):
                pass  # it is thrown away; why it failed has been told already
            self._container = None
        self._partial.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self._discard()

    _audio: AudioTrack | None = None

    def _open(self, index: int, pixels: np.ndarray) -> None:
        self._first = index
        self._to_yuv = FromRGB(self._colour)
        self._container = av.open(str(self._partial), "w")
        height, width = (side + side % 2 for side in pixels.shape[:2])
        stream = self._container.add_stream("libx264", rate=self._rate, options=self._options)
        assert isinstance(stream, VideoStream)
        self._stream = stream
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec = stream.codec_context
        codec.time_base = Fraction(*self._clock.time_base) if self._clock else 1 / self._rate
        codec.color_primaries, codec.color_trc = self._colour.primaries, self._colour.transfer
        codec.colorspace = self._colour.matrix if self._colour.matrix != 0 else 1  # 0 is RGB, which this file is not
        codec.color_range = 2 if self._colour.full_range else 1 if self._colour.tagged_range else 0
        if isinstance(self._source, VideoSource):
            aspect = self._source.pixel_aspect
            codec.sample_aspect_ratio = 1 / aspect if self._source.index.rotation % 180 else aspect
            if self._wants_audio:
                self._audio = AudioTrack(self._source, self._container, index)
        self._container.metadata.update({**self._metadata(), **(video_mark() if self._altered else {})})

    def _metadata(self) -> dict[str, str]:
        if not isinstance(self._source, VideoSource):
            return {}
        metadata = self._source.metadata
        marked = STATEMENT in metadata.get("comment", "")
        return {key: metadata[key] for key in _KEPT_METADATA if key in metadata} | (video_mark() if marked else {})

    def _encode(self, index: int, pixels: np.ndarray) -> None:
        assert self._container is not None
        height, width = pixels.shape[:2]
        if height % 2 or width % 2:
            pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = self._to_yuv(pixels)
        base = self._stream.codec_context.time_base
        frame.time_base = base
        frame.pts = self._clock.pts[index] - self._clock.pts[self._first] if self._clock else index - self._first
        frame.pict_type = 0  # the source's own frame types mean nothing here
        self._container.mux(self._stream.encode(frame))
        if self._audio is not None:
            self._audio.copy_until(float(frame.pts * base + 1 / self._rate))


@contextmanager
def _muxing(path: Path) -> Iterator[None]:
    """`errors.writing`, with those errors of FFmpeg that are none of the system's among the refusals."""
    with writing(path):
        try:
            yield
        except FFmpegError as error:
            if isinstance(error, OSError):
                raise
            raise OutputError(f"Cannot write {path} ({error.strerror})", "Choose another output path") from error
