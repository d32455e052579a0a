"""Reporters of the command line: a progress bar for people, JSON lines for programs. Ctrl-C asks to stop.

The first Ctrl-C (or SIGTERM) asks the task to save and end, the second ends it at once.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, TextIO

from .messages import Done, Error, Message, Metric, Preview, Progress, Started, Warning_
from .progress import describe, duration, rate_text
from .reporter import BaseReporter

_LONGEST = 30  # letters before a bar; what says more, such as a training with its losses, stands behind it
_PLAIN_INTERVAL = 10.0  # seconds between two lines where there is no terminal to draw a bar on


class _SignalReporter(BaseReporter):
    """Turns signals into stops while the `with` block lasts."""

    def __init__(self, task: str, interval: float) -> None:
        super().__init__(interval)
        self.task = task
        self._handlers: dict[int, Any] = {}
        self._signals = 0

    def __enter__(self) -> Any:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        self.ask_stop()
        if self._signals == 1:
            # Straight to the descriptor: the handler may have interrupted a print that holds the stream's lock.
            os.write(2, b"\nStopping after this step; Ctrl-C again ends at once.\n")
        elif self._signals == 2:
            raise KeyboardInterrupt
        else:
            os._exit(130)


class ErrorReporter(_SignalReporter):
    """Errors alone, for processes beside the one that tells the rest."""

    def __init__(self, task: str) -> None:
        super().__init__(task, _PLAIN_INTERVAL)

    def say(self, message: Message) -> None:
        if isinstance(message, Error):
            print(f"understudy: {message.message}", file=sys.stderr, flush=True)


class ConsoleReporter(_SignalReporter):
    """A bar with rate and time left; warnings and errors as lines."""

    def __init__(self, task: str, stream: TextIO | None = None, interval: float = 0.1) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        super().__init__(task, interval if self._terminal else _PLAIN_INTERVAL)
        self._bar: Any = None
        self._bar_key: tuple[str, int | None, str] | None = None
        self._began = time.monotonic()

    def say(self, message: Message) -> None:
        if isinstance(message, Progress):
            self._show(message)
        elif isinstance(message, Warning_):
            self._line(f"Warning: {message.message}")
        elif isinstance(message, Error):
            self._close_bar()
            self._line(f"understudy: {message.message}")
        elif isinstance(message, Done):
            self._close_bar()
            if text := message.result.get("text"):
                print(text, flush=True)  # what was asked for, so that it can be piped
            if line := ending(message, time.monotonic() - self._began):
                self._line(line)
        elif isinstance(message, (Metric, Preview)):
            pass  # the progress has the figures in words; a picture is rewritten often, and its path is in the result

    def __exit__(self, *exc: object) -> None:
        self._close_bar()
        super().__exit__(*exc)

    def _show(self, progress: Progress) -> None:
        is_long = len(progress.text) > _LONGEST
        title, beside = (self.task, progress.text) if is_long else (progress.text or self.task, "")
        if not self._terminal:
            self._line(f"{title}: {describe(progress)}" + (f" · {beside}" if beside else ""))
            return
        from tqdm import tqdm

        key = (progress.unit, progress.total, progress.text)
        # The next step of a task in several may count the same number of frames, from the beginning.
        if self._bar is None or self._bar_key is None or key[:2] != self._bar_key[:2] or progress.done < self._bar.n:
            self._close_bar()
            shape = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} " if progress.total else "{desc} {n_fmt} "
            self._bar = tqdm(total=progress.total, file=self._stream, bar_format=shape + progress.unit + "{postfix}",
                             leave=True, ncols=_width(), nrows=20)
        self._bar_key = key
        parts = [rate_text(progress.rate)] if progress.rate is not None else []
        if progress.eta is not None:
            parts.append(f"{duration(progress.eta)} left")
        self._bar.set_description_str(title, refresh=False)
        self._bar.set_postfix_str(", ".join([*parts, *([beside] if beside else [])]), refresh=False)
        self._bar.n = progress.done
        self._bar.ncols = _width()  # now: windows are resized
        self._bar.refresh()

    def _line(self, text: str) -> None:
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            print(text, file=self._stream, flush=True)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class JsonReporter(_SignalReporter):
    """Every message as one line of JSON on stdout. Whatever else is printed meanwhile goes to stderr."""

    def __init__(self, task: str, stream: TextIO | None = None, interval: float = 0.25) -> None:
        super().__init__(task, interval)
        self._stream = stream or sys.stdout
        self._stdout = sys.stdout

    def __enter__(self) -> Any:
        super().__enter__()
        sys.stdout = sys.stderr
        self.say(Started(self.task))
        return self

    def __exit__(self, *exc: object) -> None:
        sys.stdout = self._stdout
        super().__exit__(*exc)

    def say(self, message: Message) -> None:
        with self._mutex:
            try:
                print(message.to_json(), file=self._stream, flush=True)
            except BrokenPipeError:
                self.ask_stop()  # nobody listens any more
                self._hush()

    def _hush(self) -> None:
        """What the stream still holds must not fail again when Python ends, which would change the exit code."""
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            pass  # not a real file


def _width() -> int:
    """Columns to draw on. tqdm's own measure is negative on terminals that do not tell their size."""
    return max(40, shutil.get_terminal_size().columns - 1)


def ending(done: Done, seconds: float) -> str:
    """The last line for a person: how it ended and what was made; "" after a failure, whose error has said it."""
    if done.status == "failed":
        return ""
    if done.status == "stopped":
        return f"Stopped after {duration(seconds)}; the same command again continues."
    told = {key: _counts(value) if isinstance(value, dict) else _figure(value) if isinstance(value, float) else value
            for key, value in done.result.items()}
    made = ", ".join(key.replace("_", " ") + ("" if value is True else f" {value}") for key, value in told.items()
                     if isinstance(value, (str, int, float)) and value != "" and value is not False and key != "text")
    return f"Done in {duration(seconds)}{': ' + made if made else ''}."


def _figure(value: float) -> str:
    """0.2300116091 as "0.23", 13456.7 as "13457"."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _counts(values: dict[str, Any]) -> str:
    """{"features": 3, "roll": 2} as "3 features, 2 roll"; "" for anything but counts."""
    if not all(isinstance(value, int) for value in values.values()):
        return ""
    return ", ".join(f"{value} {name}" for name, value in values.items())
