"""What a training takes, estimated and taken."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from understudy.core.cli import main
from understudy.core.errors import UsageError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.base import build
from understudy.core.options.fit import ModelsFitOptions
from understudy.core.training.augmenting.batch import random_batch
from understudy.core.training.computing import fitting
from understudy.core.training.computing.execution import Execution
from understudy.core.training.computing.fit import BESIDE, Plan, footprint, largest_batch, moments_per_weight
from understudy.core.training.computing.footprint import Ledger
from understudy.core.training.computing.gradients import Gradients
from understudy.core.training.computing.savings import Savings
from understudy.core.training.losses import FaceLoss

GB = 10**9


def plan(trainer: str = "sketch", **changes: Any) -> Plan:
    return Plan(trainer, device="cpu", **changes)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("savings", [Savings(), Savings(gradients=True)], ids=["plain", "saving"])
def test_the_estimate_is_what_a_real_step_takes(precision: str, savings: Savings) -> None:
    _require_right_estimate("sketch", Execution(precision), savings, 12)


def test_the_estimate_knows_of_the_memory_of_faster_convolutions() -> None:
    _require_right_estimate("original", Execution("float32", channels_last=True), Savings(), 24)


def _require_right_estimate(trainer: str, execution: Execution, savings: Savings, faces: int) -> None:
    """Both count tensors alone; the real one has them."""
    estimated = footprint(plan(trainer, execution=execution, savings=savings), faces)
    model = build(trainer)
    execution.place(model)
    with Ledger() as ledger:
        savings.apply(model)
        ledger.add(*model.parameters())
        gradients = Gradients(model, FaceLoss(model.recipe.loss, penalized=True), landmark_weight=1.0)
        batch = random_batch(model.input_size, model.output_sizes, faces, torch.device("cpu"))
        ledger.peak = ledger.now
        gradients(execution, batch)
        taken = ledger.peak + estimated.moments
    assert estimated.peak - BESIDE["cpu"] == pytest.approx(taken, rel=0.05)


def test_the_ledger_counts_what_is_alive() -> None:
    with Ledger() as ledger:
        x = torch.zeros(1000)
        assert ledger.now == 4000
        y = x + 1
        z = y[10:]
        assert ledger.now == 8000
        del y
        assert ledger.now == 8000  # z looks at it
        del x, z
        assert ledger.now == 0
        assert ledger.peak == 8000


def test_the_ledger_sees_what_autograd_keeps() -> None:
    with Ledger() as ledger:
        x = torch.zeros(1000, requires_grad=True)
        y = x.exp().exp().sum()
        assert ledger.now >= 3 * 4000
        del y
        assert ledger.now == 4000


def test_more_faces_take_more_and_savings_less() -> None:
    few, many = footprint(plan(), 4), footprint(plan(), 64)
    assert few.weights == many.weights == sum(p.nbytes for p in build("sketch").parameters())
    assert many.peak > few.peak
    for savings in (Savings(gradients=True), Savings(moments=True), Savings(turns=100)):
        assert footprint(plan(savings=savings), 64).peak < many.peak, savings


def test_the_largest_batch_fits_and_one_more_does_not() -> None:
    memory = footprint(plan(), 40).peak
    best = largest_batch(plan(), memory)
    assert 38 <= best <= 42
    assert footprint(plan(), best).peak <= memory < footprint(plan(), best + 2).peak
    assert largest_batch(plan(), BESIDE["cpu"]) == 0
    assert largest_batch(plan(), 1000 * GB, most=50) == 50


def test_optimisers_remember_what_they_do() -> None:
    assert {name: moments_per_weight(name) for name in ("adam", "adamw", "lion", "rms-prop", "adabelief")} == {
        "adam": 2, "adamw": 2, "lion": 1, "rms-prop": 1, "adabelief": 2}


def test_estimating_leaves_losses_usable() -> None:
    """What a loss keeps for the next time must not be made of shapes without numbers."""
    footprint(plan(), 4)
    model = build("sketch")
    gradients = Gradients(model, FaceLoss(model.recipe.loss, penalized=True))
    losses, _ = gradients(Execution(), random_batch(64, (64,), 1, torch.device("cpu")))
    assert torch.isfinite(losses.total)


def test_on_a_processor_kernels_are_laid_out_as_training_does_it() -> None:
    for device, last in (("cpu", True), ("cuda", False)):
        assert fitting._plan("sketch", ModelsFitOptions(), device).execution.channels_last == last


def test_the_task_says_what_fits() -> None:
    found = fitting.run(ModelsFitOptions(trainer="sketch", memory=1.0), SilentReporter())
    assert found["device"] == "cuda"
    (row,) = found["rows"]
    assert row["fits"]
    assert 1 <= row["largest_batch"] <= 256
    assert "sketch" in found["text"]
    small = fitting.run(ModelsFitOptions(trainer="sketch", memory=0.1), SilentReporter())
    assert not small["rows"][0]["fits"]
    assert "--memory-saving-gradients" in small["text"]


def test_an_option_of_one_trainer_needs_its_name() -> None:
    with pytest.raises(UsageError, match="Name the trainer"):
        fitting.run(ModelsFitOptions(lowmem=True, memory=1.0), SilentReporter())


def test_it_may_be_asked_for_as_people_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--fit", "--trainer", "sketch", "--memory", "2"]) == 0
    assert "sketch" in capsys.readouterr().out


@pytest.mark.long
def test_every_trainer_can_be_estimated() -> None:
    found = fitting.run(ModelsFitOptions(memory=8.0), SilentReporter())
    assert all(row["peak"] > row["weights"] + row["moments"] for row in found["rows"])
