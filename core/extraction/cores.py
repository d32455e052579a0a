"""How extraction shares the processor: threads enough to keep all cores busy, one core for what each of them calls."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time

import cv2

_MOST_WORKERS = 8  # beyond that, decoding in its one thread is the limit
_SWITCH = 0.0001  # seconds until a thread that computes in Python must let another one that waits go on
_mutex = threading.Lock()
_blocks = 0  # how many threads are inside `one_core_each`
_before: tuple[int, int, float] = (1, 1, 0.005)


def core_count() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux knows better than the count of the machine's cores
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def worker_count() -> int:
    """How many threads look at frames at once: one more than there are cores, as now and then one waits for Python."""
    return min(_MOST_WORKERS, core_count() + 1) if core_count() > 1 else 1


@contextmanager
def one_core_each() -> Iterator[None]:
    """Let threads work beside each other while the block lasts, for the whole process.

    One call of OpenCV or torch takes one core, since other frames keep the others busy. Python changes threads fifty
    times as often as by itself: a thread that comes back from OpenCV then hardly waits for another one's Python.
    """
    import torch  # seconds to load, which jobs without networks need not wait for

    global _blocks, _before
    with _mutex:
        if not _blocks:
            _before = cv2.getNumThreads(), torch.get_num_threads(), sys.getswitchinterval()
        _blocks += 1
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        with _mutex:
            _blocks -= 1
            if not _blocks:  # the last one out of several threads
                cv2.setNumThreads(_before[0])
                torch.set_num_threads(_before[1])
                sys.setswitchinterval(_before[2])


class Costs:
    """Processor seconds by stage, added up over threads."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self.seconds: dict[str, float] = {}

    def add(self, stage: str, since: float) -> float:
        """Book the time since `since` (this thread's clock); returns the clock, for the next stage."""
        now = thread_time()
        with self._mutex:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - since
        return now
