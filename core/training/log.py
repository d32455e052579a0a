"""What a training leaves to be looked at: its metrics file, the loss graph, and TensorBoard's logs."""

from __future__ import annotations

import json
import time
from io import BytesIO
from pathlib import Path

import numpy as np

from ..errors import writing
from ..models.folder import write_atomically
from .loop import Losses

METRICS_NAME, GRAPH_NAME, LOGS_NAME = "metrics.jsonl", "loss.png", "logs"
_SECONDS_PER_LINE = 1.0
SMOOTHING = 0.9  # weight of what came before on the graph's smooth lines


class TrainingLog:
    """One session's log.

    Args:
        model_dir: the model folder; exists.
        iterations: made before; later lines of the metrics file are of a training that was cut off before its save,
            and are dropped.
        session: number of the session, from 1.
        tensorboard: whether to write TensorBoard's logs.
        batch_size: faces of each side per iteration.
    """

    def __init__(self, model_dir: Path, iterations: int, session: int, batch_size: int, tensorboard: bool) -> None:
        self._path = model_dir / METRICS_NAME
        self._graph = model_dir / GRAPH_NAME
        self._examples = 2 * batch_size
        self._since: list[Losses] = []
        self._seconds = 0.0
        self._clock = time.monotonic()
        with writing(self._path):
            kept = [line for line in read_metrics(model_dir) if line["iteration"] <= iterations]
            write_atomically(self._path, "".join(json.dumps(line) + "\n" for line in kept).encode())
            self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 - closed in close()
        self._writer = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            with writing(model_dir / LOGS_NAME):
                place = model_dir / LOGS_NAME / f"session_{session}"
                self._writer = SummaryWriter(str(place), purge_step=iterations + 1)

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, iteration: int, losses: Losses, seconds: float) -> dict[str, float] | None:
        """Note iteration `iteration` (from 1), which took `seconds`.

        Returns:
            About once a second the means since the last time: loss_a, loss_b, rate (EG/s: faces of both sides per
            second); None in between.
        """
        self._since.append(losses)
        self._seconds += seconds
        if self._writer:
            self._writer.add_scalar("loss/A", losses.a, iteration)
            self._writer.add_scalar("loss/B", losses.b, iteration)
            self._writer.add_scalar("loss/total", losses.a + losses.b, iteration)
        if time.monotonic() - self._clock < _SECONDS_PER_LINE:
            return None
        return self.flush(iteration)

    def flush(self, iteration: int) -> dict[str, float] | None:
        """Write what is gathered; None where there is nothing."""
        if not self._since:
            return None
        values = {"loss_a": float(np.mean([losses.a for losses in self._since])),
                  "loss_b": float(np.mean([losses.b for losses in self._since])),
                  "rate": self._examples * len(self._since) / max(self._seconds, 1e-9)}
        line = {"iteration": iteration, **{key: float(f"{value:.6g}") for key, value in values.items()}}
        with writing(self._path):
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            if self._writer:
                self._writer.flush()
        self._since, self._seconds, self._clock = [], 0.0, time.monotonic()
        return values

    def draw(self) -> Path | None:
        """(Re)draw the loss graph; None while there is too little to draw."""
        lines = read_metrics(self._path.parent)
        if len(lines) < 2:
            return None
        with writing(self._graph):
            write_atomically(self._graph, loss_graph(lines))
        return self._graph

    def close(self) -> None:
        self._file.close()
        if self._writer:
            self._writer.close()


def read_metrics(model_dir: Path) -> list[dict[str, float]]:
    """The lines of the metrics file, {"iteration", "loss_a", "loss_b", "rate"}; torn ones are left out."""
    lines = []
    try:
        text = (model_dir / METRICS_NAME).read_text("utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return []
    for line in text.splitlines():
        try:
            data = json.loads(line)
            lines.append({key: float(data[key]) for key in ("iteration", "loss_a", "loss_b", "rate")})
        except (ValueError, KeyError, TypeError):
            continue
    return lines


def smooth(values: np.ndarray, weight: float = SMOOTHING) -> np.ndarray:
    """Exponential smoothing: s_0 = x_0, s_t = w s_(t-1) + (1 - w) x_t."""
    out = np.empty(len(values))
    held = values[0]
    for index, value in enumerate(values):
        held = weight * held + (1 - weight) * value
        out[index] = held
    return out


def loss_graph(lines: list[dict[str, float]]) -> bytes:
    """Both sides' loss over iterations as a PNG file: raw values faint, smoothed ones strong."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    step = max(1, len(lines) // 4000)  # a picture has no more columns than that
    x = np.array([line["iteration"] for line in lines])[::step]
    figure = Figure(figsize=(8, 4.5), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="Iterations", ylabel="Loss")
    for side, colour in (("a", "tab:orange"), ("b", "tab:blue")):
        y = np.array([line[f"loss_{side}"] for line in lines])[::step]
        axes.plot(x, y, color=colour, alpha=0.25, linewidth=1)
        axes.plot(x, smooth(y), color=colour, linewidth=2, label=f"Side {side.upper()}")
    low = min(line[f"loss_{side}"] for line in lines for side in "ab")
    axes.set_ylim(bottom=min(0.0, low))
    axes.grid(alpha=0.3)
    axes.legend()
    file = BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()
