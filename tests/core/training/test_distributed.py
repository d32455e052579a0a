"""Training in several processes: the same losses as in one, the same end for all, and nothing lost with a process."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.errors import ModelError, Stopped, UsageError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models import folder
from understudy.core.options.toml import dump
from understudy.core.options.train import TrainOptions
from understudy.core.training import task
from understudy.core.training.computing.distributed import Crew, World, chosen_cards
from understudy.core.training.watching import history

CPU = torch.device("cpu")


class Listener(SilentReporter):
    """Asks to stop at an iteration."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at = stop_at
        self.done = 0

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        if unit != "iterations":
            return False
        self.done = done
        return self.stop_at is not None and done >= self.stop_at


@pytest.fixture
def options(faces_a: Path, faces_b: Path, tmp_path: Path) -> TrainOptions:
    return TrainOptions(input_a=str(faces_a), input_b=str(faces_b), model_dir=str(tmp_path / "model"), trainer="sketch",
                        iterations=4, batch_size=4, device="cpu", precision="float32", logs=False)


@pytest.mark.parametrize(("batch_size", "size"), [(16, 1), (16, 2), (7, 3), (5, 5)])
def test_the_parts_are_the_batch(batch_size: int, size: int) -> None:
    worlds = [World() for _ in range(size)]
    for rank, world in enumerate(worlds):
        world.rank, world.size = rank, size
    assert [place for world in worlds for place in world.places(batch_size)] == list(range(batch_size))
    means = [np.mean([place**2 for place in world.places(batch_size)]) * world.share(batch_size) for world in worlds]
    assert np.mean(means) == pytest.approx(np.mean(np.arange(batch_size) ** 2))


def test_cards_by_number_list_and_all() -> None:
    processors = os.cpu_count() or 1
    assert chosen_cards("", CPU) == chosen_cards("1", CPU) == (CPU,)
    assert len(chosen_cards("all", CPU)) == processors
    for wrong in ("0", "two", "0,0", "-1,0", str(processors + 1), ","):
        with pytest.raises(UsageError, match="gpus cannot be"):
            chosen_cards(wrong, CPU)


def test_only_torchrun_makes_members(options: TrainOptions) -> None:
    with pytest.raises(UsageError, match="torchrun"):
        task.run(replace(options, distributed=True), SilentReporter())
    with pytest.raises(UsageError, match="too small for 2 processes"):
        task.run(replace(options, gpus="2", batch_size=1), SilentReporter())


def losses(model_dir: str) -> np.ndarray:
    """float32 [iterations, 2]: of A and B."""
    return np.concatenate([np.stack([session.column("loss_a"), session.column("loss_b")], 1)
                           for session in history.read(Path(model_dir))])


def train(options: TrainOptions, reporter: SilentReporter | None = None, **values: object) -> np.ndarray:
    options = replace(options, **values)
    task.run(options, reporter or SilentReporter())
    return losses(options.model_dir)


@pytest.mark.parametrize("trainer", ["sketch", pytest.param("original", marks=pytest.mark.long)])
def test_two_processes_learn_what_one_learns(options: TrainOptions, trainer: str, tmp_path: Path) -> None:
    """Also with a batch that cannot be halved.

    With Adam's usual epsilon of 1e-7 a gradient that is nearly 0 moves its weight a whole step, whichever way rounding
    turns it: four iterations of `original` then make 2e-4 of the last digit. With 1e-2 rounding stays rounding.
    """
    options = replace(options, trainer=trainer, batch_size=3, epsilon_exponent=-2)
    alone = train(options, model_dir=str(tmp_path / "alone"))
    together = train(options, gpus="2")
    np.testing.assert_allclose(together, alone, rtol=2e-5)
    assert np.abs(alone[-1] / alone[0] - 1).max() > 1e-3  # and they do learn
    a, b = (folder.load(tmp_path / name).model.state_dict() for name in ("alone", "model"))
    for name, weights in a.items():
        torch.testing.assert_close(b[name], weights, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("device", "gpus", "told"), [("auto", "2", True), ("cpu", "2", False), ("auto", "1", False)])
def test_cards_that_are_not_there_are_missed_in_words(options: TrainOptions, monkeypatch: pytest.MonkeyPatch,
                                                      device: str, gpus: str, told: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(Crew, "_start", lambda *_: None)
    crew = Crew.of(replace(options, device=device, gpus=gpus))
    assert ("no graphics card, so 2 processes share" in crew.warning) is told


def test_a_stop_is_a_stop_for_all(options: TrainOptions, capfd: pytest.CaptureFixture[str]) -> None:
    reporter = Listener(stop_at=2)
    with pytest.raises(Stopped):
        train(options, reporter, gpus="2", iterations=1000)
    assert "rank-1" not in capfd.readouterr().err  # it has nothing to say, and is not lost
    assert folder.read_state(options.model_dir).iterations == 2
    assert multiprocessing.active_children() == []


PAUSED = """
import sys, time
from datetime import timedelta
import torch
from understudy.core.training.computing import distributed
rank, store = int(sys.argv[1]), torch.distributed.FileStore(sys.argv[2], 2)
distributed.PATIENCE = timedelta(seconds=4)
torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=60))
world = distributed._Group(torch.device("cpu"))
if rank == 0:
    time.sleep(6)
assert world.any(rank == 0)
"""


def test_the_others_wait_for_one_that_is_paused(tmp_path: Path) -> None:
    """Longer than they would wait for one that reads its faces."""
    command = [sys.executable, "-c", PAUSED]
    both = [subprocess.Popen([*command, str(rank), str(tmp_path / "store")], stderr=subprocess.PIPE, text=True)
            for rank in (0, 1)]
    told = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told


def test_a_lost_process_ends_the_others_at_the_last_save(options: TrainOptions) -> None:
    class Killer(Listener):
        def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
            if unit == "iterations" and done == 3:
                (child,) = multiprocessing.active_children()
                os.kill(child.pid or 0, signal.SIGKILL)
            return super().progress(done, total, unit, text)

    with pytest.raises(ModelError, match=r"was lost.*last save stands"):
        train(options, Killer(), gpus="2", iterations=1000)
    assert folder.load(options.model_dir).iterations == 1  # a new model's first iteration is saved
    assert len(train(options)) == 4  # and one process goes on alone


def start(options: TrainOptions, config: Path, *starter: str, **environment: str) -> subprocess.Popen[str]:
    config.write_text(dump("train", options), "utf-8")
    command = [sys.executable, *starter, "-m", "understudy.core", "train", "--config", str(config), "--distributed"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**os.environ, "UNDERSTUDY_CONSENT": "1", **environment})


def test_other_faces_on_another_computer(options: TrainOptions, faces_a: Path, tmp_path: Path) -> None:
    """Two computers, played by two processes in torchrun's environment whose folders differ by a picture."""
    other = tmp_path / "other"
    shutil.copytree(faces_a, other)
    next(other.glob("*.png")).unlink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    first = start(options, tmp_path / "first.toml", RANK="0", **common)
    second = start(replace(options, input_a=str(other)), tmp_path / "second.toml", RANK="1", **common)
    told, silent = first.communicate()[0], second.communicate()[0]
    assert (first.returncode, second.returncode) == (1, 1)
    assert "Process 1 of the training reads other faces than process 0. Give every computer the same" in told
    assert "Traceback" not in silent


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes that torchrun starts in Linux's way")
def test_torchrun_starts_again_after_a_loss(options: TrainOptions, tmp_path: Path) -> None:
    process = start(replace(options, iterations=60, save_interval=10), tmp_path / "shot.toml", "-m",
                    "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "2")
    while not (folder.exists(options.model_dir) and folder.read_state(options.model_dir).iterations >= 10):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(workers[-1]), signal.SIGKILL)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    assert folder.read_state(options.model_dir).iterations == 60
