"""Start, follow and steer jobs (stdlib only; used inside Blender, so that nothing here waits for a worker).

A client owns no job: whoever lists the folder sees the same jobs, also after Blender was closed and opened again.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ... import __version__
from ..errors import EnvironmentError_, JobError, UsageError, writing
from ..options import change_paths, make, options_of
from .folder import ENDED, JobFolder, JobSpec, JobState
from .interrupting import interruptible
from .lock import FileLock
from .tasks import TASKS

ROOT = Path(__file__).resolve().parents[2]
_children: dict[Path, subprocess.Popen[bytes]] = {}  # ours, to be reaped; they may well outlive us


def create(jobs_dir: Path | str, task: str, options: Any, *, label: str = "",
           tag: dict[str, Any] | None = None) -> JobFolder:
    """A job folder, checked but not yet started.

    Args:
        options: an instance of the task's options, or a dict of values. Relative paths become absolute.
        label: what a person calls it; empty: the task's label.
        tag: whatever the follower wants to find again; JSON-ready.

    Raises:
        UsageError: for an unknown task or option, or a value out of range.
        OutputError: if `jobs_dir` cannot be written.
    """
    if task not in TASKS:
        raise UsageError(f"There is no task {task!r}", f"Known: {', '.join(TASKS)}")
    cls = TASKS[task].options
    values = dict(options) if isinstance(options, dict) else dataclasses.asdict(options)
    values = dataclasses.asdict(make(cls, values))
    for option in options_of(cls):
        values[option.name] = change_paths(option, values[option.name], os.path.abspath)
    spec = JobSpec(task, values, label or TASKS[task].label, tag or {}, __version__, created=time.time())
    return JobFolder.create(Path(os.path.abspath(jobs_dir)), spec)


def start(jobs_dir: Path | str, task: str, options: Any, *, python: Path | str, root: Path | str = ROOT,
          label: str = "", tag: dict[str, Any] | None = None) -> JobFolder:
    """`create` and `launch` in one."""
    job = create(jobs_dir, task, options, label=label, tag=tag)
    launch(job, python, root)
    return job


def launch(job: JobFolder, python: Path | str, root: Path | str = ROOT) -> None:
    """Start a worker for a job that has none: a new job, or one that ended or was lost (it continues).

    Args:
        python: the core's Python.
        root: the package folder whose core does the work; a versioned copy lets updates pass a running job by.

    Raises:
        JobError: if a worker is on it already, or the folder is damaged.
        EnvironmentError_: if the interpreter cannot be started.
    """
    spec = job.spec()
    queue(job)
    with writing(job.path):
        job.write_spec(dataclasses.replace(spec, core=_version(Path(root)), root=str(root), python=str(python)))
        log = open(job.log_file, "ab")  # noqa: SIM115
    try:
        _children[job.path] = subprocess.Popen(
            command(python, root, str(job.path)), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            cwd=job.path.parent, env=child_environment(), **detached())
    except OSError as error:
        reason = EnvironmentError_(f"Cannot start the Python {python} ({error.strerror})",
                                   "Run Set Up in the preferences or choose another interpreter")
        job.write_state(dataclasses.replace(job.state(), status="failed", error=str(reason), ended=time.time()))
        raise reason from error
    finally:
        log.close()


def queue(job: JobFolder) -> None:
    """Mark a job as about to start, forgetting the requests that an earlier run was sent.

    Raises:
        JobError: if a worker is on it already.
    """
    old = job.state()
    if old.status not in ENDED and job.alive(old):  # one that is just leaving is waited for by the new worker
        raise JobError(f"The job {job.path.name} is running already", "Stop it first")
    _children.pop(job.path, None)  # an earlier run's end says nothing about this one
    with writing(job.path):
        if old.status != "queued":  # a job that is queued may be asked to stop before its worker starts
            job.stop_file.unlink(missing_ok=True)
            job.pause_file.unlink(missing_ok=True)
        job.write_state(JobState("queued", run=old.run, launched=time.time(), progress=old.progress,
                                 metric=old.metric, preview=old.preview))


def command(python: Path | str, root: Path | str, *arguments: str) -> list[str]:
    """The command that runs the bootstrap file of the package at `root`."""
    bootstrap = Path(root) / "core" / "jobs" / "bootstrap.py"
    # Isolated: no user site, no PYTHON* variables. A crash in C leaves its stack in the log.
    return [str(python), "-I", "-X", "utf8", "-X", "faulthandler", str(bootstrap), *arguments]


def child_environment() -> dict[str, str]:
    """This process's environment without what would lead another Python astray."""
    return {key: value for key, value in os.environ.items()
            if not key.startswith("PYTHON") and key not in ("__PYVENV_LAUNCHER__", "VIRTUAL_ENV")}


def detached() -> dict[str, Any]:
    """Arguments of `Popen` for a process that neither a closed terminal nor a closed Blender ends."""
    if sys.platform == "win32":
        # Not DETACHED_PROCESS: then every program that the worker starts would open a console window.
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
                | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
    return {"start_new_session": True}


def list_jobs(jobs_dir: Path | str) -> list[JobFolder]:
    """The jobs below a folder, oldest first; an absent folder holds none."""
    try:
        names = sorted(entry.name for entry in os.scandir(jobs_dir) if entry.is_dir())
    except OSError:
        return []
    found = [JobFolder(Path(os.path.abspath(jobs_dir)) / name) for name in names]
    return [job for job in found if job.job_file.exists()]


def stop(job: JobFolder) -> None:
    """Ask the worker to save and end."""
    _ask(job.stop_file)


def pause(job: JobFolder) -> None:
    """Ask the worker to wait and free the processor and the graphics card."""
    _ask(job.pause_file)


def resume(job: JobFolder) -> None:
    """Let a paused worker go on. (One that was lost or stopped is started again by `launch`.)"""
    with writing(job.path):
        job.pause_file.unlink(missing_ok=True)


def _ask(path: Path) -> None:
    with writing(path):
        path.touch()


def end(job: JobFolder) -> bool:
    """End the worker at once, for a person who will not wait; what is not saved is lost. False if there was none."""
    state = job.state()
    if state.host != socket.gethostname() or not state.pid or not job.alive(state):
        return False
    # The held lock vouches for the pid: it is not a stranger's.
    os.kill(state.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    return True


def remove(job: JobFolder) -> None:
    """Delete the folder of a job that has no worker; what the job made elsewhere stays.

    Raises:
        JobError: while a worker is on it.
    """
    lock = FileLock(job.lock_file)
    with writing(job.path):
        if (job.state().host not in ("", socket.gethostname()) and job.alive()) or not lock.acquire(0.03):
            raise JobError(f"The job {job.path.name} is running", "Stop it first")
        try:
            aside = job.path.with_name(f".removed-{job.path.name}")
            if os.name != "nt":
                job.path.rename(aside)
        finally:
            lock.release()
        if os.name == "nt":  # an open file keeps its folder from being renamed there
            job.path.rename(aside)
        shutil.rmtree(aside)


def reap(job: JobFolder, state: JobState) -> JobState:
    """Collect a child of ours that has ended. One that ended before it took the lock could not start: say why."""
    child = _children.get(job.path)
    if child is None or child.poll() is None:
        return state
    del _children[job.path]
    state = job.state()
    if state.status != "queued":
        return state
    reason = job.last_lines(1) or f"exit code {child.returncode}"
    error = f"The worker could not start: {reason}"
    state = dataclasses.replace(state, status="failed", ended=time.time(), error=error)
    with writing(job.state_file):
        job.write_state(state)
    return state


def wait(job: JobFolder, on_message: Callable[[Any], None] = lambda message: None, interval: float = 0.1) -> str:
    """Follow a job until it has ended or is lost; returns its status. For scripts and `blender -b`.

    Ctrl-C asks the job to stop, says so, and goes on waiting; a second one leaves at once.
    """
    from .follow import Follower

    follower = Follower(job)
    asked = False
    with interruptible():
        while True:
            try:
                messages = follower.poll()
                for message in messages:
                    on_message(message)
                if not messages and follower.status in (*ENDED, "lost"):
                    return follower.status
                time.sleep(interval)
            except KeyboardInterrupt:
                if asked:
                    raise
                asked = True
                stop(job)
                print("\nStopping after this step; Ctrl-C again leaves at once.", file=sys.stderr, flush=True)


def _version(root: Path) -> str:
    """The version that the package at `root` gives itself, read without importing it."""
    try:
        for line in (root / "__init__.py").read_text(encoding="utf-8").splitlines():
            if line.startswith("__version__"):
                return line.split("=")[1].strip().strip("\"'")
    except OSError:
        pass
    return ""
