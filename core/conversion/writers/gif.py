"""Writer `gif`: the whole frames as one animated GIF, at the source's pace."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ...media.gif import GifFile, is_marked_gif
from ...media.source import Source
from ...media.timeline import Timeline
from ...options.convert_writing import ConvertWritingOptions
from ..composite import full_frame
from ..nouns import ConvertedFrame
from .choices import reference, scaled
from .stream import StreamFile, stream_path

_MOST = 50.0  # frames a second: browsers slow down what is shown for less than 1/50 s


class GifWriter(StreamFile):
    """Frames that come sooner than the wanted rate allows are left out, and are not even converted."""

    def __init__(self, output: Path, source: Source, keys: dict[int, str], options: ConvertWritingOptions) -> None:
        path = stream_path(output, source, ".gif", (".gif",), "a GIF")
        super().__init__(path, source, keys, options, is_marked_gif)
        clock = reference(options, source)
        try:
            self._shown, last = _times(clock, self.frames, options.gif_fps or _MOST)
        finally:
            if clock is not source:
                clock.close()
        self.frames = sorted(self._shown)
        self._gif = GifFile(path, loop=options.gif_loop, colours=options.gif_colors, dither=options.gif_dither,
                            last=last)

    def write(self, converted: ConvertedFrame) -> None:
        picture = scaled(full_frame(converted), self.options.output_scale)
        self.same_size(converted, picture.shape)
        self._gif.write(self._shown[converted.index], picture)

    def made(self) -> dict[str, Any]:
        return {**super().made(), "depth": 8}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        try:
            self._gif.__exit__(kind, error, traceback)
        except BaseException:
            self.place.tidy()
            raise
        if kind is not None:
            self.place.tidy()


def _times(clock: Source, frames: list[int], fps: float) -> tuple[dict[int, float], float]:
    """From which second on each frame is shown, without those too soon for `fps`; how long the last one is."""
    shown: dict[int, float] = {}
    timeline = Timeline(clock, None, frames[0])
    start, slot, seconds = None, -1, 0.0
    for index in frames:
        pts, _ = timeline.place(index)
        start = float(pts * timeline.base) if start is None else start
        seconds = float(pts * timeline.base) - start
        if int(seconds * fps + 1e-6) > slot:
            slot = int(seconds * fps + 1e-6)
            shown[index] = seconds
    assert start is not None
    return shown, float(timeline.end) - start - list(shown.values())[-1]
