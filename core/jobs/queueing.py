"""Queues of jobs: what waits for another job begins when that has ended, or is given up (stdlib only; both sides).

A job's tag names the one that it waits for: with `after`, it begins once that has finished, and is not started should
it end otherwise; with `behind`, it begins once that has ended, however it did.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UnderstudyError
from . import client
from .folder import ENDED, JobFolder

_log = logging.getLogger(__name__)
_ENDS = {"failed": "failed", "lost": "ended without a word", "stopped": "was stopped"}


def awaited(tag: Mapping[str, Any]) -> str:
    """The name of the job that one with this tag waits for; "" for none."""
    return str(tag.get("after") or tag.get("behind") or "")


def give_up(job: JobFolder, label: str, status: str) -> None:
    """Mark a job that waits as not started.

    Args:
        label, status: of the job before it; an empty label: it was removed.
    """
    why = f"{label} {_ENDS.get(status, status)}" if label else "the job before it was removed"
    state = job.state()
    # "stopped" rather than "failed": what went wrong is told once, by the job that went wrong.
    state.status, state.error, state.ended = "stopped", f"Not started, since {why}", time.time()
    job.write_state(state)


def go_on(ended: JobFolder, launch: Callable[[JobFolder], Any]) -> None:
    """Start whatever waits for a job that has ended, and give up what needed it to finish.

    Whoever follows the jobs does the same: who comes second finds that it has begun.
    """
    name, status, label = ended.path.name, ended.state().status, ended.spec().label
    for job in client.list_jobs(ended.path.parent):
        try:
            tag, state = job.spec().tag, job.state()
            if awaited(tag) != name or state.launched or state.status in ENDED:
                continue
            if status == "finished" or not tag.get("after"):
                launch(job)
            else:
                give_up(job, label, status)
                go_on(job, launch)
        except UnderstudyError as error:
            _log.warning("cannot start %s: %s", job.path.name, error)  # a follower will try, and tell
