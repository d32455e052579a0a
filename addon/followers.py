"""The jobs in a few folders, followed (no bpy).

Nothing here belongs to a Blender session: a job is its folder, and listing the folders is all that reattaching takes.
"""

from __future__ import annotations

from pathlib import Path

from ..core.errors import JobError
from ..core.jobs import client
from ..core.jobs.folder import JobFolder
from ..core.jobs.follow import Follower

HISTORY = 65536  # bytes of earlier messages that are read of a job that is met


class Followers:
    """A follower for every job in some folders. With idle jobs `poll` costs a few `stat` calls, with busy ones some
    milliseconds.

    Attributes:
        by_folder: by job folder; each knows `status`, `progress`, `metric`, `state`, `spec`.
    """

    def __init__(self) -> None:
        self.by_folder: dict[Path, Follower] = {}
        self._folders: tuple[Path, ...] = ()
        self._stamps: dict[Path, int] = {}

    def watch(self, *folders: Path) -> None:
        """Follow the jobs of these folders, and no others."""
        if folders != self._folders:
            self._folders, self._stamps = folders, {}
            self.by_folder = {path: f for path, f in self.by_folder.items() if path.parent in folders}

    def poll(self) -> None:
        """Meet new jobs, forget deleted ones, look at each again."""
        for folder in self._folders:
            self._list(folder)
        for follower in self.by_folder.values():
            follower.poll()

    def sorted(self) -> list[Follower]:
        """All of them, the oldest job first."""
        return sorted(self.by_folder.values(), key=lambda f: (f.spec.created, f.job.path.name))

    def _list(self, folder: Path) -> None:
        """A `stat`, unless a job has come or gone."""
        try:
            stamp = folder.stat().st_mtime_ns
        except OSError:
            stamp = 0
        if self._stamps.get(folder) == stamp:
            return
        self._stamps[folder] = stamp
        jobs = {job.path: job for job in client.list_jobs(folder)}
        for path in [p for p in self.by_folder if p.parent == folder and p not in jobs]:
            del self.by_folder[path]
        for path, job in jobs.items():
            follower = self.by_folder.get(path) or _met(job)
            if follower is not None:
                self.by_folder[path] = follower


def _met(job: JobFolder) -> Follower | None:
    """A job's follower; None for a damaged folder, which is nobody's job."""
    try:
        return Follower(job, HISTORY)
    except JobError:
        return None
