"""A video file as a source: any frame, exactly, by number."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal, Self

import av
from av.error import FFmpegError

from ..errors import SourceError
from .colour import ToRGB, colour_of
from .frame import Frame
from .index import FrameIndex, cached_index, file_fingerprint, save_index
from .indexing import build_index, open_video
from .listing import video_frame_name
from .source import check_ascending

_SKIP = 12  # a seek empties the decoder's pipeline; decoding as many frames as this costs no more


class VideoSource:
    """See `source.Source` for the attributes.

    Attributes:
        index: the frames' times (`index.FrameIndex`).
        metadata: the file's own (title, creation_time, …).
        pixel_aspect: width of a pixel by its height, as tagged; the pixels themselves are given as they are.
    """

    kind: Literal["video", "images"] = "video"

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.fingerprint = file_fingerprint(path)
        except OSError as error:
            raise SourceError(f"Cannot read {path} ({error.strerror or error})", "Check the file") from error
        container, stream = open_video(path)
        with container:
            self.colour = colour_of(stream.codec_context)
            self.has_audio = bool(container.streams.audio)
            self.metadata = dict(container.metadata)
            self.pixel_aspect = Fraction(stream.sample_aspect_ratio or 1)
        index = cached_index(path, self.fingerprint)
        if index is None:
            index = build_index(path)
            save_index(path, self.fingerprint, index)
        self.index = index
        self.size = index.size
        self.rate = Fraction(*index.rate)
        self.constant_rate = index.constant_rate
        self.bits = self.colour.bits
        self.depth = 8
        self._decoder: _Decoder | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.index)

    def name(self, index: int) -> str:
        return video_frame_name(self.path, index)

    def time(self, index: int) -> float:
        return self.index.time(index)

    def read(self, index: int) -> Frame:
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        with self._lock:
            if self._decoder is not None and self._decoder.depth != self.depth:
                self._decoder.close()
                self._decoder = None
            if self._decoder is None:
                self._decoder = _Decoder(self)
            return self._decoder.get(index)

    def frames(self, indices: Iterable[int] | None = None) -> Iterator[Frame]:
        decoder = _Decoder(self)
        try:
            for index in check_ascending(indices, len(self)):
                yield decoder.get(index)
        finally:
            decoder.close()

    def close(self) -> None:
        with self._lock:
            if self._decoder is not None:
                self._decoder.close()
                self._decoder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Decoder:
    """One open file, and where in it decoding stands."""

    def __init__(self, source: VideoSource) -> None:
        self._source = source
        self._index: FrameIndex = source.index
        self.depth = source.depth
        self._to_rgb = ToRGB(source.colour, source.depth)
        self._open()

    def _open(self) -> None:
        self._container, self._stream = open_video(self._source.path)
        self._decoded = self._container.decode(self._stream)
        self._next = 0  # number of the frame that the decoder gives next, if all is well

    def close(self) -> None:
        self._container.close()

    def get(self, target: int) -> Frame:
        """Frame `target`.

        Raises:
            SourceError: where the file is damaged.
        """
        try:
            frame = self._find(target)
        except FFmpegError as error:
            raise self._damaged(target) from error
        if frame is None:
            raise self._damaged(target)
        return Frame(str(self._source.path), target, self._index.time(target), self._to_rgb(frame))

    def _damaged(self, target: int) -> SourceError:
        return SourceError(f"Frame {target} of {self._source.path} cannot be decoded",
                           "The file is damaged there: copy it again, or leave the frame out")

    def _find(self, target: int) -> av.VideoFrame | None:
        index = self._index
        key = index.key_before(target)
        if target < self._next or index.keys[key] > self._next + _SKIP:
            self._seek(key)
        frame = self._forward(target)
        if frame is None and key > 0:
            # The container led past the frame: its own index is coarser, or wrong. Begin at the beginning.
            self.close()
            self._open()
            frame = self._forward(target)
        return frame

    def _seek(self, key: int) -> None:
        index = self._index
        if index.ordinal or key == 0:
            self.close()
            self._open()
            return
        dts = index.key_dts[key]
        # By decoding time: at a key frame's presentation time some containers lead to the next one.
        self._container.seek(index.pts[index.keys[key]] if dts is None else dts, stream=self._stream)
        self._decoded = self._container.decode(self._stream)
        self._next = index.keys[key]

    def _forward(self, target: int) -> av.VideoFrame | None:
        """Decode up to frame `target`; None if it does not come."""
        for frame in self._decoded:
            number = self._next if self._index.ordinal else self._number(frame)
            if number is None:
                continue
            self._next = number + 1
            if number == target:
                return frame
            if number > target:
                return None
        return None

    def _number(self, frame: av.VideoFrame) -> int | None:
        return None if frame.pts is None else self._index.find(frame.pts)
