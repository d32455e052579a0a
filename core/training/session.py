"""One run of the trainer over a model folder: go on from the last save, step, report, save, and stop when asked."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ..errors import ModelError, Stopped, writing
from ..jobs.messages import Reporter
from ..models import folder
from ..models.folder import ModelState
from .batches import Batches
from .log import TrainingLog
from .loop import Losses, Trainer
from .preview import PreviewFaces, encode_png, sheet
from .threads import Threads

PREVIEW_NAME = "preview.png"


@dataclass
class Session:
    """A training from `state` on.

    Attributes:
        model_dir: the model folder.
        state: as the folder's state.json has it (for a new model: as it will).
        trainer: holds the model and the optimiser, both as in the folder.
        previews: faces of A and B for the sheet.
        facts: what state.json tells of this session: batch_size, learning_rate, loss, precision, device, …
        tensorboard: write TensorBoard's logs.
        seconds: spent on steps and saves so far.
        last: losses of the latest step.
        threads: adapts the number of processor threads; None: left alone.
    """

    model_dir: Path
    state: ModelState
    trainer: Trainer
    previews: tuple[PreviewFaces, PreviewFaces]
    facts: dict[str, Any]
    reporter: Reporter
    tensorboard: bool = True
    seconds: float = 0.0
    last: Losses | None = None
    threads: Threads | None = None
    _started: str = field(default_factory=lambda: datetime.now().astimezone().isoformat(timespec="seconds"))
    _first: int = 0
    _earlier: list[dict[str, Any]] = field(default_factory=list)

    def run(self, batches: Batches, until: int, save_interval: int) -> None:
        """Train until `until` iterations in all.

        Raises:
            Stopped: the person asked to; everything is saved.
            ModelError: the loss is no number any more; nothing is saved since the last save.
            OutputError: the model folder cannot be written.
        """
        self._first = done = self.state.iterations
        self._earlier = self.state.sessions
        batch_size = self.facts["batch_size"]
        with ExitStack() as stack:
            with writing(self.model_dir):
                self.model_dir.mkdir(parents=True, exist_ok=True)
            log = stack.enter_context(TrainingLog(self.model_dir, done, len(self.state.sessions) + 1, batch_size,
                                                  self.tensorboard))
            text = "Training"
            if self.trainer.device.type != "cpu":
                self.reporter.on_pause(self._leave_card, lambda: self.trainer.move(self.trainer.device))
            while done < until:
                if self.reporter.progress(done, until, "iterations", text):
                    self.save(done, log)
                    raise Stopped
                begin = time.perf_counter()
                self.last = self.trainer.step(batches.next(), done)
                passed = time.perf_counter() - begin
                self.seconds += passed
                if self.threads:
                    self.threads.note(passed)
                done += 1
                values = log.add(done, self.last, passed)
                if values:
                    self.reporter.metric(done, values)
                    text = f"Loss {values['loss_a']:.4f} (A), {values['loss_b']:.4f} (B), {values['rate']:.0f} faces/s"
                made = done - self._first
                if (made == 1 and not self.state.save) or made % save_interval == 0 or done == until:
                    self.save(done, log)
            self.reporter.progress(done, until, "iterations", text)

    def _leave_card(self) -> None:
        """While paused, the graphics card's memory is for others."""
        self.trainer.move(torch.device("cpu"))
        if self.trainer.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.trainer.device.type == "mps":
            torch.mps.empty_cache()

    def save(self, iterations: int, log: TrainingLog) -> None:
        """Weights, optimiser and state as one; then the metrics, the sheet and the graph, which nothing depends on."""
        if iterations == self.state.iterations and self.state.save:
            return
        begin = time.perf_counter()
        new = replace(self.state, iterations=iterations, sessions=[*self._earlier, self._record(iterations)])
        self.state = folder.write(self.model_dir, new, self.trainer.model_tensors(), self.trainer.optimizer_tensors())
        values = log.flush(iterations)
        if values:
            self.reporter.metric(iterations, values)
        self._show(log)
        self.seconds += time.perf_counter() - begin

    def _record(self, iterations: int) -> dict[str, Any]:
        return {"started": self._started, "iterations": iterations - self._first, "seconds": round(self.seconds, 1),
                "rate": round(self.rate(iterations), 1), **self.facts}

    def rate(self, iterations: int) -> float:
        """EG/s of this session: faces of both sides per second, saves included, pauses not."""
        return 2 * self.facts["batch_size"] * (iterations - self._first) / max(self.seconds, 1e-9)

    def _show(self, log: TrainingLog) -> None:
        path = self.model_dir / PREVIEW_NAME
        picture = self.preview()
        with writing(path):
            folder.write_atomically(path, encode_png(picture))
        log.draw()
        self.reporter.preview(path)

    def preview(self) -> np.ndarray:
        """The preview sheet as the model now stands, uint8 [H, W, 3] RGB."""
        with self.trainer.averaged() as model, folder.inference(model):
            def predict(faces: np.ndarray, side: str) -> np.ndarray:
                x = torch.from_numpy(faces).to(self.trainer.device).permute(0, 3, 1, 2)
                return model(x, side).float().permute(0, 2, 3, 1).cpu().numpy()

            return sheet(predict, *self.previews)


def restore(trainer: Trainer, model_dir: Path, state: ModelState) -> None:
    """Give the trainer the optimiser that goes with the saved weights.

    Raises:
        ModelError: its file is missing, damaged or of another model.
    """
    path = model_dir / state.optimizer_file
    try:
        trainer.load_optimizer_tensors(folder.read_tensors(path))
    except (KeyError, RuntimeError):
        raise ModelError(f"The optimiser's file {path} does not fit the model", "Put a copy of the model folder in its "
                         "place, or train anew in an empty folder") from None


def calm_threads() -> None:
    """Leave the processor to the networks: OpenCV's own threads would fight PyTorch's for the same few cores."""
    cv2.setNumThreads(1)
