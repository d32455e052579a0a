"""How extraction shares the processor: a worker per core, and one core for what each worker calls."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time

import cv2
import torch

_MOST_WORKERS = 8  # beyond that, decoding in its one thread is the limit


def worker_count() -> int:
    """How many threads look at frames at once: as many as there are cores for this process."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux knows better than the count of the machine's cores
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(_MOST_WORKERS, cores))


@contextmanager
def one_core_each() -> Iterator[None]:
    """Keep OpenCV and torch from spreading one call over all cores, which other frames keep busy already."""
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])


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
