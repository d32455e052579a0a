"""Ending a process, without any clearing up, at each of its steps that touch the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

ENDED = 9


def run_to_step(work: Callable[[], object], step: int, module: Any = os,
                names: tuple[str, ...] = ("fsync", "replace", "link", "unlink", "mkdir", "chmod", "rename")) -> bool:
    """Run `work` in a forked child that ends at its step-th call to one of the functions named.

    Returns:
        Whether it got there; False: the work was done before.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            calls = iter(range(10_000))

            def ending(real: Callable[..., object]) -> Callable[..., object]:
                return lambda *args, **kwargs: os._exit(ENDED) if next(calls) == step else real(*args, **kwargs)

            for name in names:
                setattr(module, name, ending(getattr(module, name)))
            work()
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, ENDED)
    return code == ENDED
