"""How the process takes memory from the system while it trains on a processor."""

from __future__ import annotations

import ctypes
import os
import sys

# glibc's names, see mallopt(3)
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_MOST = 2**31 - 1


def keep_memory() -> bool:
    """Keep freed memory for the next step instead of giving it back to the system, and take it in large pages.

    By default the C library maps every large tensor anew and unmaps it after use. The system then clears each page as
    it is first touched, a million of them per second at best: for a model of 82 million weights that is a third of the
    whole step. Call it before PyTorch makes its first large tensor; what training needs at its peak then stays with the
    process until it ends. Only Linux with glibc is known to have the switches; elsewhere nothing happens.

    Returns:
        Whether freed memory is kept now.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # PyTorch asks for large pages where the system leaves a choice
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    # One arena: those of further threads are given back piece by piece whatever the threshold.
    return all([mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, _MOST), mallopt(_ARENA_MAX, 1)])
