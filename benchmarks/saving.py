"""What saving costs: a save of a trainer's model with Adam's moments, its parts, a backup, restoring and loading.

    python benchmarks/saving.py [--trainer original] [--folder FOLDER]

Wall and processor seconds, the best of three (of one: restoring); FOLDER says which disk is measured.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from understudy.core.jobs.messages import SilentReporter
from understudy.core.models import copies, folder, restoring
from understudy.core.models.files import checksum, in_words, part
from understudy.core.models.folder import ModelState
from understudy.core.models.state import Settings
from understudy.core.options.models import RestoreOptions

ROUNDS = 3


def timed(name: str, work: Callable[[], object], rounds: int = ROUNDS) -> None:
    best = (float("inf"), float("inf"))
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        best = min(best, (time.perf_counter() - wall, time.process_time() - processor))
    print(f"{name:34}{best[0]:8.3f} s{best[1]:8.3f} s of processor time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trainer", default="original")
    parser.add_argument("--folder", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder or None) as place:
        measure(given.trainer, Path(place) / "model")


def measure(trainer: str, model_dir: Path) -> None:
    model = folder.fresh_model(Settings(trainer))
    weights = model.state_dict()
    moments = {f"{name}/{key}": torch.rand_like(value) for name in ("exp_avg", "exp_avg_sq")
               for key, value in weights.items()}
    state = folder.write(model_dir, ModelState(Settings(trainer), model.input_size, model.output_size, 1), weights,
                         moments)
    print(f"{trainer}: {in_words(copies.weights_size(model_dir))} a save, {os.cpu_count()} processors")

    def save() -> None:
        nonlocal state
        state = folder.write(model_dir, state, weights, moments)

    timed("save", save)
    timed("  of which checksums", lambda: [checksum(model_dir / name) for name in state.weight_files])
    timed("save without the optimiser", lambda: folder.write(model_dir.with_name("small"), state, weights, None))
    timed("backup or snapshot", lambda: copies.keep(model_dir, state, copies.backup_place(model_dir), logs=False))
    timed("blocks of its own, at the end", lambda: (
        copies.keep(model_dir, state, copies.backup_place(model_dir), logs=False),
        [part(model_dir / name) for name in state.weight_files]))
    timed("load for conversion", lambda: folder.load(model_dir))
    state = replace(state, iterations=2)
    save()
    options = RestoreOptions(str(model_dir), backup=True)
    timed("restore", lambda: restoring.run(options, SilentReporter()), rounds=1)  # a second one finds nothing to do


if __name__ == "__main__":
    main()
