"""Processes of a training that are lost while others wait for them on their graphics cards.

Where a process is gone, gloo says so at once. NCCL does not between the cards of one computer: who waits there for its
gradients, waits until a patience of half an hour has ended.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess

import torch
from torch import distributed

_LOOK = 0.1  # seconds between two looks


@contextmanager
def watched(others: Sequence[BaseProcess]) -> Iterator[None]:
    """Within it, a process that is lost lets go those that wait for it on their cards: NCCL itself waits on."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_LOOK):
            if any(process.exitcode not in (None, 0) for process in others):
                _let_go()
                return

    if others:
        threading.Thread(target=watch, name="other processes", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _let_go() -> None:
    """Give up what waits on the card for another process; gloo then says that it is lost."""
    with suppress(RuntimeError, AttributeError):  # without a card nothing does; and nobody at the very end
        distributed.group.WORLD._get_backend(torch.device("cuda")).abort()  # type: ignore[union-attr]


def end_with_parent() -> None:
    """A process whose starter was killed has nothing left to do, and may wait on its card for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
