"""Killing a command where it hurts: SIGKILL at random instants of its work, for every task that must survive it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

_TRIES = 12
_PATIENCE = 300.0  # seconds for a run to end, on a busy machine


Work = Callable[[Callable[[], None]], object]


def kill_at_random_instants(command: Sequence[str] | Work, instants: int, check: Callable[[], None],
                            prepare: Callable[[], None], seed: int = 1) -> None:
    """Run `command` once to its end and then `instants` times, each time killed with all its children.

    The command prints one line when its work begins (whatever it says), so that no kill is spent on imports. The
    instants are random, one from each of `instants` equal parts of the time that the whole run took.

    A run that has ended before its instant is run again, and its instant comes earlier.

    Args:
        command: as for `subprocess.Popen`; or a function, which is run in a forked process, where all is imported that
            is imported here, and which calls the function that it is given when its work begins.
        check: called after the whole run and after every kill; asserts what must hold (and may resume the work).
        prepare: called before every run, also the first; puts things back as they were at the beginning, so that
            there is something to do again.
        seed: of the random instants.
    """
    chance = random.Random(seed)
    prepare()
    with _working(command) as worker:
        begun = time.monotonic()
        worker.wait(_PATIENCE)
        length = time.monotonic() - begun
        assert worker.returncode == 0, f"{command} failed by itself:\n{worker.stderr.read()}"
    check()
    for number in range(instants):
        share = (number + chance.random()) / instants
        for _ in range(_TRIES):
            if _killed(command, length * share, prepare):
                break
            length *= 0.7  # other work on the machine has ended since; a run that ends by itself proves nothing
        else:
            raise AssertionError(f"{command} ends before it can be killed")
        check()


def _killed(command: Sequence[str] | Work, after: float, prepare: Callable[[], None]) -> bool:
    """Whether the command was still at work when it was killed."""
    prepare()
    with _working(command) as worker:
        time.sleep(after)
        _kill(worker)
        assert worker.returncode in (0, -signal.SIGKILL), f"{command} failed:\n{worker.stderr.read()}"
    return worker.returncode != 0


@contextmanager
def _working(command: Sequence[str] | Work) -> Iterator[subprocess.Popen[str] | _Fork]:
    """The command in a process group of its own, past its first line; what is left of it at the end is killed."""
    with _Fork(command) if callable(command) else subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as worker:
        try:
            if not worker.stdout.readline():
                raise AssertionError(f"{command} ended before its work began:\n{worker.stderr.read()}")
            yield worker
        finally:
            _kill(worker)


class _Fork:
    """A function in a forked process, as far as it must look like a `subprocess.Popen`."""

    def __init__(self, work: Work) -> None:
        self.returncode: int | None = None
        ours, theirs = os.pipe()
        self.stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__, as the next one
        self.pid = os.fork()
        if self.pid == 0:
            self._run(work, theirs)
        os.close(theirs)
        self.stdout = open(ours)  # noqa: SIM115

    def _run(self, work: Work, begun: int) -> None:
        code = 1
        try:
            os.setsid()
            work(lambda: os.write(begun, b"begun\n") and None)
            code = 0
        except BaseException:
            traceback.print_exc(file=self.stderr)
            self.stderr.flush()
        finally:
            os._exit(code)

    def __enter__(self) -> _Fork:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        self.stderr.close()

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.01)
        self.stderr.seek(0)


def _kill(worker: subprocess.Popen[str] | _Fork) -> None:
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(_PATIENCE)
