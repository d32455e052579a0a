"""How the processor's cores are put to a training step: the way that pays here and now, tried out on real steps.

The two sides of a batch may be computed at once, every layer spread over all cores, or each side by cores of its own.
At once, the weights are read once for both and matrices are larger. Side by side, threads meet once per step instead of
after every layer: on a machine that does anything else, a thread that waits for one which the system has set aside
burns its time, and a step over two busy cores was seen to take six times as long as over one.
Load comes and goes while a training runs for hours, so the choice is looked at again from time to time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch

_TRIAL = 4  # steps the other way; the first, which has to wake its threads, is not counted
_CLEAR_GAIN = 0.9  # the other way must take less than this part of the time
_BETWEEN = 30.0  # seconds of training between two trials


@dataclass(frozen=True)
class Way:
    """One way to compute a step.

    Attributes:
        threads: of the processor, for each thread of Python that computes.
        apart: each side in a thread of Python of its own.
    """

    threads: int
    apart: bool = False


def allowed_threads() -> int:
    """Processors that this process may use (containers often allow fewer than there are), at most PyTorch's choice."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, torch.get_num_threads()))


def ways(processors: int, may_part: bool, fixed: int = 0) -> tuple[Way, ...]:
    """What there is to choose from, the usual one first.

    Args:
        processors: that this training may use.
        may_part: the model's sides may be computed apart, see `gradients.sides_can_part`.
        fixed: the number of threads that a person wants; nothing is tried then.
    """
    processors = fixed or processors
    together, apart = Way(processors), Way(max(1, processors // 2), apart=True)
    if fixed:
        return (apart,) if may_part and processors > 1 else (together,)
    if processors == 1:
        return (together,)
    return (apart, together) if may_part else (together, Way(processors // 2))


class Threads:
    """Chooses between one or two ways by the seconds that training steps take.

    Args:
        ways: see `ways`; begins with the first.
        take: makes the next step go that way.
    """

    def __init__(self, ways: tuple[Way, ...], take: Callable[[Way], None]) -> None:
        self.current, self._other = ways[0], ways[1] if len(ways) > 1 else None
        self._take = take
        self._times: list[float] = []
        self._trial: list[float] | None = None
        self._since = _BETWEEN  # so that the first trial comes at once
        take(self.current)

    def note(self, seconds: float) -> None:
        """A step has taken `seconds`; may choose another way for the next one."""
        if self._other is None:
            return
        if self._trial is None:
            self._times = [*self._times[1 - _TRIAL:], seconds]
            self._since += seconds
            if self._since >= _BETWEEN and len(self._times) == _TRIAL:
                self._trial = []
                self._take(self._other)
            return
        self._trial.append(seconds)
        if len(self._trial) == _TRIAL:
            if median(self._trial[1:]) < _CLEAR_GAIN * median(self._times[1:]):
                self.current, self._other = self._other, self.current
            self._take(self.current)
            self._trial, self._times, self._since = None, [], 0.0
