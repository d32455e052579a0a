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
            self._shown = _times(clock, self.frames, options.gif_fps or _MOST)
        finally:
            if clock is not source:
                clock.close()
        self.frames = sorted(self._shown)
        self._gif = GifFile(path, loop=options.gif_loop, colours=options.gif_colors, dither=options.gif_dither)

    def write(self, converted: ConvertedFrame) -> None:
        picture = scaled(full_frame(converted), self.options.output_scale)
        self.same_size(converted, picture.shape)
        seconds, duration = self._shown[converted.index]
        self._gif.write(seconds, picture, duration)

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


def _times(clock: Source, frames: list[int], fps: float) -> dict[int, tuple[float, float]]:
    """Which frames are shown, from which second on and, the last one, for how long: at most `fps` a second."""
    if not frames:
        return {}
    timeline = Timeline(clock, None, frames[0])
    start = None
    shown: dict[int, tuple[float, float]] = {}
    slot = -1
    for index in frames:
        pts, duration = timeline.place(index)
        seconds = float(pts * timeline.base)
        start = seconds if start is None else start
        now = int((seconds - start) * fps + 1e-6)
        if now > slot:
            slot = now
            shown[index] = (seconds - start, float(duration * timeline.base))
    last = next(reversed(shown))
    shown[last] = (shown[last][0], float(timeline.end) - start - shown[last][0])
    return shown
