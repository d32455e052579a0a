"""The rehearsal task: counts, and fails or crashes on demand, so that the road of every job can be tried."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ..errors import JobError, Stopped, writing
from ..options.rehearsal import RehearsalOptions
from .messages import Reporter


def run(options: RehearsalOptions, reporter: Reporter) -> dict[str, Any]:
    """Count to `options.steps`, one line of the output file per step; continues where that file stops.

    Raises:
        JobError: at the step `fail_at`.
        OutputError: if the output file cannot be written.
        Stopped: after a stop; the step under way is complete.
    """
    output = Path(options.output) if options.output else None
    first = _steps_in(output)
    if reporter.progress(first, options.steps, "steps", "Counting"):
        raise Stopped
    for step in range(first + 1, options.steps + 1):
        if step == options.crash_at and not _crashed_before(output):
            os._exit(70)
        if step == options.fail_at:
            raise JobError(f"The rehearsal failed at step {step}, as it was told to", "Set Fail At to 0")
        time.sleep(options.seconds)
        if output:
            with writing(output), open(output, "a", encoding="utf-8") as file:
                file.write(f"{step}\n")
        reporter.metric(step, {"step": float(step)})
        if reporter.progress(step, options.steps, "steps", "Counting"):
            raise Stopped
    return {"steps": options.steps, "output": options.output}


def _steps_in(output: Path | None) -> int:
    if output is None or not output.exists():
        return 0
    with writing(output):
        return output.read_text(encoding="utf-8").count("\n")


def _crashed_before(output: Path | None) -> bool:
    """With an output file the crash happens once (a mark beside it remembers), so that a restart can get past it."""
    if output is None:
        return False
    mark = output.with_name(output.name + ".crashed")
    if mark.exists():
        return True
    with writing(mark):
        mark.touch()
    return False
