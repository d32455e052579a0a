"""One run of the trainer over a model folder: go on from the last save, step, report, save, and stop when asked."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ..errors import ModelError, OutputError, Stopped, writing
from ..jobs.messages import Reporter
from ..models import copies, folder
from ..models.files import part
from ..models.folder import ModelState
from ..options.saving import SavingOptions
from .augmenting.batches import Batches
from .computing.threads import Threads
from .loop import Losses, Trainer
from .watching.preview import Predict
from .watching.watcher import Watcher

_MEASURE = ("loss", "mask_loss", "eyes", "mouth")  # the facts that say what a loss is a figure of


@dataclass
class Session:
    """A training from `state` on.

    Attributes:
        model_dir: the model folder.
        state: as the folder's state.json has it (for a new model: as it will).
        trainer: holds the model and the optimiser, both as in the folder.
        watcher: shows the session while it runs, and hears what it is asked for.
        facts: what state.json tells of this session: batch_size, learning_rate, loss, precision, device, …
        saving: when to save and to keep snapshots, and whether with the optimiser.
        seconds: spent on steps and saves so far.
        last: losses of the latest step.
        threads: adapts the number of processor threads; None: left alone.
    """

    model_dir: Path
    state: ModelState
    trainer: Trainer
    watcher: Watcher
    facts: dict[str, Any]
    reporter: Reporter
    saving: SavingOptions = field(default_factory=SavingOptions)
    seconds: float = 0.0
    last: Losses | None = None
    threads: Threads | None = None
    _started: str = field(default_factory=lambda: datetime.now().astimezone().isoformat(timespec="seconds"))
    _first: int = 0
    _earlier: list[dict[str, Any]] = field(default_factory=list)
    _since: list[float] = field(default_factory=list)  # losses of A and B added, since two saves were last compared

    def run(self, batches: Batches, until: int) -> None:
        """Train until `until` iterations in all.

        Raises:
            Stopped: the person asked to; everything is saved.
            ModelError: the loss is no number any more; nothing is saved since the last save.
            OutputError: the model folder cannot be written; the last save stands.
        """
        self._first, self._earlier = self.state.iterations, self.state.sessions
        done = self._first
        with writing(self.model_dir):
            self.model_dir.mkdir(parents=True, exist_ok=True)
        with self.watcher.session(done, self._earlier, self.facts["batch_size"]):
            self._take_up()
            # Not of several processes: what averages their gradients has places of its own on the cards.
            if self.trainer.device.type != "cpu" and self.trainer.gradients.world.size == 1:
                self.reporter.on_pause(self._leave_card, lambda: self.trainer.move(self.trainer.device))
            while done < until:
                asked = self.watcher.asked(self.predicting)
                stop = self.reporter.progress(done, until, "iterations", self.watcher.text) or asked.quit
                if self.trainer.gradients.world.any(stop):
                    self.save(done, last=True)
                    raise Stopped
                if asked.save or asked.snapshot:
                    self.save(done, snapshot=asked.snapshot)
                begin = time.perf_counter()
                self.last = self.trainer.step(batches.next(), done)
                passed = time.perf_counter() - begin
                self.seconds += passed
                if self.threads:
                    self.threads.note(passed)
                done += 1
                self._since.append(self.last.a + self.last.b)
                self.watcher.note(done, self.last.named, passed)
                if done == until or self._is_due(done):
                    self.save(done, last=done == until)
            self.reporter.progress(done, until, "iterations", self.watcher.text)

    def _take_up(self) -> None:
        """Make the copies that a kill kept the last session from making."""
        if not self.state.save:
            return
        last = self._earlier[-1] if self._earlier else {}
        if any(last.get(key) != self.facts.get(key) for key in _MEASURE):
            self.state = replace(self.state, lowest_loss=None)  # figures of another loss mean nothing to this one
        backup, snapshot = copies.backup_place(self.model_dir), copies.snapshot_place(self.model_dir, self._first)
        if 0 < self.state.lowest_at == self._first and not copies.is_of(backup, self.state):
            self._copy("backup", backup)
        if self._snapshot_due(self._first) and not copies.is_of(snapshot, self.state):
            self._copy("snapshot", snapshot, logs=True)

    def _is_due(self, done: int) -> bool:
        """Whether to save: at once in a new model, so that what cannot be written is known; then at each interval."""
        made = done - self._first
        return (made == 1 and not self.state.save) or made % self.saving.save_interval == 0 or self._snapshot_due(done)

    def _snapshot_due(self, done: int) -> bool:
        return self.saving.snapshot_interval > 0 and done > 0 and done % self.saving.snapshot_interval == 0

    def _leave_card(self) -> None:
        """While paused, the graphics card's memory is for others."""
        self.trainer.move(torch.device("cpu"))
        if self.trainer.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.trainer.device.type == "mps":
            torch.mps.empty_cache()

    def save(self, iterations: int, last: bool = False, snapshot: bool = False) -> None:
        """Weights, optimiser and state as one; then what nothing depends on: what shows them, and copies.

        Args:
            last: of the session.
            snapshot: to be kept as one, also where none is due.

        Raises:
            ModelError: weights are no numbers any more; the save before stands.
            OutputError: the model cannot be written; the save before stands.
        """
        begin = time.perf_counter()
        made = iterations != self.state.iterations or not self.state.save
        snapshot = snapshot or (made and self._snapshot_due(iterations))
        if made or ((last or snapshot) and self._lacks_optimizer()):
            self._write(iterations, last or snapshot)
            self.watcher.saved(iterations, self.predicting, last)
            if 0 < self.state.lowest_at == iterations:
                self._copy("backup", copies.backup_place(self.model_dir))
        if snapshot:
            self._copy("snapshot", copies.snapshot_place(self.model_dir, iterations), logs=True)
        if last:
            for name in self.state.weight_files:
                part(self.model_dir / name)  # nothing will replace it soon: one bad block must not cost the backup too
        self.seconds += time.perf_counter() - begin

    def _write(self, iterations: int, whole: bool) -> None:
        """Save model and state, with the optimiser where the person wants it: at every save, or at a `whole` one."""
        self.trainer.require_numbers(iterations)
        new = replace(self._compared(iterations), iterations=iterations,
                      sessions=[*self._earlier, self._record(iterations)])
        wanted = {"always": True, "never": False, "exit": whole}[self.saving.save_optimizer]
        optimizer = self.trainer.optimizer_tensors() if wanted else None
        self.state = folder.write(self.model_dir, new, self.trainer.model_tensors(), optimizer)

    def _lacks_optimizer(self) -> bool:
        return self.saving.save_optimizer == "exit" and not self.state.has_optimizer

    def _compared(self, iterations: int) -> ModelState:
        """The state, with the loss since the last comparison noted if it is the lowest so far.

        A handful of iterations says little and, by chance, may say something that is not reached again for long; they
        wait for the next save. The first loss there is has nothing to be compared with: it is noted, and makes a backup
        only where there is none.
        """
        if len(self._since) < max(2, self.saving.save_interval // 2):
            return self.state
        mean, self._since = math.fsum(self._since) / len(self._since), []
        lowest = self.state.lowest_loss
        if not math.isfinite(mean) or (lowest is not None and mean >= lowest):
            return self.state
        is_better = lowest is not None or copies.find_backup(self.model_dir) is None
        return replace(self.state, lowest_loss=mean, lowest_at=iterations if is_better else 0)

    def _copy(self, kind: str, place: Path, logs: bool = False) -> None:
        """Keep what was just saved; training goes on where that cannot be done."""
        try:
            copies.keep(self.model_dir, self.state, place, logs=logs)
        except OutputError as error:
            self.reporter.warning(f"There is no new {kind}: {error}")

    def _record(self, iterations: int) -> dict[str, Any]:
        ended = datetime.now().astimezone().isoformat(timespec="seconds")
        return {"started": self._started, "ended": ended, "iterations": iterations - self._first,
                "seconds": round(self.seconds, 1), "rate": round(self.rate(iterations), 1), **self.facts}

    def rate(self, iterations: int) -> float:
        """EG/s of this session: faces of both sides per second, saves included, pauses not."""
        return 2 * self.facts["batch_size"] * (iterations - self._first) / max(self.seconds, 1e-9)

    @contextmanager
    def predicting(self) -> Iterator[Predict]:
        """Within it, what the model makes of faces as it now stands, with the weights that conversion would use."""
        with self.trainer.averaged() as model, folder.inference(model):
            def predict(faces: np.ndarray, side: str) -> np.ndarray:
                x = torch.from_numpy(faces).to(self.trainer.device).permute(0, 3, 1, 2)
                return model(x, side).float().permute(0, 2, 3, 1).cpu().numpy()

            yield predict


def follow(trainer: Trainer, batches: Batches, first: int, until: int, reporter: Reporter) -> None:
    """Train beside the session that runs in another process, which watches and saves for all.

    Raises:
        Stopped: the person asked one of the processes to.
        ModelError: the loss is no number any more.
    """
    for done in range(first, until):
        if trainer.gradients.world.any(reporter.progress(done, until, "iterations")):
            raise Stopped
        trainer.step(batches.next(), done)


def restore(trainer: Trainer, model_dir: Path, state: ModelState, reporter: Reporter) -> None:
    """Give the trainer the optimiser that goes with the saved weights; where none was saved, it begins anew.

    Raises:
        ModelError: its file is missing, damaged or of another model.
    """
    if not state.has_optimizer:
        reporter.warning("The optimiser was not saved with the model, so it begins anew: the loss may rise for a few "
                         "hundred iterations")
        return
    path = model_dir / state.optimizer_file
    try:
        trainer.load_optimizer_tensors(folder.read_tensors(path, state.checksums.get(path.name)))
    except (KeyError, RuntimeError):
        raise ModelError(f"The optimiser's file {path} does not fit the model", "Put a copy of the model folder in its "
                         "place, or train anew in an empty folder") from None


def calm_threads() -> None:
    """Leave the processor to the networks: OpenCV's own threads would fight PyTorch's for the same few cores."""
    cv2.setNumThreads(1)
