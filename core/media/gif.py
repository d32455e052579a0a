"""Writing an animated GIF, each frame with a palette of its own, as it comes."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from ..errors import OutputError, writing
from ..partials import partial_path
from .provenance import STATEMENT, xmp_packet

_BASE = Fraction(1, 100)  # GIF counts time in hundredths of a second
_DITHERS = {"none": "none", "bayer": "bayer:bayer_scale=3", "floyd-steinberg": "floyd_steinberg"}


class GifFile:
    """An animated GIF with the mark (a comment and XMP), written beside `path` and renamed when closed.

    Args:
        path: the file.
        loop: how often it is played; 0: for ever.
        colours: of each frame's palette, 4 to 256.
        dither: a key of "none", "bayer", "floyd-steinberg".
        last: seconds for which the last picture is shown.

    Raises:
        OutputError: where the place cannot be written.
    """

    def __init__(self, path: Path, *, loop: int = 0, colours: int = 256, dither: str = "none",
                 last: float = 0.1) -> None:
        self.path = path
        # The muxer counts repetitions, and -1 is none.
        self._options = {"loop": str(0 if loop == 0 else -1 if loop == 1 else loop - 1),
                         "final_delay": str(round(Fraction(last) / _BASE))}
        self._colours, self._dither = colours, _DITHERS[dither]
        self._partial = partial_path(path, keep_ending=True)
        self._container: av.container.OutputContainer | None = None
        self._last = -1
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._partial.touch()

    def write(self, seconds: float | Fraction, pixels: np.ndarray) -> None:
        """Add a picture, uint8 [H, W, 3] RGB, shown from a time on; times must ascend by at least 1/100 s.

        Raises:
            OutputError: a full disk, and whatever else keeps the file from growing.
        """
        pts = max(round(Fraction(seconds) / _BASE), self._last + 1)
        with writing(self.path):
            try:
                if self._container is None:
                    self._open(pixels)
                self._last = pts
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                frame.pts, frame.time_base = pts, _BASE
                self._graph.push(frame)
                self._pull()
            except FFmpegError as error:
                raise self._refusal(error) from error

    def _refusal(self, error: FFmpegError) -> Exception:
        if isinstance(error, OSError) and error.errno:
            return OSError(error.errno, error.strerror)
        return OutputError(f"Cannot write {self.path} ({error.strerror})", "Choose another output path")

    def _open(self, pixels: np.ndarray) -> None:
        height, width = pixels.shape[:2]
        self._container = av.open(str(self._partial), "w", format="gif", options=self._options)
        graph = self._graph = av.filter.Graph()
        source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=_BASE)
        split = graph.add("split")
        palette = graph.add("palettegen", f"stats_mode=single:reserve_transparent=0:max_colors={self._colours}")
        use = graph.add("paletteuse", f"new=1:dither={self._dither}")
        sink = graph.add("buffersink")
        source.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(palette, 1, 0)
        palette.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        self._stream = self._container.add_stream("gif", rate=100)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "pal8"
        self._stream.codec_context.time_base = _BASE

    def _pull(self) -> None:
        assert self._container is not None
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(frame, av.VideoFrame)
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file, mark it and give it its name. Without a picture written, nothing is left behind."""
        if self._container is None:
            self._partial.unlink(missing_ok=True)
            return
        try:
            with writing(self.path):
                try:
                    self._graph.push(None)
                    self._pull()
                    self._container.mux(self._stream.encode(None))
                    self._container.close()
                except FFmpegError as error:
                    raise self._refusal(error) from error
                self._container = None
                _mark(self._partial)
                os.replace(self._partial, self.path)
        finally:
            self.discard()

    def discard(self) -> None:
        """Throw away what is not finished."""
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
            self.discard()


def _mark(path: Path) -> None:
    """Put the mark behind the GIF's header: a comment, and XMP as Adobe's specification, part 3, lays it out."""
    comment = STATEMENT.encode("ascii")
    xmp = xmp_packet().encode()
    # The packet is no sequence of sub-blocks; the magic trailer leads any reader to its end from wherever it stands.
    trailer = bytes([1, *range(255, -1, -1), 0])
    blocks = (b"\x21\xfe" + bytes([len(comment)]) + comment + b"\0"
              + b"\x21\xff\x0bXMP DataXMP" + xmp + trailer)
    marked = path.with_name(path.name + ".marked")
    try:
        with path.open("rb") as read, marked.open("wb") as written:
            head = read.read(13)
            if head[10] & 0x80:
                head += read.read(3 << ((head[10] & 7) + 1))
            written.write(head + blocks)
            while piece := read.read(1 << 20):
                written.write(piece)
        os.replace(marked, path)
    finally:
        marked.unlink(missing_ok=True)


def is_marked_gif(path: Path) -> bool:
    """Whether a GIF carries the mark."""
    try:
        with Image.open(path) as picture:
            comment = picture.info.get("comment", b"")
            return isinstance(picture, GifImageFile) and STATEMENT.encode() in bytes(comment)
    except (OSError, ValueError, SyntaxError):
        return False
