"""Options of the rehearsal job, which does no work but travels the real road."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option


@dataclass(frozen=True)
class RehearsalOptions:
    """Count to a number, to see that jobs start, report, pause, stop and resume here."""

    steps: int = option(20, label="Steps", help="How far to count", min=1, max=1_000_000)
    seconds: float = option(0.1, label="Seconds", help="Pause after each step", min=0.0, max=60.0, unit="s")
    fail_at: int = option(0, label="Fail At", help="Fail at this step; 0: do not", min=0, max=1_000_000)
    crash_at: int = option(0, label="Crash At", help="End the process without a word at this step; 0: do not", min=0,
                           max=1_000_000)
    output: str = option("", label="Output", help="File to which each step appends a line; empty: none", kind="file")
