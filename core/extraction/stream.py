"""Work on a stream of items in several threads: order kept, memory bounded, errors and stops carried through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
_PATIENCE = 0.1  # seconds after which a waiting thread looks whether the stream was abandoned


def stream(items: Iterable[T], work: Callable[[T], R], workers: int, window: int) -> Generator[R, None, None]:
    """`work(item)` for every item, in order, while `items` is read ahead in a thread of its own.

    At most `window` items wait (taken from `items` and not yet handed on), plus the one that is being admitted and the
    one that the caller waits for. Abandoning the iterator (`close`, an exception) ends all threads.

    Raises:
        whatever `items` or `work` raise, in the place of the item concerned; what came before has been handed on.
    """
    waiting: Queue[Future[R] | BaseException | None] = Queue(maxsize=window)
    over = threading.Event()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="extract")

    def put(entry: Future[R] | BaseException | None) -> None:
        while not over.is_set():
            try:
                waiting.put(entry, timeout=_PATIENCE)
                return
            except Full:
                continue

    def read() -> None:
        try:
            for item in items:
                if over.is_set():
                    return
                put(pool.submit(work, item))
                del item  # the pool holds it as long as it is needed: a frame may be 100 MB
            put(None)
        except BaseException as error:
            put(error)

    reader = threading.Thread(target=read, name="extract-read", daemon=True)
    reader.start()
    try:
        while True:
            entry = waiting.get()
            if entry is None:
                return
            if isinstance(entry, BaseException):
                raise entry
            result = entry.result()
            del entry
            yield result
            del result
    finally:
        over.set()
        pool.shutdown(wait=False, cancel_futures=True)
        while reader.is_alive():  # it may be waiting to put
            try:
                waiting.get_nowait()
            except Empty:
                reader.join(_PATIENCE)
        pool.shutdown(wait=True, cancel_futures=True)
        close = getattr(items, "close", None)
        if close is not None:
            close()
