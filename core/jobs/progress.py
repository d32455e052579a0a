"""Rate, time left and the words for them: computed here once, for panels, consoles and job folders (stdlib only)."""

from __future__ import annotations

import time
from collections.abc import Callable

from .messages import Progress

SMOOTHING = 15.0  # seconds after which a rate has mostly forgotten


class Meter:
    """Smoothed rate and time left of a count.

    The rate is a ratio of two exponentially fading sums, units and seconds, so it is unbiased from the first unit on.
    A count that starts at 5000 (a resumed task) is measured from there; a new unit or total, or a count that falls,
    starts a new measurement.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key: tuple[int | None, str] | None = None
        self._last_done = 0
        self._last_time = 0.0
        self._units = 0.0
        self._seconds = 0.0

    def update(self, done: int, total: int | None, unit: str) -> tuple[float | None, float | None]:
        """Count to `done`; returns (units per second, seconds left), None where not known."""
        now = self._clock()
        if self._key != (total, unit) or done < self._last_done:
            self._key = (total, unit)
            self._units = self._seconds = 0.0
            self._last_done, self._last_time = done, now
            return None, None
        passed = now - self._last_time
        if passed > 0 and done > self._last_done:
            # Counts that come slowly fade more slowly: a rate should rest on several units.
            fade = 0.5 ** (passed / max(SMOOTHING, 4 * passed / (done - self._last_done)))
            self._units = self._units * fade + (done - self._last_done)
            self._seconds = self._seconds * fade + passed
            self._last_done, self._last_time = done, now
        if self._seconds <= 0:
            return None, None
        rate = self._units / self._seconds
        return rate, None if total is None else max(0.0, (total - done) / rate)

    def forget_time(self) -> None:
        """Leave out the time since the last update (a pause)."""
        self._last_time = self._clock()


def describe(progress: Progress) -> str:
    """One line for a person: "132 of 1,000 frames · 12.3 per s · 1:11 left"."""
    unit = f" {progress.unit}" if progress.unit else ""
    count = f"{progress.done:,}" if progress.total is None else f"{progress.done:,} of {progress.total:,}"
    parts = [count + unit]
    if progress.rate is not None:
        parts.append(rate_text(progress.rate))
    if progress.eta is not None and progress.total is not None and progress.done < progress.total:
        parts.append(f"{duration(progress.eta)} left")
    return " · ".join(parts)


def fraction(progress: Progress | None) -> float:
    """How much is done, 0 to 1; 0 while the total is not known."""
    if progress is None or not progress.total:
        return 0.0
    return min(1.0, max(0.0, progress.done / progress.total))


def rate_text(rate: float) -> str:
    """ "12.3 per s", or "4.1 s each" for what takes longer than a second."""
    if rate >= 1 or rate <= 0:
        return f"{rate:.3g} per s" if rate < 1000 else f"{rate:,.0f} per s"
    return f"{1 / rate:.3g} s each" if 1 / rate < 120 else f"{duration(1 / rate)} each"


def duration(seconds: float) -> str:
    """ "0:07", "12:34", "5:06:07" or "2 d 3:04:05"."""
    whole = round(max(0.0, seconds))
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{hours}:{minutes:02}:{rest:02}" if hours or days else f"{minutes}:{rest:02}"
    return f"{days} d {text}" if days else text
