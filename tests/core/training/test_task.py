"""The train task as a person meets it: train, stop, go on, kill, go on, and every refusal."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from understudy.core.errors import FacesError, ModelError, OutputError, Stopped, UsageError
from understudy.core.jobs.lock import FileLock
from understudy.core.models import folder
from understudy.core.options.train import TrainOptions
from understudy.core.training import task
from understudy.core.training.computing import choosing
from understudy.core.training.computing.execution import Execution
from understudy.core.training.watching import history

pytestmark = pytest.mark.usefixtures("tiny_trainer")


class Recorder:
    """A reporter that remembers, and asks to stop once training has made `stop_at` iterations."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at, self.warnings, self.metrics, self.previews, self.last = stop_at, [], [], [], (0, "")

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        self.last = (done, unit)
        return bool(self.stop_at) and unit == "iterations" and done >= self.stop_at

    def metric(self, iteration: int, values: dict[str, float]) -> None:
        self.metrics.append((iteration, values))

    def preview(self, path: object) -> None:
        self.previews.append(Path(str(path)))

    def warning(self, message: str, detail: str = "") -> None:
        self.warnings.append(message)


@pytest.fixture
def options(faces_a: Path, faces_b: Path, tmp_path: Path) -> TrainOptions:
    return TrainOptions(input_a=str(faces_a), input_b=str(faces_b), model_dir=str(tmp_path / "model"), trainer="tiny",
                        iterations=12, batch_size=4, precision="float32", save_interval=10, preview_images=2,
                        logs=False, seed=5)


def weights(options: TrainOptions) -> dict[str, torch.Tensor]:
    model_dir = Path(options.model_dir)
    state = folder.read_state(model_dir)
    model = folder.read_tensors(model_dir / state.model_file)
    return {**model, **folder.read_tensors(model_dir / state.optimizer_file)}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_training_leaves_all_it_promises(options: TrainOptions) -> None:
    reporter = Recorder()
    result = task.run(replace(options, logs=True, preview_images=14), reporter)
    model_dir = Path(options.model_dir)
    assert result["iterations"] == result["session_iterations"] == 12
    assert result["model_dir"] == str(model_dir)
    assert 0 < result["loss_a"] < 5
    assert result["rate"] > 0
    assert reporter.last == (12, "iterations")
    assert reporter.metrics[-1][0] == 12
    assert set(reporter.metrics[-1][1]) == {"loss_a", "loss_b", "rate"}
    (written,) = history.read(model_dir)
    assert (written.last, written.batch_size) == (12, 4)
    assert result["loss_b"] == pytest.approx(written.column("loss_b").mean())
    assert reporter.previews
    assert cv2.imread(str(reporter.previews[-1])).shape[1] > 12 * 128
    assert (model_dir / "loss.png").is_file()
    assert list((model_dir / "logs" / "session_1").iterdir())
    state = folder.read_state(model_dir)
    (session,) = state.sessions
    assert (session["iterations"], session["batch_size"], session["precision"]) == (12, 4, "float32")
    assert state.settings == folder.Settings("tiny", coverage=0.875, optimizer="adamw", ada_beta_1=0.9,
                                             ada_beta_2=0.999)
    y = folder.load(model_dir).predict(np.zeros((2, 16, 16, 3), np.float32))
    assert y.shape == (2, 16, 16, 3)
    json.dumps(result)


def in_one_go(options: TrainOptions, patch: pytest.MonkeyPatch) -> TrainOptions:
    """The same training without a break, in a folder of its own.

    It computes in the arithmetic that the other run measured to be the fastest: sums differ in their last bits between
    memory layouts, and two measurements need not agree.
    """
    session = folder.read_state(options.model_dir).sessions[0]
    execution = Execution(session["precision"], session["channels_last"])
    whole = replace(options, model_dir=options.model_dir + "_whole")
    with patch.context() as context:
        context.setattr(choosing, "measure", lambda *_, **__: (execution, {}))
        task.run(whole, Recorder())
    return whole


def test_stopped_and_resumed_equals_in_one_go(options: TrainOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Stopped):
        task.run(options, Recorder(stop_at=7))
    assert folder.read_state(options.model_dir).iterations == 7
    task.run(options, Recorder())
    assert same(weights(options), weights(in_one_go(options, monkeypatch)))
    sessions = folder.read_state(options.model_dir).sessions
    assert [session["iterations"] for session in sessions] == [7, 5]


def test_run_again_when_it_is_done_changes_nothing(options: TrainOptions) -> None:
    task.run(options, Recorder())
    before = weights(options)
    reporter = Recorder()
    result = task.run(options, reporter)
    assert result["session_iterations"] == 0
    assert result["iterations"] == 12
    assert "12 iterations already" in reporter.warnings[0]
    assert same(weights(options), before)


def test_another_seed_is_another_training(options: TrainOptions, tmp_path: Path) -> None:
    task.run(replace(options, iterations=2), Recorder())
    other = replace(options, iterations=2, seed=6, model_dir=str(tmp_path / "other"))
    task.run(other, Recorder())
    assert not same(weights(options), weights(other))


def test_fixed_settings_stay_and_the_person_is_told(options: TrainOptions) -> None:
    task.run(replace(options, iterations=1, centering="legacy"), Recorder())
    reporter = Recorder()
    task.run(replace(options, iterations=2, coverage=70.0, mask_type="components", penalized_mask_loss=False), reporter)
    told = next(warning for warning in reporter.warnings if "a new model folder" in warning)
    assert "coverage 87.5 (not 70.0), mask-type 'extended' (not 'components'), penalized-mask-loss True" in told
    assert "centering" not in told
    settings = folder.read_state(options.model_dir).settings
    assert (settings.centering, settings.coverage, settings.mask_type) == ("legacy", 0.875, "extended")
    assert settings.penalized_mask_loss


def test_a_folder_of_another_trainer(options: TrainOptions) -> None:
    task.run(replace(options, iterations=1), Recorder())
    with pytest.raises(ModelError, match=r"of the trainer tiny, not lightweight\. Choose the trainer tiny"):
        task.run(replace(options, trainer="lightweight"), Recorder())


def test_low_memory_where_there_is_none(options: TrainOptions) -> None:
    with pytest.raises(UsageError, match=r"tiny has no option lowmem.*original"):
        task.run(replace(options, lowmem=True), Recorder())
    assert not Path(options.model_dir).exists()


def test_too_few_faces_leave_no_model_folder(options: TrainOptions, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FacesError):
        task.run(replace(options, input_b=str(tmp_path / "empty")), Recorder())
    assert not Path(options.model_dir).exists()


def test_a_model_folder_below_a_file(options: TrainOptions, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        task.run(replace(options, model_dir=str(tmp_path / "file" / "model")), Recorder())


def test_a_first_save_that_is_refused_leaves_nothing(options: TrainOptions) -> None:
    """A real refusal: the process may not write files over 20 KB, as if the disk were full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OutputError):
            task.run(replace(options, logs=True), Recorder())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not Path(options.model_dir).exists()


def test_one_training_at_a_time(options: TrainOptions) -> None:
    Path(options.model_dir).mkdir()
    lock = FileLock(Path(options.model_dir) / task.LOCK_NAME)
    assert lock.acquire()
    with pytest.raises(ModelError, match="Another training is running"):
        task.run(options, Recorder())
    lock.release()
    task.run(replace(options, iterations=1), Recorder())


def test_a_damaged_optimiser_file_is_named(options: TrainOptions) -> None:
    task.run(replace(options, iterations=1), Recorder())
    (path,) = Path(options.model_dir).glob("optimizer.*")
    path.write_bytes(b"rubbish")
    with pytest.raises(ModelError, match=r"optimizer\.\d\.safetensors is damaged"):
        task.run(options, Recorder())


def test_a_device_that_is_not_here(options: TrainOptions) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(UsageError, match=r"no cuda device.*auto, cpu"):
        task.run(replace(options, device="cuda"), Recorder())


SCRIPT = """
import sys, json
sys.path.insert(0, {folder!r})
import conftest
conftest.add_tiny_trainer()
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.train import TrainOptions
from understudy.core.training import task
task.run(TrainOptions(**json.loads({options!r})), SilentReporter())
"""


def test_killed_and_resumed_equals_in_one_go(options: TrainOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 at a random instant of a running training; the next run goes on from the last save, bit by bit."""
    options = replace(options, iterations=100_000)
    arguments = json.dumps({name: getattr(options, name) for name in options.__dataclass_fields__})
    script = SCRIPT.format(folder=str(Path(__file__).parent), options=arguments)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen([sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (folder.exists(options.model_dir) and folder.read_state(options.model_dir).iterations >= 20):
        assert child.poll() is None, child.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(np.random.default_rng().uniform(0, 0.3))
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stderr.close()
    reached = folder.read_state(options.model_dir).iterations
    end = reached + 13
    options = replace(options, iterations=end)
    task.run(options, Recorder())
    assert folder.read_state(options.model_dir).iterations == end
    assert same(weights(options), weights(in_one_go(options, monkeypatch)))
    first, second = history.read(options.model_dir)  # what the killed one made after its save is not there twice
    assert (first.last, second.first, second.last) == (reached, reached, end)


def test_a_trainer_that_ships(options: TrainOptions) -> None:
    """The demo's trainer through the whole task with everything left to it."""
    real = replace(options, trainer="sketch", iterations=2, precision="auto", preview_images=2)
    result = task.run(real, Recorder())
    assert result["precision"] in ("float32", "bfloat16")
    trained = folder.load(options.model_dir)
    assert trained.predict(np.full((1, 64, 64, 3), 0.5, np.float32)).shape == (1, 64, 64, 3)
