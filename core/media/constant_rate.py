"""A copy of a film that every program reads alike: constant rate, upright, H.264."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import SourceError, Stopped
from ..jobs.messages import Reporter, SilentReporter
from ..options.constant_rate import ConstantRateOptions
from .source import open_source
from .video import VideoSource
from .writers import VideoWriter

# A variable rate is mostly a wish of the camera for one of these that it could not keep up.
_USUAL = tuple(Fraction(*r) for r in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48, 1), (50, 1),
                                      (60000, 1001), (60, 1)))


def copy(source: Path | str, output: Path | str, rate: Fraction | None = None,
         reporter: Reporter | None = None) -> Path:
    """Write `source` with a frame every 1 / `rate` seconds, each the one that the source shows at that time.

    Args:
        rate: None: the source's own where it is constant, else the usual rate nearest to its average or above.

    Raises:
        SourceError: not a video. OutputError: a place that cannot be written. Stopped: the person asked to stop.
    """
    reporter = reporter or SilentReporter()
    with open_source(source) as opened:
        if not isinstance(opened, VideoSource):
            raise SourceError(f"{source} is a folder of images, which has no rate", "Choose a video file")
        rate = rate or usual_rate(opened)
        plan = _plan(opened, rate)
        with VideoWriter(output, opened, rate=rate, altered=False) as writer:
            wanted = sorted(set(plan))
            place = 0
            for frame in opened.frames(wanted):
                while place < len(plan) and plan[place] == frame.index:
                    writer.write(place, frame.pixels)
                    place += 1
                if reporter.progress(place, len(plan), "frames", f"Copying at {float(rate):g} frames per second"):
                    raise Stopped
    return Path(output)


def usual_rate(source: VideoSource) -> Fraction:
    """The rate for a copy: the source's own if constant, else the usual one nearest above its average, at most 60."""
    if source.constant_rate:
        return source.rate
    return next((r for r in _USUAL if r >= source.rate * Fraction(99, 100)), _USUAL[-1])


def _plan(source: VideoSource, rate: Fraction) -> list[int]:
    """For every frame of the copy the one of the source that is on show."""
    # Ordinal sources have no times but their numbers, which `index.time` turns into seconds just the same.
    length = round((source.time(len(source) - 1) + float(1 / source.rate)) * rate)
    plan, at = [], 0
    for n in range(max(1, length)):
        # Half a clock tick late still counts as in time.
        while at + 1 < len(source) and source.time(at + 1) <= float(n / rate) + 1e-3:
            at += 1
        plan.append(at)
    return plan


def run(options: ConstantRateOptions, reporter: Reporter) -> dict[str, Any]:
    """The task `constant-rate`."""
    rate = Fraction(options.rate).limit_denominator(1001) if options.rate else None
    target = Path(options.output) if options.output else Path(options.source).with_name(
        f"{Path(options.source).stem}_constant.mp4")
    output = copy(options.source, target, rate, reporter)
    with open_source(output) as made:
        return {"output": str(output), "frames": len(made), "rate": list(made.rate.as_integer_ratio())}
