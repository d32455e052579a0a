"""Train, with a save, a backup or a snapshot every few steps: python saves_to_kill.py OPTIONS DONE

OPTIONS are those of the task as JSON. The number of iterations that are made is kept in the file DONE, so that whoever
kills this knows what must have been saved.
"""

from __future__ import annotations

import json
import os
import sys

from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.train import TrainOptions
from understudy.core.training import task


class Noting(SilentReporter):
    """Says when the first iteration begins, and notes each."""

    def __init__(self, file: int) -> None:
        self._file, self._begun = file, False

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        if unit == "iterations":
            os.pwrite(self._file, f"{done:09}".encode(), 0)
            if not self._begun:
                print("begun", flush=True)
            self._begun = True
        return False


if __name__ == "__main__":
    values = json.loads(sys.argv[1])
    task.run(TrainOptions(**values), Noting(os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)))
