"""Blender's end of the service (stdlib only): ask without waiting, collect the answers in a timer."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, Any

from ..errors import EnvironmentError_, JobError, writing
from .client import ROOT, child_environment, command
from .messages import Done, Error, Message, Progress, parse

_CRASHES = 3  # so many within `_CRASH_WINDOW` seconds, and it is not started again
_CRASH_WINDOW = 60.0


class Request:
    """One question and what has come back.

    Attributes:
        name, values: what was asked.
        progress: the latest, or None.
        ended: whether the answer is complete.
        result: of a finished request.
        error: one line; "" unless it failed. A stopped request has neither result nor error.
    """

    def __init__(self, number: int, name: str, values: dict[str, Any]) -> None:
        self.number = number
        self.name = name
        self.values = values
        self.progress: Progress | None = None
        self.result: dict[str, Any] = {}
        self.error = ""
        self._ended = threading.Event()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def wait(self, timeout: float | None = None) -> dict[str, Any]:
        """The result, waited for: for scripts and `blender -b`.

        Raises:
            JobError: if it failed, or is not there after `timeout` seconds.
        """
        if not self._ended.wait(timeout):
            raise JobError(f"The service has not answered {self.name} within {timeout:g} s")
        if self.error:
            raise JobError(self.error)
        return self.result

    def hear(self, message: Message) -> None:
        if isinstance(message, Progress):
            self.progress = message
        elif isinstance(message, Error):
            self.error = message.message
        elif isinstance(message, Done):
            self.result = message.result
            self._ended.set()

    def break_off(self, reason: str) -> None:
        self.error = reason
        self._ended.set()


class Service:
    """Starts with the first request, again after a crash, ends with `close` or with this process."""

    def __init__(self, python: Path | str, log: Path | str, root: Path | str = ROOT) -> None:
        """
        Args:
            python: the core's Python.
            log: file that takes whatever the service prints.
            root: the package folder whose core answers.
        """
        self._python, self._root, self._log = python, root, Path(log)
        self._process: subprocess.Popen[bytes] | None = None
        self._pending: dict[int, Request] = {}
        self._numbers = 0
        self._crashes: list[float] = []
        self._mutex = threading.RLock()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask(self, name: str, **values: Any) -> Request:
        """Send a request; returns at once (starting the service the first time takes some milliseconds).

        Raises:
            EnvironmentError_: if the service cannot be started, or has crashed again and again.
        """
        with self._mutex:
            if not self.running:
                self._start()
            self._numbers += 1
            request = Request(self._numbers, name, values)
            self._pending[request.number] = request
            self._send({"id": request.number, "request": name, "values": values})
        return request

    def cancel(self, request: Request) -> None:
        """Let a request go; what it has not begun it will not begin."""
        with self._mutex:
            if not request.ended and self.running:
                self._send({"cancel": request.number})

    def close(self, patience: float = 0.0) -> None:
        """End the service; pending requests break off. `patience`: seconds to wait for it to leave by itself."""
        with self._mutex:
            process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        try:
            process.stdin.close()
        except OSError:
            pass
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> None:
        now = time.monotonic()
        self._crashes = [at for at in self._crashes if now - at < _CRASH_WINDOW]
        if len(self._crashes) >= _CRASHES:
            raise EnvironmentError_("The core's service keeps crashing", f"See {self._log}; run Set Up again")
        with writing(self._log):
            self._log.parent.mkdir(parents=True, exist_ok=True)
            log = open(self._log, "ab")  # noqa: SIM115
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        try:
            self._process = subprocess.Popen(command(self._python, self._root, "--service"), stdin=subprocess.PIPE,
                                             stdout=subprocess.PIPE, stderr=log, env=child_environment(),
                                             creationflags=flags)
        except OSError as error:
            raise EnvironmentError_(f"Cannot start the Python {self._python} ({error.strerror})",
                                    "Run Set Up in the preferences or choose another interpreter") from error
        finally:
            log.close()
        assert self._process.stdout is not None
        threading.Thread(target=self._listen, args=(self._process, self._process.stdout), name="service",
                         daemon=True).start()

    def _send(self, data: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(data).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it has just gone; the listener breaks the request off

    def _listen(self, process: subprocess.Popen[bytes], stream: IO[bytes]) -> None:
        for line in stream:
            try:
                data = json.loads(line)
                request = self._pending.get(data.pop("id"))
            except (ValueError, KeyError, AttributeError, TypeError):
                continue
            message = parse(json.dumps(data))
            if request is not None and message is not None:
                request.hear(message)
                if request.ended:
                    self._pending.pop(request.number, None)
        process.wait()
        with self._mutex:
            if process is self._process:  # not closed by us
                self._crashes.append(time.monotonic())
                reason = f"The core's service ended unexpectedly; see {self._log}"
            elif self._process is None:
                reason = "The service was closed"
            else:
                return
            pending, self._pending = self._pending, {}
        for request in pending.values():
            request.break_off(reason)
