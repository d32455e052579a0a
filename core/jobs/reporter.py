"""What every reporter has in common, and the one that writes a job folder (stdlib only)."""

from __future__ import annotations

import math
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from .folder import HEARTBEAT, JobFolder, JobState
from .messages import Done, Error, Message, Metric, Preview, Progress, Started, Warning_
from .progress import Meter

INTERVAL = 0.25  # seconds between two progress messages, and between two lines of metrics


class BaseReporter:
    """Throttles progress and metrics, measures the rate, knows whether to stop; `say` decides where messages go."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._mutex = threading.RLock()
        self._meter = Meter()
        self._pending: Progress | None = None
        self._said = -math.inf
        self._metrics: list[tuple[int, dict[str, float]]] = []
        self._metrics_said = -math.inf
        self._stop = threading.Event()

    def say(self, message: Message) -> None:
        """Deliver one message."""
        raise NotImplementedError

    def ask_stop(self) -> None:
        """From now on `progress` answers True; may be called by signal handlers and other threads."""
        self._stop.set()

    def stopping(self) -> bool:
        return self._stop.is_set()

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        with self._mutex:
            rate, eta = self._meter.update(done, total, unit)
            self._pending = Progress(done, total, unit, text, rate, eta)
            if time.monotonic() - self._said >= self._interval:
                self.flush()
        return self.stopping()

    def metric(self, iteration: int, values: dict[str, float]) -> None:
        """Figures that come faster than the interval are averaged into one message, at the last one's iteration."""
        with self._mutex:
            self._metrics.append((iteration, {k: float(v) for k, v in values.items()}))
            if time.monotonic() - self._metrics_said >= self._interval:
                self._flush_metrics()

    def preview(self, path: object) -> None:
        self.say(Preview(str(path)))

    def warning(self, message: str, detail: str = "") -> None:
        self.say(Warning_(message, detail))

    def on_pause(self, free: Callable[[], None], restore: Callable[[], None]) -> None:
        """Only job folders can be paused; elsewhere nothing happens."""

    def flush(self) -> None:
        """Deliver the progress that waits, if any."""
        with self._mutex:
            if self._pending is not None:
                message, self._pending = self._pending, None
                self._said = time.monotonic()
                self.say(message)

    def _flush_metrics(self) -> None:
        if self._metrics:
            names = dict.fromkeys(name for _, values in self._metrics for name in values)
            means: dict[str, float | None] = {
                name: _mean([v[name] for _, v in self._metrics if name in v]) for name in names}
            message = Metric(self._metrics[-1][0], means)
            self._metrics = []
            self._metrics_said = time.monotonic()
            self.say(message)

    def fail(self, error: Error) -> None:
        """The task failed."""
        self._end(error, Done("failed"))

    def finish(self, done: Done) -> None:
        """The task ended, finished or stopped."""
        self._end(done)

    def _end(self, *messages: Message) -> None:
        with self._mutex:
            self._flush_metrics()
            self.flush()
            for message in messages:
                self.say(message)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


class JobReporter(BaseReporter):
    """Writes a job folder, and listens to its `stop` and `pause` files.

    A thread stamps the heartbeat and delivers what throttling held back. A full disk does not end the task from here:
    what could not be written is skipped, and the last word has a reserve of its own.
    """

    def __init__(self, folder: JobFolder, beat: Callable[[], None] = lambda: None, interval: float = INTERVAL) -> None:
        super().__init__(interval)
        self.folder = folder
        self._beat = beat
        self._looked = -math.inf
        self._pauses: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self._reserve = folder.path / "reserve"
        old = folder.state()
        self.state = JobState(status="running", run=old.run + 1, host=socket.gethostname(), pid=os.getpid(),
                              launched=old.launched, started=time.time(), updated=time.time(),
                              progress=old.progress, metric=old.metric, preview=old.preview)
        self._state_said = -math.inf
        self._closed = threading.Event()
        self._pulse = threading.Thread(target=self._beat_on, name="heartbeat", daemon=True)

    def __enter__(self) -> JobReporter:
        self._set_reserve()
        self._events = _LineFile(self.folder.events_file)
        self._metrics_out = _LineFile(self.folder.metrics_file)
        self._write_state(force=True)
        self._pulse.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closed.set()
        self._pulse.join(5)
        self._events.close()
        self._metrics_out.close()
        self._reserve.unlink(missing_ok=True)

    def say(self, message: Message) -> None:
        with self._mutex:
            last = isinstance(message, (Error, Done))
            if last:
                self._reserve.unlink(missing_ok=True)
            (self._metrics_out if isinstance(message, Metric) else self._events).write(message.to_json())
            self._absorb(message)
            self._write_state(force=not isinstance(message, (Progress, Metric)), durable=isinstance(message, Done))

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        super().progress(done, total, unit, text)
        now = time.monotonic()
        if now - self._looked >= 0.05:  # looking at files costs more than counting
            self._looked = now
            if self.folder.stop_file.exists():
                self.ask_stop()
            elif self.folder.pause_file.exists():
                self._wait()
        return self.stopping()

    def on_pause(self, free: Callable[[], None], restore: Callable[[], None]) -> None:
        self._pauses.append((free, restore))

    def _wait(self) -> None:
        for free, _ in self._pauses:
            free()
        _empty_gpu_cache()
        self._set_status("paused")
        while self.folder.pause_file.exists() and not self.stopping():
            if self.folder.stop_file.exists():
                self.ask_stop()
                break
            time.sleep(0.2)
        self._set_status("running")
        for _, restore in self._pauses:
            restore()
        self._meter.forget_time()

    def _set_status(self, status: str) -> None:
        with self._mutex:
            self.flush()
            self.state.status = status
            self._write_state(force=True)

    def _absorb(self, message: Message) -> None:
        state, data = self.state, message.to_dict()
        if isinstance(message, Started):
            state.status, state.error, state.result = "running", "", {}
        elif isinstance(message, Progress):
            state.progress = data
        elif isinstance(message, Metric):
            state.metric = data
        elif isinstance(message, Preview):
            state.preview = message.path
        elif isinstance(message, Warning_):
            state.warnings = [*state.warnings, message.message][-10:]
        elif isinstance(message, Error):
            state.error = message.message
        elif isinstance(message, Done):
            state.status, state.result, state.ended = message.status, message.result, time.time()

    def _write_state(self, force: bool = False, durable: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._state_said < self._interval:
            return
        self._state_said = now
        self.state.updated = time.time()
        try:
            self.folder.write_state(self.state, durable)
        except OSError:
            pass  # the next one, or the reserve, will do

    def _set_reserve(self) -> None:
        try:
            self._reserve.write_bytes(os.urandom(32768))
        except OSError:
            pass

    def _beat_on(self) -> None:
        beaten = -math.inf
        while not self._closed.wait(self._interval * 2):
            with self._mutex:
                if time.monotonic() - self._said >= self._interval:
                    self.flush()
                if time.monotonic() - self._metrics_said >= self._interval:
                    self._flush_metrics()
            if time.monotonic() - beaten >= HEARTBEAT:
                beaten = time.monotonic()
                self._beat()


class _LineFile:
    """Appends whole lines, one write each. A torn last line of a killed worker is closed first."""

    def __init__(self, path: Any) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
        size = os.lseek(self._fd, 0, os.SEEK_END)
        if size:
            os.lseek(self._fd, size - 1, os.SEEK_SET)
            self._torn = os.read(self._fd, 1) != b"\n"
        else:
            self._torn = False

    def write(self, line: str) -> None:
        data = (b"\n" if self._torn else b"") + line.encode("utf-8", "replace") + b"\n"
        try:
            self._torn = os.write(self._fd, data) < len(data)
        except OSError:
            self._torn = True  # a full disk may have taken a part

    def close(self) -> None:
        os.close(self._fd)


def _empty_gpu_cache() -> None:
    torch = sys.modules.get("torch")  # only where the task has imported it
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
