"""The one family of errors that a person may meet (stdlib only; both sides import it).

    UnderstudyError
    ├── UsageError            wrong options or arguments (exit code 2)
    ├── SourceError           footage that cannot be opened or decoded
    ├── OutputError           a place that cannot be written, or a full disk
    ├── AlignmentsError       an alignments store that is missing, damaged or of another source
    ├── FacesError            a faces folder that cannot be used (too few faces, no header)
    ├── ModelError            a model folder that is missing, damaged or of another trainer
    ├── WeightsError          weights that are missing, damaged or may not be fetched
    ├── EnvironmentError_     the core's Python is missing or broken
    ├── StripError            a strip that cannot be mapped to frames exactly
    ├── ClusterError          a cluster that does not answer, or whose workers are lost
    └── JobError              a job folder that cannot be started, resumed or read

    Stopped                   not a failure: the person asked to stop (exit code 130)

Each carries what happened, to which file, and what to do next; `str(error)` is that one line.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UnderstudyError(Exception):
    """A failure told in one line.

    Args:
        message: what happened, naming the file, without a final full stop.
        hint: what to do next, one imperative sentence without a final full stop.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message.rstrip(". ")
        self.hint = hint.rstrip(". ")
        super().__init__(str(self))

    def __str__(self) -> str:
        return " ".join(part if part[-1] in ".?!" else part + "." for part in (self.message, self.hint) if part)


class UsageError(UnderstudyError):
    exit_code = 2


class SourceError(UnderstudyError):
    pass


class OutputError(UnderstudyError):
    pass


class AlignmentsError(UnderstudyError):
    pass


class FacesError(UnderstudyError):
    pass


class ModelError(UnderstudyError):
    pass


class WeightsError(UnderstudyError):
    pass


class EnvironmentError_(UnderstudyError):
    """Trailing underscore: the plain name is a builtin alias of OSError."""


class StripError(UnderstudyError):
    pass


class ClusterError(UnderstudyError):
    pass


class JobError(UnderstudyError):
    pass


class Stopped(Exception):
    """The person asked to stop; everything made so far is on disk."""

    exit_code = 130


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Turn the operating system's refusals below `path` into an `OutputError`.

    Raises:
        OutputError: for a full disk, a read-only place, a missing permission or a path below a regular file.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(f"The disk is full: {path}", "Free some space or choose another folder; "
                              "running the same command again continues") from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise OutputError(f"May not write to {path}", "Choose a folder that you can write to") from error
        if isinstance(error, (NotADirectoryError, FileExistsError, IsADirectoryError)):
            raise OutputError(f"Cannot write {path}: a file stands where a folder is needed, or the reverse",
                              "Choose another output path") from error
        raise OutputError(f"Cannot write {path} ({error.strerror or error})", "Choose another output path") from error
