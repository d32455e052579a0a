"""The training step: what it minimises, what it refuses, and that going on equals never having stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.errors import ModelError
from understudy.core.models.base import SharedEncoderModel, build
from understudy.core.models.folder import ModelState, Settings, inference, read_tensors, write
from understudy.core.training.augmentation import Augmenter
from understudy.core.training.batches import Batches
from understudy.core.training.execution import Execution
from understudy.core.training.gradients import Gradients
from understudy.core.training.loop import Trainer
from understudy.core.training.losses import FaceLoss
from understudy.core.training.precision import choose, measure
from understudy.core.training.session import restore

TinyClass = type[SharedEncoderModel]
PLAIN = Execution()
LOSS = FaceLoss("ssim+mae", penalized=True)


def crops(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    slope = np.linspace(-50, 50, 16)[None, :, None, None]
    out = rng.integers(60, 200, (12, 1, 1, 4)) + slope * np.ones((12, 16, 16, 4))
    out[..., 3] = 255
    return out.astype(np.uint8)


def batches(first: int = 0) -> Batches:
    return Batches(crops(1), crops(2), 4, Augmenter(16, 16, 16), 7, first)


def trainer(tiny: TinyClass, execution: Execution = PLAIN, **recipe: object) -> Trainer:
    torch.manual_seed(0)
    model = tiny()
    chosen = replace(model.recipe, **recipe)
    return Trainer(Gradients(model, LOSS, chosen.side_weights), chosen, execution, seed=3)


def train(subject: Trainer, first: int, until: int) -> list[float]:
    with batches(first) as stream:
        return [sum(vars(subject.step(stream.next(), i)).values()) for i in range(first, until)]


@pytest.mark.parametrize("execution", [Execution(), Execution("float32", True), Execution("bfloat16", True)])
def test_the_loss_falls(tiny: TinyClass, execution: Execution) -> None:
    losses = train(trainer(tiny, execution, warm_up=0), 0, 60)
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:5])


def test_one_step_is_adam_on_the_sum_of_both_sides(tiny: TinyClass) -> None:
    """Against a step written out by hand: Adam's first update is lr * g / (|g| + eps)."""
    subject = trainer(tiny, ema=0.0, warm_up=0, gradient_clip=0.0, weight_decay=0.0, side_weights=(1.0, 0.5))
    with batches() as stream:
        batch = stream.next()
    before = {name: p.detach().clone() for name, p in subject.model.named_parameters()}
    torch.manual_seed((3 << 32) + 0)
    x, y = (torch.from_numpy(v).permute(0, 3, 1, 2).contiguous().float() / 255 for v in (batch.feed, batch.target))
    mask = torch.from_numpy(batch.mask)[:, None].float() / 255
    a, b = subject.model.forward_both(x[:4], x[4:])
    loss_a, loss_b = LOSS(a.faces[0], y[:4], mask[:4]).mean(), LOSS(b.faces[0], y[4:], mask[4:]).mean()
    gradients = torch.autograd.grad(loss_a + 0.5 * loss_b, list(subject.model.parameters()))
    losses = subject.step(batch, 0)
    assert losses.a == pytest.approx(loss_a.item(), rel=1e-5)
    assert losses.b == pytest.approx(loss_b.item(), rel=1e-5)
    for (name, p), g in zip(subject.model.named_parameters(), gradients, strict=True):
        moved = before[name] - p.detach()
        sure = g.abs() > 1e-5
        torch.testing.assert_close(moved[sure], (2e-3 * g / (g.abs() + 1e-7))[sure], rtol=2e-2, atol=1e-6)


def test_warm_up_rises_from_nothing(tiny: TinyClass) -> None:
    subject = trainer(tiny, warm_up=4, weight_decay=0.0)
    before = [p.detach().clone() for p in subject.model.parameters()]
    train(subject, 0, 1)
    assert all(torch.equal(p, q) for p, q in zip(before, subject.model.parameters(), strict=True))
    train(subject, 1, 2)
    assert subject.optimizer.param_groups[0]["lr"] == pytest.approx(2e-3 / 4)
    train(subject, 2, 9)
    assert subject.optimizer.param_groups[0]["lr"] == 2e-3


@pytest.mark.parametrize(("ema", "execution"), [(0.9, PLAIN), (0.0, PLAIN), (0.9, Execution("bfloat16", True))])
def test_going_on_from_disk_equals_never_having_stopped(tiny: TinyClass, tmp_path: Path, ema: float,
                                                        execution: Execution) -> None:
    whole = trainer(tiny, execution, ema=ema)
    expected = train(whole, 0, 14)
    first = trainer(tiny, execution, ema=ema)
    losses = train(first, 0, 8)
    state = write(tmp_path, ModelState(Settings("tiny"), 16, 16, 8), first.model_tensors(), first.optimizer_tensors())
    model = tiny()
    model.load_state_dict(read_tensors(tmp_path / state.model_file))
    second = Trainer(Gradients(model, LOSS), first.recipe, execution, seed=3)
    restore(second, tmp_path, state)
    assert losses + train(second, 8, 14) == expected
    for name, value in whole.model_tensors().items():
        assert torch.equal(value, second.model_tensors()[name]), name
    for name, value in whole.optimizer_tensors().items():
        assert torch.equal(value, second.optimizer_tensors()[name]), name


def test_the_saved_model_is_the_average_and_training_goes_on_with_the_raw_weights(tiny: TinyClass) -> None:
    subject = trainer(tiny)
    train(subject, 0, 10)
    raw = {name: p.detach().clone() for name, p in subject.model.named_parameters()}
    saved = {name: value.clone() for name, value in subject.model_tensors().items()}
    assert not torch.equal(saved["encoder.0.0.weight"], raw["encoder.0.0.weight"])
    x = torch.rand(1, 3, 16, 16)
    with subject.averaged() as model, inference(model):
        assert torch.equal(model.encoder[0][0].weight, saved["encoder.0.0.weight"])
        shown = model(x, "b")
    assert all(torch.equal(p, raw[name]) for name, p in subject.model.named_parameters())
    assert subject.model.training
    loaded = tiny().eval()
    loaded.load_state_dict(saved)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(x, "b"), shown)


def test_a_loss_that_is_no_number_stops_before_the_weights_are_touched(tiny: TinyClass) -> None:
    subject = trainer(tiny)
    train(subject, 0, 4)
    with torch.no_grad():
        subject.model.decoder_b[1].conv.bias.fill_(float("nan"))
    before = {name: p.detach().clone() for name, p in subject.model.named_parameters() if "decoder_b.1" not in name}
    with batches() as stream, pytest.raises(ModelError, match=r"iteration 5.*stopped without saving.*precision"):
        subject.step(stream.next(), 4)
    assert all(torch.equal(p, before[n]) for n, p in subject.model.named_parameters() if n in before)


def test_measuring_leaves_the_model_as_it_was(tiny: TinyClass) -> None:
    torch.manual_seed(0)
    model = tiny()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    execution, seconds = measure(Gradients(model, LOSS), torch.device("cpu"), "auto", 4)
    assert execution.precision in ("float32", "bfloat16")
    assert {"float32", "bfloat16"} <= set(seconds)
    assert all(value > 0 for value in seconds.values())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    only, seconds = measure(Gradients(model, LOSS), torch.device("cpu"), "bfloat16", 4)
    assert only.precision == "bfloat16"
    assert set(seconds) == {"bfloat16", "bfloat16 channels-last"}


def test_plain_arithmetic_is_kept_unless_another_is_clearly_faster() -> None:
    plain, fast = Execution(), Execution("bfloat16")
    assert choose({plain: 1.0, fast: 0.95}) == plain
    assert choose({plain: 1.0, fast: 0.80}) == fast


def test_uint8_pictures_become_zero_to_one(tiny: TinyClass) -> None:
    subject = trainer(tiny, Execution("float32", True))
    x = subject._pictures(np.full((2, 16, 16, 3), 255, np.uint8))
    assert x.shape == (2, 3, 16, 16)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert (x == 1).all()


def test_the_sides_in_two_threads_give_the_gradients_of_one_pass() -> None:
    """Two threads are for speed alone: what is learned does not depend on them."""
    torch.manual_seed(5)
    model = build("sketch")
    pictures = [torch.rand(6, c, 64, 64, generator=torch.Generator().manual_seed(c)) for c in (3, 3, 1)]
    landmarks = torch.randn(6, 136, generator=torch.Generator().manual_seed(4))
    found = []
    for parallel in (False, True):
        losses = Gradients(model, LOSS, (1.0, 0.5), parallel, landmark_weight=0.5)(Execution(), *pictures, landmarks)
        found.append([*losses, *(p.grad.clone() for p in model.parameters())])
    for together, apart in zip(*found, strict=True):
        torch.testing.assert_close(apart, together, rtol=1e-3, atol=1e-6)


def test_landmarks_count_by_their_weight() -> None:
    torch.manual_seed(6)
    model = build("sketch")
    pictures = [torch.rand(4, c, 64, 64) for c in (3, 3, 1)]
    told = torch.cat([made.landmarks for made in model.forward_both(*pictures[0].split(2))])
    losses = {weight: Gradients(model, LOSS, landmark_weight=weight)(Execution(), *pictures, told.detach() + 3)
              for weight in (0.0, 2.0)}
    for without, with_landmarks in zip(*losses.values(), strict=True):
        assert float(with_landmarks - without) == pytest.approx(2 * 2.5, abs=1e-4)  # smooth L1 of 3 is 2.5
    before = model.landmarks.weight.grad.norm()
    assert before > 0


def test_a_pause_changes_nothing(tiny: TinyClass) -> None:
    plain, paused = trainer(tiny), trainer(tiny)
    expected = train(plain, 0, 4)
    found = train(paused, 0, 2)
    paused.move(torch.device("cpu"))
    assert found + train(paused, 2, 4) == expected


def test_the_learning_rate_rises_and_settles(tiny: TinyClass) -> None:
    subject = trainer(tiny, learning_rate=1e-3, warm_up=10, settle_after=100)
    rates = []
    with batches() as stream:
        batch = stream.next()
    for iteration in (0, 5, 10, 100, 400):
        subject.step(batch, iteration)
        rates.append(subject.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0, 5e-4, 1e-3, 1e-3, 5e-4])
