"""What watching a training costs: a line of history, a preview sheet, graphs of a million iterations.

    python benchmarks/watching.py

Processor time on one core, the best of five, and bytes on disk.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from understudy.core.media.images import encode_png
from understudy.core.training.watching import graphs, history, preview
from understudy.core.training.watching.graphs import Graph
from understudy.core.training.watching.history import HistoryWriter
from understudy.core.training.watching.log import TrainingLog

ROUNDS = 5
MILLION = 1_000_000


def seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def note(folder: Path, tensorboard: bool) -> float:
    """Microseconds of one iteration's figures, written out once for every 300."""
    losses = {"loss_a": 0.05, "loss_b": 0.06, "face_a": 0.04, "face_b": 0.05}
    with TrainingLog(folder, 0, 1, 16, tensorboard) as log:
        def work() -> None:
            for iteration in range(3000):
                log.add(iteration, losses, 0.01)
                if iteration % 300 == 0:
                    log.flush()

        return seconds(work) / 3000 * 1e6


def million(folder: Path) -> int:
    """A history of so many iterations; returns its size in bytes."""
    rng = np.random.default_rng(0)
    HistoryWriter(folder, 1, 0, 16)
    level = 0.03 + 0.3 * np.arange(1, MILLION + 1) ** -0.35
    values = np.stack([level * rng.normal(1, 0.1, MILLION), level * rng.normal(0.9, 0.1, MILLION),
                       rng.normal(0.1, 0.005, MILLION)], 1).astype("<f4")
    path = history.path_of(folder, 1)
    header = b'{"session": 1, "first": 0, "batch_size": 16, "columns": ["loss_a", "loss_b", "seconds"], "format": 1}\n'
    path.write_bytes(header + values.tobytes())
    return path.stat().st_size


def shown(count: int, size: int) -> list[preview.Shown]:
    """What a model of `size` pixels made of so many faces of each side."""
    rng = np.random.default_rng(0)
    made = rng.random((count, size, size, 3), np.float32)
    around = preview.cell_size(size, 0.875)
    faces = preview.PreviewFaces(made, rng.integers(0, 255, (count, around, around, 3), np.uint8),
                                 rng.integers(0, 255, (count, around, around), np.uint8))
    return [preview.Shown(faces, made, made)] * 2


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for tensorboard in (False, True):
            words = "with TensorBoard" if tensorboard else "without"
            print(f"an iteration's figures {words:17} {note(folder, tensorboard):8.0f} µs")
        for size in (64, 128, 256):
            made = shown(14, size)
            drawn, encoded = seconds(lambda made=made: preview.sheet(made)), preview.sheet(made)
            print(f"sheet of 14 faces at {size:3} px         {drawn:8.3f} s, as PNG "
                  f"{seconds(lambda picture=encoded: encode_png(picture)):.3f} s more (of noise)")
        print(f"a million iterations on disk       {million(folder) / 1e6:8.1f} MB")
        read = history.read(folder)
        print(f"reading them                       {seconds(lambda: history.read(folder)):8.3f} s")
        print(f"the graph that a training draws    {seconds(lambda: graphs.loss_graph(read)):8.3f} s")
        every = Graph(rolling=True, trend=True, smoothing=0.99)
        print(f"a graph with every kind of line    {seconds(lambda: graphs.loss_graph(read, every)):8.3f} s")
        recent = Graph(recent=5000, smoothing=0.99)
        print(f"a graph of the latest 5,000        {seconds(lambda: graphs.loss_graph(read, recent)):8.3f} s")


if __name__ == "__main__":
    main()
