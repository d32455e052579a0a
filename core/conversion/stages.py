"""Stages that work side by side: each in a thread of its own, a bounded queue between them, order kept.

The heavy parts (decoding, networks, OpenCV, PNG) let go of Python's lock, so threads share the work between cores.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")
_END = object()


@dataclass
class Clock:
    """Seconds spent at work in each named stage, not counting waiting for other stages.

    Attributes:
        wall: seconds by the clock on the wall.
        cpu: seconds of processor time of the stage's own threads (not of those that libraries start below them).
    """

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def timed(self, name: str, work: Callable[..., R], *arguments: Any) -> R:
        """`work(*arguments)`, its time added to `name`."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return work(*arguments)
        finally:
            with self._lock:
                self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - wall
                self.cpu[name] = self.cpu.get(name, 0.0) + time.thread_time() - cpu

    def iterate(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """`items`, the time it takes to get each added to `name`."""
        iterator = iter(items)
        try:
            while (item := self.timed(name, next, iterator, _END)) is not _END:
                yield item
        finally:
            _close(iterator)


class Room:
    """How many bytes may be on their way at once: who brings more waits until others have left.

    Args:
        limit: in bytes. Whoever needs more than a quarter counts as a quarter, so that four are always on their way and
            nobody waits for ever; memory then is as large as four of them.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._changed = threading.Condition()
        self._closed = False

    def _counted(self, size: int) -> int:
        return min(size, self.limit // 4)

    def enter(self, size: int) -> bool:
        """Wait until there is room for `size` bytes; False: the room was closed."""
        size = self._counted(size)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self.used + size <= self.limit)
            self.used += size
            return not self._closed

    def leave(self, size: int) -> None:
        """Give back what `enter` was given."""
        with self._changed:
            self.used -= self._counted(size)
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def ahead(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """`items`, fetched by a thread of its own that stays at most `depth` items ahead.

    An exception raised by `items` is raised here in its turn. Closing this generator (or an exception in the consumer,
    once it is collected) ends the thread and closes `items`.
    """
    waiting: queue.Queue[Any] = queue.Queue(maxsize=max(1, depth))
    stop = threading.Event()

    def put(entry: Any) -> bool:
        while not stop.is_set():
            try:
                waiting.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def fetch() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if not put((item, None)):
                    break
            put((_END, None))
        except BaseException as error:
            put((_END, error))
        finally:
            _close(iterator)

    thread = threading.Thread(target=fetch, name="understudy-stage", daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stop.set()
        thread.join()


def spread(function: Callable[[T], R], items: Iterable[T], workers: int) -> Generator[R, None, None]:
    """`function` of each item, worked out by several threads, results in the order of `items`.

    A thread of its own fetches the items, so that a result is handed on as soon as it is there, whether or not a next
    item comes. About `2 * workers` items are held at a time.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="understudy-spread")
    coming = ahead(_submitted(pool, function, items), workers)
    try:
        for future in coming:
            yield future.result()
    finally:
        coming.close()
        pool.shutdown(wait=True, cancel_futures=True)


def _submitted(pool: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T]) -> Iterator[Future[R]]:
    try:
        for item in items:
            yield pool.submit(function, item)
    finally:
        _close(items)


def _close(iterator: Any) -> None:
    close = getattr(iterator, "close", None)
    if close is not None:
        close()
