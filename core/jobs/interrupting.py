"""Ctrl-C where something else listens for it (stdlib only)."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within it Ctrl-C raises KeyboardInterrupt, in the main thread. Afterwards whoever had it has it again.

    `blender -b` listens for Ctrl-C by itself, to end renders, so that Python hears nothing of it. Such a handler is
    none of Python's, and its address is all that there is to put back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, theirs = signal.getsignal(signal.SIGINT), _address()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
        if theirs is not None:
            _set(theirs)


def _address() -> int | None:
    """Of the function that the system calls; None where Python shows none of its own functions."""
    try:
        ask = ctypes.pythonapi.PyOS_getsig
    except AttributeError:
        return None
    ask.argtypes, ask.restype = [ctypes.c_int], ctypes.c_void_p
    return ask(signal.SIGINT) or 0


def _set(address: int) -> None:
    put = ctypes.pythonapi.PyOS_setsig
    put.argtypes, put.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_void_p
    put(signal.SIGINT, address)
