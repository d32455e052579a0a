"""How long Blender waits for us: the longest call of each callback, kept for the tests (stdlib only)."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Callback:
    """Calls of one callback so far. Times in seconds; `kind` is "draw" (may take 2 ms) or "callback" (50 ms).

    `longest` is what a person waits, on a busy machine the turns of other programs included; `longest_cpu` is what we
    computed in that time. So with `total` and `total_cpu`, of all calls together.
    """

    kind: str
    calls: int = 0
    longest: float = 0.0
    longest_cpu: float = 0.0
    total: float = 0.0
    total_cpu: float = 0.0


# "UNDERSTUDY_PT_train.draw" -> its figures; lives as long as the extension is enabled.
callbacks: dict[str, Callback] = {}


class measured:
    """Add the time spent in the block to the figures of `name`. (No generator, for panels enter it often.)"""

    __slots__ = ("_cpu", "_figures", "_start")

    def __init__(self, name: str, kind: str = "callback") -> None:
        self._figures = callbacks.get(name) or callbacks.setdefault(name, Callback(kind))

    def __enter__(self) -> None:
        self._start, self._cpu = time.perf_counter(), time.thread_time()

    def __exit__(self, *_: object) -> None:
        spent, cpu = time.perf_counter() - self._start, time.thread_time() - self._cpu
        figures = self._figures
        figures.calls += 1
        figures.total += spent
        figures.total_cpu += cpu
        figures.longest = max(figures.longest, spent)
        figures.longest_cpu = max(figures.longest_cpu, cpu)


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a timer, handler or property callback."""

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        with measured(function.__qualname__):
            return function(*args)

    return wrapper


def timed_class(cls: type) -> type:
    """Decorate a panel, operator or UI list: its draw, poll, execute and invoke are measured.

    Blender counts the arguments of these methods when it registers a class, so each wrapper spells them out.
    """
    for method, kind in (("draw", "draw"), ("draw_header", "draw"), ("draw_header_preset", "draw"),
                         ("execute", "callback")):
        inner = getattr(cls, method, None)
        if inner is not None and getattr(inner, "_timed", "") != cls.__name__ and _ours(inner):
            setattr(cls, method, _method(inner, f"{cls.__name__}.{method}", kind, cls.__name__))
    poll = getattr(cls, "poll", None)
    if poll is not None and hasattr(poll, "__func__"):
        cls.poll = _poll(poll.__func__, f"{cls.__name__}.poll")  # type: ignore[attr-defined]
    return cls


def _ours(function: Any) -> bool:
    return hasattr(function, "__code__")


def _method(inner: Callable[..., Any], name: str, kind: str, owner: str) -> Callable[..., Any]:
    @functools.wraps(inner)
    def wrapper(self: Any, context: Any) -> Any:
        with measured(name, kind):
            return inner(self, context)

    wrapper._timed = owner  # type: ignore[attr-defined]
    return wrapper


def _poll(inner: Callable[..., bool], name: str) -> Any:
    def poll(cls: Any, context: Any) -> bool:
        with measured(name, "draw"):
            return inner(cls, context)

    return classmethod(poll)


def reset() -> None:
    """Forget the figures, not the callbacks."""
    for figures in callbacks.values():
        figures.calls = 0
        figures.longest = figures.longest_cpu = figures.total = figures.total_cpu = 0.0
