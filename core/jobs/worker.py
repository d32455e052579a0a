"""The worker's entry: takes the folder's lock, runs its task, leaves its last word in the folder (stdlib only)."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

from ..errors import JobError, UnderstudyError
from ..options import make
from . import client, queueing
from .folder import JobFolder, JobSpec
from .lock import FileLock
from .messages import Error, Started
from .reporter import JobReporter
from .run import execute
from .tasks import TASKS

_log = logging.getLogger(__name__)

_PATIENCE = 1.5  # seconds to wait for the lock: a follower may be looking at it, a predecessor may be leaving
_NICENESS = 10


def main(path: str) -> int:
    """Run the job in the folder `path`; returns the process's exit code."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True,
                        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    folder = JobFolder(Path(path).resolve())
    try:
        code = run(folder)
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    start_next(folder)
    return code


def start_next(folder: JobFolder) -> None:
    """Go on with the queue: nobody has to be there for it."""
    spec = folder.spec()
    queueing.go_on(folder, lambda job: client.launch(job, spec.python or sys.executable, spec.root or client.ROOT))


def run(folder: JobFolder) -> int:
    """Take the lock and run the job.

    Raises:
        JobError: if there is no readable job, or another worker is on it. The folder's state is then as before.
    """
    spec = folder.spec()
    lock = FileLock(folder.lock_file)
    try:
        taken = lock.acquire(_PATIENCE)
    except OSError as error:
        raise JobError(f"Cannot lock {folder.lock_file} ({error.strerror})",
                       "Keep jobs in a folder on a local disk") from error
    if not taken:
        raise JobError(f"Another worker is on the job {folder.path}", "Wait until it ends or stop it")
    try:
        return _run_locked(folder, spec, lock)
    finally:
        lock.release()


def _run_locked(folder: JobFolder, spec: JobSpec, lock: FileLock) -> int:
    lower_priority()
    with JobReporter(folder, lock.beat) as reporter:
        _stop_on_signals(reporter)
        task = TASKS.get(spec.task)
        if task is None:
            reporter.fail(Error(f"This version of Understudy knows no task {spec.task!r}. Update the extension."))
            return 1
        reporter.say(Started(task.name, spec.label or task.label))
        try:
            options = make(task.options, spec.options, where=str(folder.job_file))
        except UnderstudyError as error:
            reporter.fail(Error(str(error)))
            return error.exit_code
        return execute(task, options, reporter, str(folder.log_file))


def lower_priority() -> None:
    """Give way to whatever the person works with; on Windows the starter has already seen to it."""
    if hasattr(os, "nice"):
        try:
            os.nice(_NICENESS)
        except OSError:
            pass


def _stop_on_signals(reporter: JobReporter) -> None:
    """A shutdown of the computer is a stop: the task saves and ends."""
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: reporter.ask_stop())
