"""When each frame of a result is shown, so that it stays in step with its source's sound."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from .source import Source
from .video import VideoSource

_FINEST = 1_000_000  # ticks a second that containers take without trouble
_LONGEST = 60  # seconds that a last frame may be shown; what says more is mistaken
_TICKS = 90_000  # of a clock for starts that fall between frames


class Timeline:
    """Presentation times of frames that are written in ascending order, some of a source's or all.

    The result begins where the source begins: a picture that starts after the sound does so here, too. Where the first
    frames are left out, the first one written is the beginning; where frames between are, the gap is closed.

    Args:
        source: where the frames come from; None: nowhere, `index` then counts frames of `rate`.
        rate: frames per second instead of the source's own times.
        first: the first frame that is written.
    """

    def __init__(self, source: Source | None, rate: Fraction | None, first: int) -> None:
        if source is None and rate is None:
            raise ValueError("without a source the rate is needed")
        self.rate = source.rate if rate is None and source is not None else Fraction(rate or 0)
        video = source if rate is None and isinstance(source, VideoSource) and not source.index.ordinal else None
        self._index = video.index if video is not None else None
        self._clock = Fraction(*video.index.time_base) if video is not None else Fraction(0)
        self._variable = video is not None and not video.constant_rate
        self.origin = self._beginning(first)
        start = self._time(first) - self.origin
        if self._variable:
            self.base = max(self._clock, Fraction(1, _FINEST))
        else:
            self.base = 1 / self.rate if start == 0 else Fraction(1, lcm(self.rate.numerator, _TICKS))
        self._next = start
        self._last = first - 1

    def _beginning(self, first: int) -> Fraction:
        """The time of the source, in seconds, that is 0 of the result."""
        if self._index is None:
            return Fraction(0)
        begins = self._index.pts[first] * self._clock
        if first > 0:
            return begins
        container = Fraction(self._index.container_start).limit_denominator(_FINEST)
        # Sound may begin a little before 0 for its decoder's sake; nobody hears that.
        return min(max(container, Fraction(0)), begins)

    def _time(self, index: int) -> Fraction:
        return Fraction(0) if self._index is None else self._index.pts[index] * self._clock

    def duration(self, index: int) -> Fraction:
        """Seconds for which a frame is shown."""
        if not self._variable or self._index is None:
            return 1 / self.rate
        pts = self._index.pts
        if index + 1 < len(pts):
            return (pts[index + 1] - pts[index]) * self._clock
        stated = (self._index.start + self._index.duration - pts[index]) * self._clock
        if self._index.duration and 0 < stated < _LONGEST:
            return stated
        return (pts[index] - pts[index - 1]) * self._clock if index else 1 / self.rate  # as long as the one before

    def place(self, index: int) -> tuple[int, int]:
        """(pts, duration) of the next frame to write, in ticks of `base`."""
        begins = self._next
        self._next = begins + self.duration(index)
        pts = round(begins / self.base)
        self._last = index
        return pts, max(1, round(self._next / self.base) - pts)

    @property
    def end(self) -> Fraction:
        """Seconds of the result at which what is placed so far ends."""
        return self._next
