"""Means, rates and TensorBoard's logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.core.errors import OutputError
from understudy.core.training.watching import history, log


def test_means_and_rate_of_what_was_gathered(tmp_path: Path) -> None:
    with log.TrainingLog(tmp_path, 0, 1, batch_size=8, tensorboard=False) as training:
        assert training.add(1, {"loss_a": 0.5, "loss_b": 0.3}, 0.25) is None
        training.add(2, {"loss_a": 0.3, "loss_b": 0.1}, 0.75)
        values = training.flush()
        assert training.flush() is None
    assert values == pytest.approx({"loss_a": 0.4, "loss_b": 0.2, "rate": 2 * 8 * 2 / 1.0})
    (written,) = history.read(tmp_path)
    assert written.column("loss_a").tolist() == pytest.approx([0.5, 0.3])
    assert written.column("seconds").tolist() == [0.25, 0.75]


def test_about_once_a_second_there_is_something_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.4, 0.9, 1.1, 1.1, 1.5])
    monkeypatch.setattr(log.time, "monotonic", lambda: next(clock))
    with log.TrainingLog(tmp_path, 0, 1, 4, tensorboard=False) as training:
        told = [training.add(i, {"loss_a": i, "loss_b": i}, 0.1) for i in range(1, 5)]
    assert [values and values["loss_a"] for values in told] == [None, None, 2.0, None]


def test_tensorboard_reads_the_logs(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with log.TrainingLog(tmp_path, 5, 3, 4, tensorboard=True) as training:
        for i in (6, 7):
            training.add(i, {"loss_a": 0.25 * i, "loss_b": 0.5, "face_64_a": 1.0}, 0.1)
        training.flush()
    events = accumulator.EventAccumulator(str(tmp_path / "logs" / "session_3"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss/A")] == [(6, 1.5), (7, 1.75)]
    assert [e.value for e in events.Scalars("loss/B")] == [0.5, 0.5]
    assert [e.value for e in events.Scalars("face_64/A")] == [1.0, 1.0]


def test_without_tensorboard_there_are_no_logs(tmp_path: Path) -> None:
    with log.TrainingLog(tmp_path, 0, 1, 4, tensorboard=False) as training:
        training.add(1, {"loss_a": 1.0, "loss_b": 1.0}, 0.1)
        training.flush()
    assert [path.name for path in tmp_path.iterdir()] == ["history"]


def test_what_a_training_that_fails_came_to_is_kept(tmp_path: Path) -> None:
    with log.TrainingLog(tmp_path, 0, 1, 4, tensorboard=False) as training:
        training.add(1, {"loss_a": 1.0, "loss_b": 4096.0}, 0.1)  # and ends without a save
    assert history.read(tmp_path)[0].column("loss_b").tolist() == [4096.0]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        log.TrainingLog(tmp_path / "file", 0, 1, 4, tensorboard=False)
