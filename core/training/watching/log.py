"""What a training writes down while it runs: its history, TensorBoard's logs, and means for whoever follows it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import OutputError, writing
from ...models.state import LOGS_NAME
from .history import HistoryWriter

_SECONDS_BETWEEN = 1.0  # two flushes: what a killed process loses of its graph


class TrainingLog:
    """One session's log.

    Args:
        model_dir: the model folder; exists.
        iterations: made before.
        session: number of the session, from 1.
        batch_size: faces of each side per iteration.
        tensorboard: whether to write TensorBoard's logs.
    """

    def __init__(self, model_dir: Path, iterations: int, session: int, batch_size: int, tensorboard: bool) -> None:
        self._history = HistoryWriter(model_dir, session, iterations, batch_size)
        self._examples = 2 * batch_size
        self._since: list[Mapping[str, float]] = []
        self._seconds = 0.0
        self._clock = time.monotonic()
        self._place = model_dir / LOGS_NAME / f"session_{session}"
        self._writer = _EventWriter(self._place, iterations) if tensorboard else None

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OutputError):  # how a training that ends badly came to it; what ended it is told already
            self._history.flush()
        self._history.close()
        if self._writer is not None:
            self._writer.close()

    def add(self, iteration: int, losses: Mapping[str, float], seconds: float) -> dict[str, float] | None:
        """Note iteration `iteration` (from 1), which took `seconds`.

        Returns:
            About once a second what `flush` returns; None in between.
        """
        self._since.append(losses)
        self._seconds += seconds
        self._history.add(losses, seconds)
        if self._writer is not None:
            self._writer.add(iteration, losses)
        if time.monotonic() - self._clock < _SECONDS_BETWEEN:
            return None
        return self.flush()

    def flush(self) -> dict[str, float] | None:
        """Write what is gathered.

        Returns:
            The means of each loss since the last time, and `rate` (EG/s: faces of both sides per second); None where
            nothing is gathered.

        Raises:
            OutputError: for a full disk or a place that cannot be written.
        """
        if not self._since:
            return None
        means = {name: float(np.mean([losses[name] for losses in self._since if name in losses]))
                 for name in self._since[0]}
        rate = self._examples * len(self._since) / max(self._seconds, 1e-9)
        self._history.flush()
        if self._writer is not None:
            with writing(self._place):
                self._writer.flush()
        self._since, self._seconds, self._clock = [], 0.0, time.monotonic()
        return {**means, "rate": rate}


def tag(name: str) -> str:
    """What TensorBoard calls a loss: "loss_a" is "loss/A", so that a loss of both sides shares one graph."""
    output, _, side = name.rpartition("_")
    return f"{output}/{side.upper()}"


class _EventWriter:
    """TensorBoard's logs: one event an iteration for all its losses, a third of the time that one for each takes."""

    def __init__(self, place: Path, iterations: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary
        from torch.utils.tensorboard import SummaryWriter

        self._summary = Summary
        with writing(place):
            self._writer: Any = SummaryWriter(str(place), purge_step=iterations + 1)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()

    def add(self, iteration: int, losses: Mapping[str, float]) -> None:
        values = [self._summary.Value(tag=tag(name), simple_value=value) for name, value in losses.items()]
        self._writer.file_writer.add_summary(self._summary(value=values), iteration)
