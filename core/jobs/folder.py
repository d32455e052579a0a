"""The job folder: what a worker and its followers share on disk (stdlib only; both sides import it).

    job.json       what to do: the task, its options, the core it was started with; written once per start
    state.json     where it stands; small, renamed into place
    events.jsonl   every message but metrics, one per line, progress throttled
    metrics.jsonl  the figures of a training, one per line
    log.txt        whatever the worker's process prints, and its tracebacks
    stop, pause    empty files that ask for it
    lock           held by the living worker; its time of change is the heartbeat
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import JobError, writing
from .lock import held

FORMAT = 1
STATUSES = ("queued", "running", "paused", "stopping", "finished", "failed", "stopped", "lost")
ENDED = ("finished", "failed", "stopped")
HEARTBEAT = 2.0  # seconds between two stamps of the lock file
_LAUNCH_PATIENCE = 60.0  # a worker that has not taken the lock after this many seconds never will
_REMOTE_PATIENCE = 60.0  # heartbeats older than this are silence; generous, for the clocks of two machines


@dataclass(frozen=True)
class JobSpec:
    """`job.json`.

    Attributes:
        task: name in `tasks.TASKS`.
        options: the task's options by name, JSON-ready.
        label: what a person calls the job.
        tag: whatever the follower wants to find again (a strip's uuid, a scene); the worker ignores it.
        core: version of the core that it was started with.
        root: the package folder that holds this version.
        python: the interpreter that it was started with.
        created: seconds since 1970.
    """

    task: str
    options: dict[str, Any]
    label: str = ""
    tag: dict[str, Any] = field(default_factory=dict)
    core: str = ""
    root: str = ""
    python: str = ""
    created: float = 0.0


@dataclass
class JobState:
    """`state.json`: enough to draw a panel from. Times are seconds since 1970; messages are as in `messages`."""

    status: str = "queued"
    run: int = 0
    host: str = ""
    pid: int = 0
    launched: float = 0.0
    started: float = 0.0
    updated: float = 0.0
    ended: float = 0.0
    progress: dict[str, Any] | None = None
    metric: dict[str, Any] | None = None
    preview: str = ""
    warnings: list[str] = field(default_factory=list)
    error: str = ""
    result: dict[str, Any] = field(default_factory=dict)


class JobFolder:
    """One job on disk. Cheap to make: nothing is read until asked for."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.job_file = self.path / "job.json"
        self.state_file = self.path / "state.json"
        self.events_file = self.path / "events.jsonl"
        self.metrics_file = self.path / "metrics.jsonl"
        self.log_file = self.path / "log.txt"
        self.stop_file = self.path / "stop"
        self.pause_file = self.path / "pause"
        self.lock_file = self.path / "lock"

    def __repr__(self) -> str:
        return f"JobFolder({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JobFolder) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @classmethod
    def create(cls, jobs_dir: Path | str, spec: JobSpec) -> JobFolder:
        """Make a folder for `spec` below `jobs_dir`, named by time and task.

        Raises:
            OutputError: if the place cannot be written.
        """
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{spec.task}-{secrets.token_hex(2)}"
        folder = cls(Path(jobs_dir) / name)
        with writing(folder.path):
            folder.path.mkdir(parents=True)
            folder.write_spec(spec)
        return folder

    def spec(self) -> JobSpec:
        """What is to be done.

        Raises:
            JobError: if `job.json` is missing, damaged or of a newer format.
        """
        try:
            data = json.loads(self.job_file.read_text(encoding="utf-8"))
            if data.pop("format") > FORMAT:
                raise JobError(f"{self.job_file} was written by a newer Understudy", "Update the extension")
            known = {f.name for f in fields(JobSpec)}
            return JobSpec(**{k: v for k, v in data.items() if k in known})
        except OSError as error:
            raise JobError(f"Cannot read {self.job_file} ({error.strerror})", "Start the job anew") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise JobError(f"{self.job_file} is damaged", "Start the job anew") from error

    def write_spec(self, spec: JobSpec) -> None:
        write_json(self.job_file, {"format": FORMAT, **asdict(spec)})

    def state(self) -> JobState:
        """Where it stood when last written; an unreadable file reads as the blank state."""
        try:
            data = json.loads(self.state_file.read_text(encoding="utf-8"))
            known = {f.name for f in fields(JobState)}
            state = JobState(**{k: v for k, v in data.items() if k in known})
            return state if state.status in STATUSES else JobState()
        except (OSError, ValueError, TypeError, AttributeError):
            return JobState()

    def write_state(self, state: JobState, durable: bool = False) -> None:
        """Rename a new `state.json` into place; `durable` waits until the disk has it.

        Raises:
            OSError: if it cannot be written.
        """
        write_json(self.state_file, asdict(state), durable)

    def alive(self, state: JobState | None = None) -> bool:
        """Whether a worker is on it: the lock on this machine, a fresh heartbeat on another one."""
        state = state or self.state()
        if state.host in ("", socket.gethostname()):
            return held(self.lock_file)
        try:
            return state.status not in ENDED and time.time() - self.lock_file.stat().st_mtime < _REMOTE_PATIENCE
        except OSError:
            return False

    def status(self, state: JobState | None = None, alive: bool | None = None) -> str:
        """One of `STATUSES`, from the state, the lock and the request files."""
        state = state or self.state()
        if state.status in ENDED:
            return state.status
        alive = self.alive(state) if alive is None else alive
        if state.status == "queued":
            waited = time.time() - state.launched if state.launched else 0.0
            return "queued" if alive or waited < _LAUNCH_PATIENCE else "lost"
        if not alive:
            return "lost"
        return "stopping" if self.stop_file.exists() else state.status

    def last_lines(self, count: int = 20, most: int = 16384) -> str:
        """The end of the log, for a report: so many lines, of no more than `most` bytes."""
        try:
            with open(self.log_file, "rb") as file:
                file.seek(max(0, self.log_file.stat().st_size - most))
                return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-count:])
        except OSError:
            return ""


def write_json(path: Path, data: dict[str, Any], durable: bool = False) -> None:
    """Write a JSON file beside its place and rename it there.

    Raises:
        OSError: if it cannot be written; the old file then stands.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(data, file, ensure_ascii=False, default=str)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def replace(source: Path, target: Path, attempts: int = 20) -> None:
    """`os.replace`, tried again for half a second where Windows refuses because a reader holds the target open."""
    for attempt in range(attempts):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if os.name != "nt" or attempt == attempts - 1:
                raise
            time.sleep(0.025)
