"""The jobs of an open .blend as the panels see them (no bpy): start in a thread, follow from a timer, reattach.

Nothing here belongs to a Blender session: a job is its folder, and listing the folders is all that reattaching takes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import JobError, UnderstudyError
from ..core.folders import user_data
from ..core.jobs import client
from ..core.jobs.folder import ENDED, JobFolder
from ..core.jobs.follow import Follower
from ..core.jobs.messages import Message
from . import environment

HISTORY = 65536  # bytes of earlier messages that a panel reads when it meets a job
ACTIVE = ("queued", "running", "paused", "stopping")


def project_folder(blend: str) -> Path:
    """Where a project's faces, models, converted frames and jobs go: beside the .blend, or, while that is not saved,
    in the user's data folder.

    Args:
        blend: `bpy.data.filepath`.
    """
    if not blend:
        return user_data() / "unsaved"
    path = Path(blend)
    return path.with_name(f"{path.stem}_understudy")


def jobs_folder(blend: str) -> Path:
    return project_folder(blend) / "jobs"


class Jobs:
    """The followers of every job in a few folders, newest last. `poll` is for a timer: with idle jobs it costs a few
    `stat` calls, with busy ones some milliseconds.

    Attributes:
        followers: by job folder; each knows `status`, `progress`, `metric`, `state`, `spec`.
        on_message: called in `poll` with (follower, message) for everything a job says.
        on_end: called in `poll` with the follower of a job that ended or was lost while it was followed.
    """

    def __init__(self) -> None:
        self.followers: dict[Path, Follower] = {}
        self.on_message: Callable[[Follower, Message], None] = lambda follower, message: None
        self.on_end: Callable[[Follower], None] = lambda follower: None
        self._folders: tuple[Path, ...] = ()
        self._stamps: dict[Path, int] = {}

    def watch(self, *folders: Path) -> None:
        """Follow the jobs of these folders, and no others (another .blend was opened)."""
        self._folders = folders
        self._stamps = {}
        self.followers = {path: f for path, f in self.followers.items() if path.parent in folders}
        self._list()

    def poll(self) -> bool:
        """Look again; True if anything has changed and panels should be redrawn."""
        changed = self._list()
        for follower in list(self.followers.values()):
            was_ended = follower.ended
            for message in follower.poll():
                self.on_message(follower, message)
            changed = changed or follower.changed
            if follower.ended and not was_ended:
                self.on_end(follower)
        return changed

    @property
    def busy(self) -> bool:
        """Whether a job is under way: the timer may otherwise look less often."""
        return any(f.status in ACTIVE for f in self.followers.values())

    def active(self, task: str = "", **tag: Any) -> list[Follower]:
        """The jobs under way, of one task and with these entries in their tag."""
        return [f for f in self.find(task, **tag) if f.status in ACTIVE]

    def find(self, task: str = "", **tag: Any) -> list[Follower]:
        """All jobs of one task ("": any) whose tag has these entries, oldest first."""
        return [f for _, f in sorted(self.followers.items(), key=lambda item: item[0].name)
                if task in ("", f.spec.task) and all(f.spec.tag.get(k) == v for k, v in tag.items())]

    def start(self, folder: Path, task: str, options: Any, *, python: str = "", label: str = "",
              tag: dict[str, Any] | None = None, wait: bool = False) -> Follower:
        """Make a job and start its worker, the latter in a thread (it may have to copy the core first).

        Args:
            folder: from `jobs_folder`; add it with `watch`.
            options: an instance of the task's options or a dict.
            python: the interpreter of the preferences; "": the built environment.
            wait: start in this thread, for `blender -b`.

        Raises:
            UsageError, OutputError, EnvironmentError_: before anything was started.
        """
        environment.ready(python, ask=False)
        return self._launch(client.create(folder, task, options, label=label, tag=tag), python, wait)

    def restart(self, follower: Follower, *, python: str = "", wait: bool = False) -> Follower:
        """Start a worker again for a job that ended or was lost; it continues where it stood.

        Raises:
            JobError: if a worker is on it.
            EnvironmentError_: if the core's Python is not ready.
        """
        environment.ready(python, ask=False)
        return self._launch(follower.job, python, wait)

    def _launch(self, job: JobFolder, python: str, wait: bool) -> Follower:
        client.queue(job)
        if wait:
            client.launch(job, environment.ready(python), environment.install_core_copy())
        else:
            threading.Thread(target=_launch_or_tell, args=(job, python), name="launch", daemon=True).start()
        follower = Follower(job)
        self.followers[job.path] = follower
        return follower

    def remove(self, follower: Follower) -> None:
        """Take a job off the list and delete its folder.

        Raises:
            JobError: while a worker is on it.
        """
        client.remove(follower.job)
        self.followers.pop(follower.job.path, None)

    def _list(self) -> bool:
        """Meet new jobs, forget deleted ones; a `stat` per folder unless something has come or gone."""
        changed = False
        for folder in self._folders:
            try:
                stamp = folder.stat().st_mtime_ns
            except OSError:
                stamp = 0
            if self._stamps.get(folder) == stamp:
                continue
            self._stamps[folder] = stamp
            jobs = {job.path: job for job in client.list_jobs(folder)}
            for path in [p for p in self.followers if p.parent == folder and p not in jobs]:
                del self.followers[path]
                changed = True
            for path, job in jobs.items():
                if path not in self.followers:
                    changed = self._meet(job) or changed
        return changed

    def _meet(self, job: JobFolder) -> bool:
        try:
            follower = Follower(job, HISTORY)
        except JobError:
            return False  # a damaged folder is nobody's job
        follower.poll()  # so that a job which ended long ago does not count as ending now
        self.followers[job.path] = follower
        return True


def _launch_or_tell(job: JobFolder, python: str) -> None:
    """Start the worker; a failure becomes the job's own, since nobody waits for this thread."""
    try:
        client.launch(job, environment.ready(python), environment.install_core_copy())
    except (UnderstudyError, OSError) as error:
        state = job.state()
        if state.status not in ENDED:
            state.status, state.error, state.ended = "failed", environment.explain(error), time.time()
            try:
                job.write_state(state)
            except OSError:
                pass  # the folder itself is gone; the job will read as lost
