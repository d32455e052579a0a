"""What only a graphics card would show, as far as PyTorch's own functions say it without one."""

from __future__ import annotations

import copy
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from understudy.core.errors import UsageError
from understudy.core.models.base import SharedEncoderModel
from understudy.core.options.train import TrainOptions
from understudy.core.training.augmenting.batch import random_batch
from understudy.core.training.computing import lost, precision
from understudy.core.training.computing.choosing import surroundings
from understudy.core.training.computing.distributed import Crew, chosen_cards, unequal
from understudy.core.training.computing.execution import Execution
from understudy.core.training.computing.gradients import Gradients
from understudy.core.training.computing.recording import Recording
from understudy.core.training.computing.savings import Savings, prepare
from understudy.core.training.loop import Trainer
from understudy.core.training.losses import FaceLoss

CPU = torch.device("cpu")


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A machine with two cards, as far as `torch.cuda` is asked for them; what the driver is told."""
    told: dict[str, Any] = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: None)
    monkeypatch.setattr(torch.cuda.memory, "_lazy_init", lambda: None)
    for name in ("_cuda_setMemoryFraction", "_cuda_setDevice", "_accelerator_setAllocatorSettings"):
        monkeypatch.setattr(torch._C, name, lambda *values, name=name: told.update({name: values}), raising=False)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    return told


@pytest.mark.parametrize(("device", "number"), [("auto", 0), ("cuda", 0), ("cuda:1", 1)])
def test_a_training_has_the_number_of_its_card(cuda: dict[str, Any], device: str, number: int) -> None:
    """PyTorch refuses to limit the memory of a card without one, and records on the current card."""
    options = TrainOptions(device=device, memory_limit=50.0, allow_growth=True)
    with Crew.of(options) as crew:
        assert crew.device == torch.device("cuda", number)
        assert cuda["_cuda_setDevice"] == (number,)
        prepare(options, crew.device)
    assert cuda["_cuda_setMemoryFraction"] == (0.5, number)
    assert cuda["_accelerator_setAllocatorSettings"] == ("expandable_segments:True",)
    assert torch.backends.cudnn.deterministic  # the same seed, the same losses


def test_cards_are_chosen_and_unequal_ones_named(cuda: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = torch.device("cuda", 0), torch.device("cuda", 1)
    known = {first: ("RTX 4090", 24), second: ("RTX 4090", 24)}
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda card: SimpleNamespace(
        name=known[card][0], total_memory=known[card][1] << 30))
    card = torch.device("cuda")
    assert chosen_cards("all", card) == chosen_cards("2", card) == chosen_cards("0,1", card) == (first, second)
    assert chosen_cards("1,", card) == (second,)
    with pytest.raises(UsageError, match="It has 2, numbered from 0"):
        chosen_cards("0,2", card)
    assert unequal((first, second)) == unequal((first,)) == ""
    known[second] = ("GTX 1060", 6)
    assert "0: RTX 4090 (24 GB), 1: GTX 1060 (6 GB)" in unequal((first, second))
    # torchrun's processes on one computer: each has the card of its own number.
    for name, value in (("RANK", "3"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    crew = Crew.of(TrainOptions(distributed=True))
    assert (crew.device, crew.leads) == (second, False)
    assert "smallest the batch size" in crew.warning


def test_float16_with_moments_away_from_the_card(tiny: type[SharedEncoderModel]) -> None:
    """The scaler looks for the gradients in what takes the step."""
    torch.manual_seed(0)
    models = [tiny()]
    models.append(copy.deepcopy(models[0]))
    for model, savings in zip(models, (Savings(), Savings(moments=True)), strict=True):
        trainer = Trainer(Gradients(model, FaceLoss("mae", penalized=True)), replace(model.recipe, warm_up=0),
                          Execution("float16"), savings=savings)
        for iteration in range(3):
            torch.manual_seed(iteration)
            trainer.step(random_batch(model.input_size, model.output_sizes, 2, CPU), iteration)
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(one, other)


def test_to_record_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn at random and what running averages hold is as if the first replay were the only pass."""
    class Nothing:
        def __init__(self, *_: Any, **__: Any) -> None: ...
        def __enter__(self) -> None: ...
        def __exit__(self, *_: Any) -> None: ...
        def wait_stream(self, _: Any) -> None: ...

    for name in ("Stream", "current_stream", "stream", "CUDAGraph", "graph"):
        monkeypatch.setattr(torch.cuda, name, Nothing)
    for name in ("get_rng_state", "set_rng_state"):
        monkeypatch.setattr(torch.cuda, name, getattr(torch, name))
    layers = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5)).train()
    batch = random_batch(8, (8,), 2, CPU)
    torch.manual_seed(7)
    Recording(lambda fed: layers(fed.feed).sum().backward(), list(layers.parameters()), batch, layers.buffers())
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(7)))
    assert int(layers[0].num_batches_tracked) == 0
    assert torch.equal(layers[0].running_mean, torch.zeros(3))


def test_another_optimiser_makes_another_recording(tiny: type[SharedEncoderModel]) -> None:
    """What is recorded reads the scale of the scaler that there was: the learning rate finder begins a new one."""
    model = tiny()
    gradients = Gradients(model, FaceLoss("mae", penalized=True))
    trainer = Trainer(gradients, model.recipe, Execution("float16"))
    gradients._recording = object()  # type: ignore[assignment]
    trainer.start_with(1e-4)
    assert gradients._recording is None


def test_one_of_several_processes_records_nothing(tiny: type[SharedEncoderModel], monkeypatch: pytest.MonkeyPatch
                                                  ) -> None:
    tried: list[Execution] = []

    def seconds(gradients: Gradients, device: torch.device, execution: Execution, count: int) -> float:
        tried.append(execution)
        return 0.1 if execution.graphed else 1.0

    monkeypatch.setattr(precision, "_measure", seconds)
    gradients = Gradients(tiny(), FaceLoss("mae", penalized=True))
    card = torch.device("cuda", 0)
    assert precision.measure(gradients, card, "float32", 4)[0].graphed
    tried.clear()
    assert not precision.measure(gradients, card, "float32", 4, alone=False)[0].graphed
    assert not any(execution.graphed for execution in tried)
    # Nor does a session take over what another number of processes, or another saving, measured.
    usual = surroundings(TrainOptions(), card, 1)
    assert usual != surroundings(TrainOptions(), card, 2)
    assert usual != surroundings(TrainOptions(memory_saving_gradients=True), card, 1)


def test_a_precision_for_which_memory_lacks_is_passed_over(tiny: type[SharedEncoderModel],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(gradients: Gradients, device: torch.device, execution: Execution, count: int) -> float:
        if execution.precision in lacking:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 1.0

    monkeypatch.setattr(precision, "_measure", seconds)
    gradients = Gradients(tiny(), FaceLoss("mae", penalized=True))
    lacking = ["float32"]
    best, told = precision.measure(gradients, CPU, "auto", 4)
    assert best.precision == "bfloat16"
    assert not any(label.startswith("float32") for label in told)
    lacking.append("bfloat16")
    with pytest.raises(torch.OutOfMemoryError):
        precision.measure(gradients, CPU, "auto", 4)


STARTER = """
import multiprocessing, threading, time
from understudy.core.training.computing import lost

def follow():
    threading.Thread(target=lost.end_with_parent, daemon=True).start()
    print("ready", flush=True)
    time.sleep(120)  # as one that waits on its card

if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=follow, daemon=True)
    child.start()
    print(child.pid, flush=True)
    child.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for a process in Linux's way")
def test_a_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    script = tmp_path / "starter.py"
    script.write_text(STARTER)
    starter = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    child = Path(f"/proc/{starter.stdout.readline().strip()}")
    assert starter.stdout.readline() == "ready\n"
    starter.kill()
    end = time.monotonic() + 20
    while child.exists() and "Z" not in (child / "stat").read_text().split()[2] and time.monotonic() < end:
        time.sleep(0.05)
    assert time.monotonic() < end


class Ended:
    """A process that another one started, and that ends after a while."""

    def __init__(self, code: int) -> None:
        self._codes = iter([None, None])
        self._code = code

    @property
    def exitcode(self) -> int | None:
        return next(self._codes, self._code)


@pytest.mark.parametrize(("code", "is_lost"), [(-9, True), (1, True), (0, False)])
def test_who_waits_on_a_card_for_a_lost_process_is_let_go(monkeypatch: pytest.MonkeyPatch, code: int, is_lost: bool
                                                          ) -> None:
    let_go = lost.threading.Event()
    monkeypatch.setattr(lost, "_let_go", let_go.set)
    monkeypatch.setattr(lost, "_LOOK", 0.005)
    with lost.watched([Ended(code)]):  # type: ignore[list-item]
        assert let_go.wait(2 if is_lost else 0.2) == is_lost
