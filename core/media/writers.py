"""Writing a video, with the mark of `provenance`."""

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
from av.packet import Packet
from av.video.stream import VideoStream

from ..errors import OutputError, writing
from ..partials import partial_path
from .audio import AudioTrack
from .colour import Colour, FromRGB
from .encoding import CONTAINERS, Encoding
from .provenance import STATEMENT, video_mark
from .source import Source
from .timeline import Timeline
from .video import VideoSource

VIDEO_SUFFIXES = tuple(CONTAINERS)
_KEPT_METADATA = ("title", "artist", "copyright", "date", "creation_time")
_X265_DELAY = 2  # frames: x265 takes decoding times from frames so far back; a video of no more gets random ones
_FULL_RANGE, _LIMITED_RANGE, _RGB, _BT709 = 2, 1, 0, 1  # H.273, as FFmpeg numbers them


class VideoWriter:
    """A video with the source's times, colour tags and sound.

    Frames keep their place in time, a variable rate included, and the last one its duration; see `timeline` for
    frames that are left out. Where they are left out between others, no sound can fit, and none is carried over: see
    `audio_fits`. An odd width or height grows by one repeated pixel where chroma is shared between pixels.

    The file is written under a temporary name and takes its own when closed; leaving a `with` block by an exception
    discards it.

    Args:
        path: file ending in one of `VIDEO_SUFFIXES`.
        source: where the frames come from, or what times and sound are taken from; None: pictures made from nothing,
            which then need `rate`.
        rate: frames per second instead of the source's: `index` then counts frames of this rate (a source of images has
            no rate of its own).
        crf: constant rate factor of x264, 0 (lossless) to 51; 18 shows no loss to the eye.
        preset: x264's trade of time for size, "ultrafast" to "veryslow".
        audio: whether to carry the sound over.
        altered: whether to mark the file as altered; False only for plain copies, which keep a mark that is there.
        encoding: codec and all its settings; None: x264 of 8 bits with `crf` and `preset`.
        last: the last frame that will be written, where that is known: with the source's last one, all of its sound
            is carried over, else it ends with the picture.

    Raises:
        OutputError: where the place cannot be written.
        UsageError: settings that do not go together.
    """

    def __init__(self, path: Path | str, source: Source | None, *, rate: Fraction | None = None, crf: float = 18.0,
                 preset: str = "medium", audio: bool = True, altered: bool = True, encoding: Encoding | None = None,
                 last: int | None = None) -> None:
        self.path = Path(path).absolute()
        self._suffix = self.path.suffix.lower()
        if self._suffix not in VIDEO_SUFFIXES:
            raise OutputError(f"Cannot write a video to {self.path}", f"End the name in {', '.join(VIDEO_SUFFIXES)}")
        if source is None and rate is None:
            raise ValueError("without a source the rate is needed")
        self._encoding = encoding or Encoding(crf=crf, preset=preset)
        self._encoding.require(self._suffix)
        self._source = source
        self._rate = rate
        self._colour = source.colour if source is not None else Colour()
        self._altered = altered
        self._wants_audio = audio and source is not None and source.has_audio
        self._to_end = source is not None and last == len(source) - 1
        self._partial = partial_path(self.path, keep_ending=True)
        self._container: av.container.OutputContainer | None = None
        self._durations: dict[int, int] = {}
        self._last = -1
        self._written = 0
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_dir():
                raise IsADirectoryError(str(self.path))
            self._partial.touch()

    def write(self, index: int, pixels: np.ndarray) -> None:
        """Add frame `index` of the source; indices must ascend.

        Args:
            pixels: uint8 or uint16, [H, W, 3] RGB or, with an encoding that has alpha, [H, W, 4] straight RGBA, of one
                size throughout.

        Raises:
            OutputError: a full disk, and whatever else keeps the file from growing.
        """
        if index <= self._last:
            raise ValueError(f"frames must ascend: {index} after {self._last}")
        with _muxing(self.path):
            if self._container is None:
                self._open(index, pixels)
            self._last = index
            self._written += 1
            self._encode(index, pixels)

    def close(self) -> None:
        """Finish the file and give it its name. Without a frame written, nothing is left behind."""
        if self._container is None:
            self._partial.unlink(missing_ok=True)
            return
        try:
            with _muxing(self.path):
                self._mux(self._stream.encode(None))
                if self._audio is not None:
                    self._audio.copy_until(None if self._to_end else self._timeline.end)
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
        encoding = self._encoding
        self._timeline = Timeline(self._source, self._rate, index)
        self._to_frame = FromRGB(self._colour, encoding.pixel_format)
        # Sound may begin a little before 0, for its decoder's sake: Matroska would move everything else back for it.
        muxing = {"avoid_negative_ts": "disabled"} if self._suffix in (".mkv", ".webm") else {}
        self._container = av.open(str(self._partial), "w", format=CONTAINERS[self._suffix], options=muxing)
        stream = self._container.add_stream(encoding.row.encoder, rate=self._timeline.rate,
                                            options=encoding.options())
        assert isinstance(stream, VideoStream)
        self._stream = stream
        height, width = self._even(pixels).shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, encoding.pixel_format
        codec = stream.codec_context
        codec.time_base = self._timeline.base
        if encoding.codec == "x265" and self._suffix != ".mkv":
            codec.codec_tag = "hvc1"  # Apple's players know it by this name alone
        self._tag(codec)
        if isinstance(self._source, VideoSource):
            aspect = self._source.pixel_aspect
            codec.sample_aspect_ratio = 1 / aspect if self._source.index.rotation % 180 else aspect
            if self._wants_audio:
                self._audio = AudioTrack(self._source, self._container, self._timeline.origin, self._suffix)
        self._container.metadata.update({**self._metadata(), **(video_mark() if self._altered else {})})

    def _tag(self, codec: av.VideoCodecContext) -> None:
        colour = self._colour
        codec.color_primaries, codec.color_trc = colour.primaries, colour.transfer
        if self._encoding.is_rgb:
            codec.colorspace, codec.color_range = _RGB, _FULL_RANGE
            return
        codec.colorspace = colour.matrix if colour.matrix != _RGB else _BT709
        codec.color_range = _FULL_RANGE if colour.full_range else _LIMITED_RANGE if colour.tagged_range else 0

    def _metadata(self) -> dict[str, str]:
        if not isinstance(self._source, VideoSource):
            return {}
        metadata = self._source.metadata
        marked = STATEMENT in metadata.get("comment", "")
        return {key: metadata[key] for key in _KEPT_METADATA if key in metadata} | (video_mark() if marked else {})

    def _even(self, pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape[:2]
        if self._encoding.is_rgb or "444" in self._encoding.pixel_format or not (height % 2 or width % 2):
            return pixels
        return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")

    def _encode(self, index: int, pixels: np.ndarray) -> None:
        frame = self._to_frame(self._even(pixels))
        frame.time_base = self._timeline.base
        frame.pts, duration = self._timeline.place(index)
        self._durations[frame.pts] = duration
        frame.pict_type = 0  # the source's own frame types mean nothing here
        self._mux(self._stream.encode(frame))
        if self._audio is not None:
            self._audio.copy_until(self._timeline.end)

    def _mux(self, packets: list[Packet]) -> None:
        assert self._container is not None
        for packet in packets:
            # Encoders guess from the rate; for the last frame of a variable rate that is wrong.
            packet.duration = self._durations.pop(packet.pts or 0, packet.duration or 0)
            if self._encoding.codec == "x265" and self._written <= _X265_DELAY:
                packet.dts = packet.pts
            self._container.mux(packet)


def audio_fits(frames: list[int]) -> bool:
    """Whether the sound of a source fits these of its frames, ascending: none is left out between others."""
    return not frames or frames[-1] - frames[0] + 1 == len(frames)


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
