"""Metrics, graph and TensorBoard logs."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core.errors import OutputError
from understudy.core.training import log
from understudy.core.training.loop import Losses


def test_means_and_rate_of_what_was_gathered(tmp_path: Path) -> None:
    with log.TrainingLog(tmp_path, 0, 1, batch_size=8, tensorboard=False) as training:
        assert training.add(1, Losses(0.5, 0.3), 0.25) is None
        training.add(2, Losses(0.3, 0.1), 0.75)
        values = training.flush(2)
        assert training.flush(2) is None
    assert values == pytest.approx({"loss_a": 0.4, "loss_b": 0.2, "rate": 2 * 8 * 2 / 1.0})
    assert log.read_metrics(tmp_path) == [pytest.approx({"iteration": 2, **values})]


def test_lines_after_the_last_save_and_torn_ones_are_dropped(tmp_path: Path) -> None:
    lines = [json.dumps({"iteration": i, "loss_a": 0.1, "loss_b": 0.2, "rate": 3.0}) for i in (10, 20, 30)]
    (tmp_path / log.METRICS_NAME).write_text("\n".join(lines) + '\n{"iteration": 40, "lo')
    with log.TrainingLog(tmp_path, 20, 2, 4, tensorboard=False) as training:
        training.add(21, Losses(1, 1), 1.0)
        training.flush(21)
    assert [line["iteration"] for line in log.read_metrics(tmp_path)] == [10, 20, 21]


def test_smoothing_is_exponential() -> None:
    assert log.smooth(np.array([1.0, 0.0, 0.0]), 0.9).tolist() == pytest.approx([1.0, 0.9, 0.81])


def test_the_graph_shows_both_sides(tmp_path: Path) -> None:
    with log.TrainingLog(tmp_path, 0, 1, 4, tensorboard=False) as training:
        assert training.draw() is None
        for i in range(1, 30):
            training.add(i, Losses(0.3 / i, 0.4 / i), 0.1)
            training.flush(i)
        path = training.draw()
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB).astype(int)
    assert picture.shape == (450, 800, 3)
    for red, green, blue in ((255, 127, 14), (31, 119, 180)):  # the two lines' colours
        assert (np.abs(picture - (red, green, blue)).max(axis=2) < 20).sum() > 100


def test_tensorboard_reads_the_logs(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with log.TrainingLog(tmp_path, 5, 3, 4, tensorboard=True) as training:
        for i in (6, 7):
            training.add(i, Losses(0.25 * i, 0.5), 0.1)
        training.flush(7)
    events = accumulator.EventAccumulator(str(tmp_path / "logs" / "session_3"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss/A")] == [(6, 1.5), (7, 1.75)]
    assert [e.value for e in events.Scalars("loss/total")] == [2.0, 2.25]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        log.TrainingLog(tmp_path / "file", 0, 1, 4, tensorboard=False)
