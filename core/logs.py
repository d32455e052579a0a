"""Logging for command line and workers: the console up to `verbose`, everything asked for into a file."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path

from .errors import UsageError
from .folders import user_logs

VERBOSE, TRACE = 15, 5
LEVELS = {
    "error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO,
    "verbose": VERBOSE, "debug": logging.DEBUG, "trace": TRACE,
}
_PACKAGE = __name__.rpartition(".core.")[0]

logging.addLevelName(VERBOSE, "VERBOSE")
logging.addLevelName(TRACE, "TRACE")


def default_logfile() -> Path:
    return user_logs() / "understudy.log"


def set_up(level: str = "info", logfile: str = "") -> Path | None:
    """Send the package's log to the console (never below `verbose`) and to a file (at `level`).

    Args:
        level: one of `LEVELS`.
        logfile: "" takes the default place, which is rotated at 5 MB.

    Returns:
        The file, or None if the default place cannot be written (the console still works).

    Raises:
        UsageError: if a file that was asked for cannot be written.
    """
    logger = logging.getLogger(_PACKAGE)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(LEVELS[level])
    logger.propagate = False
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(max(LEVELS[level], VERBOSE))
    console.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.addHandler(console)
    path = Path(logfile) if logfile else default_logfile()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.handlers.RotatingFileHandler(path, maxBytes=5_000_000, backupCount=3, encoding="utf-8")
    except OSError as error:
        if logfile:
            raise UsageError(f"Cannot write the log file {path} ({error.strerror})",
                             "Choose another --logfile") from None
        return None
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(process)d %(name)s: %(message)s"))
    logger.addHandler(file)
    return path
