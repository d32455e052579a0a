"""Run one task and turn however it ends into messages and an exit code (stdlib only)."""

from __future__ import annotations

import errno
import logging
import sys
import traceback
from typing import Any

from ..errors import EnvironmentError_, OutputError, Stopped, UnderstudyError
from .messages import Done, Error
from .reporter import BaseReporter
from .tasks import Task

_log = logging.getLogger(__name__)


def execute(task: Task, options: Any, reporter: BaseReporter, log: str) -> int:
    """Run `task`; its last message is `Done`.

    Args:
        log: where a person finds the traceback of an internal error; it stands in the error's sentence.

    Returns:
        0 finished, 1 failed (2 where the options are to blame), 130 stopped.
    """
    try:
        result = task.load()(options, reporter)
    except (Stopped, KeyboardInterrupt):
        reporter.finish(Done("stopped"))
        return Stopped.exit_code
    except Exception as error:
        told = explain(error)
        detail = traceback.format_exc()
        _log.debug("%s failed", task.name, exc_info=True)
        if told is None:
            _log.error("internal error in %s\n%s", task.name, detail)
            reporter.fail(Error(f"Internal error in {task.name} ({type(error).__name__}: {_first_line(error)}). "
                                f"Please report it; see {log}.", detail))
            return 1
        reporter.fail(Error(str(told), detail))
        return told.exit_code
    reporter.finish(Done("finished", result or {}))
    return 0


def explain(error: Exception) -> UnderstudyError | None:
    """The error in terms of what a person can mend; None for a mistake of ours."""
    if isinstance(error, UnderstudyError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.split(".")[0] != __package__.split(".")[0]:
        return EnvironmentError_(f"The Python {sys.executable} lacks the package {error.name.split('.')[0]}",
                                 "Run Set Up in the preferences, or install requirements/core.txt there")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" while writing {error.filename}" if error.filename else ""
        return OutputError(f"The disk is full{where}", "Free some space; the same job again continues")
    if isinstance(error, MemoryError):
        return UnderstudyError("The computer's memory is used up", "Close other programs or lower the batch size")
    if type(error).__name__ == "OutOfMemoryError":  # torch's, which is not imported here
        return UnderstudyError("The graphics card's memory is used up",
                               "Lower the batch size, or choose cpu as the device")
    return None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
