"""Counts the lines of Python that our callbacks run in Blender's window: unlike milliseconds, the same everywhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager

from acting import module


@contextmanager
def counting():
    """Count while the block runs; gives {callback: (calls, lines of all of them)}, complete when the block has ended.

    Everything takes longer meanwhile.
    """
    timing = module("addon.timing")
    measured, count, begun, found = timing.measured, 0, [], {}
    usual = measured.__enter__, measured.__exit__

    def trace(frame, event, arg):
        nonlocal count
        count += event == "line"
        return trace

    def enter(self):
        begun.append(count)

    def leave(self, *_):
        lines = count - begun.pop()
        name = next(name for name, figures in timing.callbacks.items() if figures is self._figures)
        calls, before = found.get(name, (0, 0))
        found[name] = calls + 1, before + lines

    measured.__enter__, measured.__exit__ = enter, leave
    sys.settrace(trace)
    try:
        yield found
    finally:
        sys.settrace(None)
        measured.__enter__, measured.__exit__ = usual
