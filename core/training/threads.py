"""How many processor threads the networks use: as many as pay here and now, tried out on real training steps.

Alone on a machine, all its cores are fastest. Beside other programs they are not: threads that wait for one which the
system has set aside burn their time, and a step over two busy cores was seen to take six times as long as over one.
Load comes and goes while a training runs for hours, so the choice is looked at again from time to time.
"""

from __future__ import annotations

import os
from statistics import median

import torch

_TRIAL = 4  # steps with the other number of threads; the first, which has to wake them, is not counted
_CLEAR_GAIN = 0.9  # the other number must take less than this part of the time
_BETWEEN = 30.0  # seconds of training between two trials


def allowed_threads() -> int:
    """Processors that this process may use (containers often allow fewer than there are), at most PyTorch's choice."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, torch.get_num_threads()))


class Threads:
    """Chooses between two numbers of threads by the seconds that training steps take.

    Args:
        most: the larger number; the other is half of it, or 1. With 1 there is nothing to choose.
    """

    def __init__(self, most: int) -> None:
        self.current, self._other = most, most // 2
        self._times: list[float] = []
        self._trial: list[float] | None = None
        self._since = _BETWEEN  # so that the first trial comes at once
        torch.set_num_threads(most)

    def note(self, seconds: float) -> None:
        """A step has taken `seconds`; may change the number of threads for the next one."""
        if not self._other:
            return
        if self._trial is None:
            self._times = [*self._times[1 - _TRIAL:], seconds]
            self._since += seconds
            if self._since >= _BETWEEN and len(self._times) == _TRIAL:
                self._trial = []
                torch.set_num_threads(self._other)
            return
        self._trial.append(seconds)
        if len(self._trial) == _TRIAL:
            if median(self._trial[1:]) < _CLEAR_GAIN * median(self._times[1:]):
                self.current, self._other = self._other, self.current
            torch.set_num_threads(self.current)
            self._trial, self._times, self._since = None, [], 0.0
