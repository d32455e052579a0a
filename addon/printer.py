"""What `blender -b` prints of a job (no bpy)."""

from __future__ import annotations

import time

from ..core.jobs.messages import Message, Preview, Progress, Warning_
from ..core.jobs.progress import describe


class Printer:
    """Prints a job's messages for a person at a terminal, progress at most once a second."""

    def __init__(self, pause: float = 1.0) -> None:
        self._pause = pause
        self._said = 0.0

    def __call__(self, label: str, message: Message) -> None:
        if isinstance(message, Progress):
            ended = message.total is not None and message.done >= message.total
            if ended or time.monotonic() - self._said >= self._pause:
                self._said = time.monotonic()
                print(f"{label}: {describe(message)}" + (f" ({message.text})" if message.text else ""), flush=True)
        elif isinstance(message, Warning_):
            print(f"{label}: warning: {message.message}", flush=True)
        elif isinstance(message, Preview):
            print(f"{label}: preview: {message.path}", flush=True)
