"""The learning rate finder finds a rate that serves, and leaves a new model new."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from understudy.core.errors import ModelError, Stopped
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.base import SharedEncoderModel
from understudy.core.training import finder
from understudy.core.training.augmenting.batch import Batch, random_batch
from understudy.core.training.computing.execution import Execution
from understudy.core.training.computing.gradients import Gradients
from understudy.core.training.loop import Trainer
from understudy.core.training.losses import FaceLoss

TinyClass = type[SharedEncoderModel]


def trainer(tiny: TinyClass) -> Trainer:
    torch.manual_seed(0)
    model = tiny()
    return Trainer(Gradients(model, FaceLoss("mae", penalized=True)), model.recipe, Execution(), seed=1)


def batches() -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(0)
    while True:
        colour = 0.25 + 0.1 * torch.rand(8, 3, 1, 1, generator=generator).repeat(1, 1, 16, 16)
        colour[:4, 0] += 0.4
        colour[4:, 2] += 0.4
        yield Batch(colour, (colour,), (torch.ones(8, 1, 16, 16),))


def test_a_rate_is_found_that_lowers_the_loss_and_the_model_is_as_it_was(tiny: TinyClass) -> None:
    subject = trainer(tiny)
    before = {name: value.clone() for name, value in subject.model_tensors().items()}
    trial = finder.find(subject, batches().__next__, 120, "default", SilentReporter())
    assert trial.found == pytest.approx(trial.best / 10)
    assert 1e-5 < trial.found < 1e-2  # Tiny's own is 2e-3
    assert trial.rates[0] == 1e-10
    assert len(trial.rates) == len(trial.losses) <= 120
    assert np.allclose(np.diff(np.log10(trial.rates)), 9 / 119)
    for name, value in subject.model_tensors().items():
        assert torch.equal(value, before[name]), name
    assert not subject.optimizer.state
    assert finder.graph(trial).startswith(b"\x89PNG")
    bolder = finder.find(trainer(tiny), batches().__next__, 120, "extreme", SilentReporter())
    assert bolder.found == pytest.approx(4 * trial.found)


def test_it_ends_early_where_the_loss_explodes(tiny: TinyClass, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "LAST_RATE", 1e6)
    subject = trainer(tiny)
    subject.gradients.loss = FaceLoss("1000*mse", penalized=True)
    trial = finder.find(subject, batches().__next__, 120, "default", SilentReporter())
    assert max(trial.losses) <= 4 * min(trial.losses)


def test_a_loss_that_is_no_number_from_the_start_is_told(tiny: TinyClass) -> None:
    subject = trainer(tiny)
    broken = random_batch(16, (16,), 4, torch.device("cpu"))
    broken.targets[0].fill_(float("nan"))
    with pytest.raises(ModelError, match="No learning rate"):
        finder.find(subject, lambda: broken, 120, "default", SilentReporter())


def test_a_stop_leaves_the_model_as_it_was(tiny: TinyClass) -> None:
    subject = trainer(tiny)
    before = [p.detach().clone() for p in subject.model.parameters()]

    class Stopping(SilentReporter):
        def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
            return done == 110

    with pytest.raises(Stopped):
        finder.find(subject, batches().__next__, 120, "default", Stopping())
    assert all(torch.equal(p, q) for p, q in zip(subject.model.parameters(), before, strict=True))
