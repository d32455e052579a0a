"""Options that every command takes."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option


@dataclass(frozen=True)
class CommonOptions:
    """How a command speaks."""

    config: str = option("", label="Settings File", help="TOML file of settings; flags on the command line win",
                         kind="file", group="Every command")
    json: bool = option(False, label="JSON", help="Print the job's messages, one JSON object a line, rather than a "
                        "progress bar", group="Every command")
    loglevel: str = option("info", label="Log Level", help="How much to log; debug and trace go to the log file only",
                           choices=("error", "warning", "info", "verbose", "debug", "trace"), group="Every command")
    logfile: str = option("", label="Log File", help="Where to log; empty: understudy.log in the user's data folder",
                          kind="file", group="Every command")
