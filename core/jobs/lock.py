"""A lock on a file, held by the operating system: it goes with the process, however that ends (stdlib only)."""

from __future__ import annotations

import os
import sys
import time
import weakref
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


class FileLock:
    """One holder at a time, on one machine.

    The lock belongs to the open file, so two of them in one process exclude each other as well. Children that a
    holder forks do not inherit it: a dead worker's orphans must not make it look alive.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._fd: int | None = None

    def acquire(self, timeout: float = 0.0) -> bool:
        """Take the lock; False if another holds it after `timeout` seconds.

        Raises:
            OSError: where the file cannot be made, or the file system has no locks.
        """
        deadline = time.monotonic() + timeout
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        while not _try(fd, exclusive=True):
            if time.monotonic() >= deadline:
                os.close(fd)
                return False
            time.sleep(0.02)
        self._fd = fd
        _held.add(self)
        return True

    def release(self) -> None:
        if self._fd is not None:
            if sys.platform == "win32":
                os.lseek(self._fd, 0, os.SEEK_SET)
                msvcrt.locking(self._fd, msvcrt.LK_UNLCK, 1)
            os.close(self._fd)
            self._fd = None
            _held.discard(self)

    def beat(self) -> None:
        """Stamp the file with the present time: the sign of life where a lock cannot be seen (another machine)."""
        try:
            os.utime(self.path)
        except OSError:
            pass


def held(path: Path | str) -> bool:
    """Whether some process of this machine holds the lock of this file; never waits."""
    try:
        fd = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    except OSError:
        return False
    try:
        # Shared, so that two who look at the same moment do not see each other.
        return not _try(fd, exclusive=False)
    except OSError:
        return False
    finally:
        os.close(fd)


def _try(fd: int, exclusive: bool) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(fd, 0, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
            if not exclusive:
                os.lseek(fd, 0, os.SEEK_SET)
                msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _close_in_child() -> None:
    # Closing the child's copy leaves the parent's lock alone; LOCK_UN would not.
    for lock in list(_held):
        if lock._fd is not None:
            os.close(lock._fd)
            lock._fd = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
