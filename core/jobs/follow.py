"""Read what a job has said since last time, cheaply (stdlib only; runs in Blender's timer)."""

from __future__ import annotations

import time
from pathlib import Path

from .client import reap
from .folder import ENDED, JobFolder, JobSpec, JobState
from .messages import Message, Metric, Progress, parse

CHUNK = 65536  # bytes read per file and call, some 5 ms of parsing; a long story is caught up with over several calls
_LIVENESS = 1.0  # seconds between two looks at the lock


class Tail:
    """The lines that a file has grown by. A torn last line waits until it is whole."""

    def __init__(self, path: Path, last: int | None = None) -> None:
        """`last`: begin so many bytes before the present end (at the next whole line) rather than at the start."""
        self.path = path
        self._offset = 0
        self._skip_line = False
        self._stamp: tuple[int, int] | None = None
        if last is not None:
            try:
                self._offset = max(0, path.stat().st_size - last)
            except OSError:
                pass
            self._skip_line = self._offset > 0

    def read(self) -> list[str]:
        """New whole lines, at most `CHUNK` bytes of them; without a change on disk this is one `stat`."""
        try:
            stat = self.path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if stamp == self._stamp:
                return []
            if stat.st_size < self._offset:
                self._offset = 0  # written anew
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                data = file.read(CHUNK)
        except OSError:
            return []
        whole = data.rfind(b"\n") + 1
        if not whole and len(data) == CHUNK:
            whole = CHUNK  # a line beyond all measure is foreign; step over it
        self._offset += whole
        if self._offset + len(data) - whole >= stat.st_size:
            self._stamp = stamp
        lines = data[:whole].decode("utf-8", "replace").split("\n")[:-1]
        if self._skip_line and lines:
            self._skip_line = False
            del lines[0]
        return lines


class Follower:
    """One job as its folder tells it, brought up to date by `poll`.

    Attributes:
        job: the folder.
        spec: what it does.
        state: where it stands, as last read.
        status: one of `folder.STATUSES`.
        changed: whether the last `poll` brought anything new.
    """

    def __init__(self, job: JobFolder, history: int | None = None) -> None:
        """`history`: how many bytes of earlier messages and metrics to begin with; None: all, 0: only new ones.

        Raises:
            JobError: if `job.json` cannot be read.
        """
        self.job = job
        self.spec: JobSpec = job.spec()
        self.state = JobState()
        self.status = "queued"
        self.changed = True
        self._events = Tail(job.events_file, history)
        self._metrics = Tail(job.metrics_file, history)
        self._stamp: tuple[int, int] | None = None
        self._looked = -_LIVENESS
        self._alive = False

    @property
    def progress(self) -> Progress | None:
        try:
            return Progress(**self.state.progress) if self.state.progress else None
        except TypeError:
            return None

    @property
    def metric(self) -> Metric | None:
        try:
            return Metric(**self.state.metric) if self.state.metric else None
        except TypeError:
            return None

    @property
    def ended(self) -> bool:
        return self.status in (*ENDED, "lost")

    def poll(self) -> list[Message]:
        """Look again; returns the new messages, in order (metrics after the others)."""
        before = self.status
        # State first: whoever stops at «finished» has then seen every event before it.
        self.changed = self._read_state()
        self.status = self._read_status()
        lines = self._events.read() + self._metrics.read()
        messages = [message for message in map(parse, lines) if message is not None]
        self.changed = self.changed or bool(messages) or self.status != before
        return messages

    def _read_state(self) -> bool:
        try:
            stat = self.job.state_file.stat()
        except OSError:
            return False
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self.state = self.job.state()
        if not self._alive:
            self._looked = -_LIVENESS  # what was seen of the lock is older than this state
        return True

    def _read_status(self) -> str:
        self.state = reap(self.job, self.state)
        if self.state.status in ENDED:
            return self.state.status
        now = time.monotonic()
        if now - self._looked >= _LIVENESS:
            self._looked = now
            self._alive = self.job.alive(self.state)
            if not self._alive:
                # It may have ended between the two looks: read what it left before calling it lost.
                self.state = self.job.state()
        return self.job.status(self.state, self._alive or self.state.status in ENDED)
