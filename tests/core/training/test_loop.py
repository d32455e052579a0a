"""The training step: what it minimises, what it refuses, and that going on equals never having stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from understudy.core.errors import ModelError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.base import Outputs, Recipe, SharedEncoderModel, Side, build
from understudy.core.models.folder import ModelState, Settings, inference, read_tensors, write
from understudy.core.options.rows import OPTIMIZERS
from understudy.core.training.augmenting.batch import Batch
from understudy.core.training.computing.execution import Execution
from understudy.core.training.computing.gradients import Gradients
from understudy.core.training.computing.precision import choose, measure
from understudy.core.training.computing.threads import Way
from understudy.core.training.loop import Losses, Trainer
from understudy.core.training.losses import FaceLoss, Measure
from understudy.core.training.session import restore

TinyClass = type[SharedEncoderModel]
PLAIN = Execution()
LOSS = FaceLoss("ssim+mae", penalized=True)
FACES = 4  # of each side


def batch(iteration: int, faces: int = FACES, sizes: tuple[int, ...] = (16,)) -> Batch:
    """Flat colours over a slope: A's reddish, B's bluish."""
    generator = torch.Generator().manual_seed(iteration)
    colours = torch.rand(2 * faces, 3, 1, 1, generator=generator) * 0.2
    colours[:faces, 0] += 0.5
    colours[faces:, 2] += 0.5
    pictures = {size: colours + torch.linspace(0, 0.2, size)[:, None].expand(size, size) for size in {*sizes, 16}}
    return Batch(pictures[16], tuple(pictures[size] for size in sizes),
                 tuple(torch.ones(2 * faces, 1, size, size) for size in sizes))


def trainer(tiny: TinyClass, execution: Execution = PLAIN, **recipe: object) -> Trainer:
    torch.manual_seed(0)
    model = tiny()
    chosen = replace(model.recipe, **recipe)
    return Trainer(Gradients(model, LOSS, chosen.side_weights, accumulation=chosen.accumulation), chosen, execution,
                   seed=3)


def train(subject: Trainer, first: int, until: int) -> list[float]:
    made = [subject.step(batch(i), i) for i in range(first, until)]
    return [losses.a + losses.b for losses in made]


def saved_and_loaded(subject: Trainer, tiny: TinyClass, folder: Path) -> Trainer:
    """Another trainer that goes on from the disk."""
    state = write(folder, ModelState(Settings("tiny"), 16, 16, 8), subject.model_tensors(), subject.optimizer_tensors())
    model = tiny()
    model.load_state_dict(read_tensors(folder / state.model_file))
    other = Trainer(Gradients(model, LOSS, accumulation=subject.recipe.accumulation), subject.recipe,
                    subject.execution, seed=3)
    restore(other, folder, state, SilentReporter())
    return other


def assert_equal(one: Trainer, other: Trainer) -> None:
    for tensors_of in (Trainer.model_tensors, Trainer.optimizer_tensors):
        mine, theirs = tensors_of(one), tensors_of(other)
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            assert torch.equal(value, theirs[name]), name


@pytest.mark.parametrize("execution", [Execution(), Execution("float32", True), Execution("bfloat16", True)])
def test_the_loss_falls(tiny: TinyClass, execution: Execution) -> None:
    losses = train(trainer(tiny, execution, warm_up=0), 0, 60)
    assert sum(losses[-10:]) / 10 < 0.6 * sum(losses[:5]) / 5


def test_one_step_is_adam_on_the_sum_of_both_sides(tiny: TinyClass) -> None:
    """Against a step written out by hand: Adam's first update is lr * g / (|g| + eps)."""
    subject = trainer(tiny, ema=0.0, warm_up=0, clipping="none", weight_decay=0.0, side_weights=(1.0, 0.5))
    before = {name: p.detach().clone() for name, p in subject.model.named_parameters()}
    torch.manual_seed((3 << 32) + 0)
    fed = batch(0)
    a, b = subject.model.forward_both(*fed.feed.split(FACES))
    loss_a, loss_b = (LOSS(made.faces[0], Measure(fed.targets[0][faces], fed.masks[0][faces])).mean()
                      for made, faces in ((a, slice(FACES)), (b, slice(FACES, None))))
    gradients = torch.autograd.grad(loss_a + 0.5 * loss_b, list(subject.model.parameters()))
    losses = subject.step(fed, 0)
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


def test_warm_up_counts_steps_of_the_optimiser(tiny: TinyClass) -> None:
    subject = trainer(tiny, warm_up=4, accumulation=3)
    train(subject, 0, 6)
    assert subject.optimizer.param_groups[0]["lr"] == pytest.approx(2e-3 / 4)


@pytest.mark.parametrize(("ema", "execution"), [(0.9, PLAIN), (0.0, PLAIN), (0.9, Execution("bfloat16", True))])
def test_going_on_from_disk_equals_never_having_stopped(tiny: TinyClass, tmp_path: Path, ema: float,
                                                        execution: Execution) -> None:
    whole = trainer(tiny, execution, ema=ema)
    expected = train(whole, 0, 14)
    first = trainer(tiny, execution, ema=ema)
    losses = train(first, 0, 8)
    second = saved_and_loaded(first, tiny, tmp_path)
    assert losses + train(second, 8, 14) == expected
    assert_equal(whole, second)


@pytest.mark.parametrize("name", [row.name for row in OPTIMIZERS])
def test_every_optimiser_learns_and_goes_on_as_if_it_had_not_stopped(tiny: TinyClass, tmp_path: Path,
                                                                     name: str) -> None:
    """Each keeps a memory of its own kind; some count steps by parameter, some by group."""
    rate = {"lion": 5e-4, "rms-prop": 5e-4}.get(name, 2e-3)
    chosen = {"optimizer": name, "learning_rate": rate, "warm_up": 0, "ema": 0.0, "clipping": "autoclip",
              "clipping_value": 9.0, "amsgrad": name in ("adam", "adamw", "adabelief"),
              "epsilon": 1e-16 if name == "adabelief" else 1e-7}
    whole = trainer(tiny, **chosen)
    expected = train(whole, 0, 16)
    assert sum(expected[-3:]) < 0.95 * sum(expected[:3])
    first = trainer(tiny, **chosen)
    train(first, 0, 13)
    second = saved_and_loaded(first, tiny, tmp_path)
    assert train(second, 13, 16) == expected[13:]
    assert_equal(whole, second)


def test_accumulated_batches_are_one_larger_batch(tiny: TinyClass) -> None:
    """Tiny without its dropout: the mean of the gradients of two halves is that of the whole."""
    steps: list[list[torch.Tensor]] = []
    for accumulation in (1, 2):
        subject = trainer(tiny, ema=0.0, warm_up=0, accumulation=accumulation)
        subject.model.eval()
        whole = batch(0)
        if accumulation == 1:
            subject.step(whole, 0)
        else:
            halves = [torch.tensor(places) for places in ([0, 1, 4, 5], [2, 3, 6, 7])]
            before = [p.detach().clone() for p in subject.model.parameters()]
            for iteration, places in enumerate(halves):
                if iteration:
                    assert all(torch.equal(p, q) for p, q in zip(before, subject.model.parameters(), strict=True))
                subject.step(Batch(whole.feed[places], (whole.targets[0][places],), (whole.masks[0][places],)),
                             iteration)
        steps.append([p.detach().clone() for p in subject.model.parameters()])
    for one, two in zip(*steps, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)


def test_a_stop_between_two_accumulated_batches_loses_nothing(tiny: TinyClass, tmp_path: Path) -> None:
    whole = trainer(tiny, accumulation=4)
    expected = train(whole, 0, 14)
    first = trainer(tiny, accumulation=4)
    train(first, 0, 6)
    second = saved_and_loaded(first, tiny, tmp_path)
    assert train(second, 6, 14) == expected[6:]
    assert_equal(whole, second)


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


@pytest.mark.parametrize(("sides", "told"), [("a", "nan (A)"), ("b", "nan (B)"), ("ab", "nan (A) and nan (B)")])
def test_a_loss_that_is_no_number_stops_before_the_weights_are_touched(tiny: TinyClass, sides: str, told: str) -> None:
    subject = trainer(tiny)
    train(subject, 0, 4)
    with torch.no_grad():
        for side in sides:
            getattr(subject.model, f"decoder_{side}")[1].conv.bias.fill_(float("nan"))
    before = [p.detach().clone() for p in subject.model.encoder.parameters()]
    with pytest.raises(ModelError, match=r"iteration 5.*stopped without saving.*precision") as raised:
        subject.step(batch(4), 4)
    assert f"became {told} at" in raised.value.message
    assert all(torch.equal(p, q) for p, q in zip(subject.model.encoder.parameters(), before, strict=True))


def test_without_protection_a_broken_loss_is_told_and_training_goes_on(tiny: TinyClass) -> None:
    subject = trainer(tiny)
    subject.protect = False
    with torch.no_grad():
        subject.model.decoder_b[1].conv.bias.fill_(float("nan"))
    assert not subject.step(batch(0), 0).finite
    subject.require_numbers(1)


def test_broken_weights_are_not_to_be_saved(tiny: TinyClass) -> None:
    """A gradient that overflows breaks the weights one iteration before any loss tells."""
    subject = trainer(tiny)
    subject.require_numbers(3)
    with torch.no_grad():
        subject.model.encoder[0][0].weight[0, 0, 0, 0] = float("inf")
    with pytest.raises(ModelError, match=r"Weights.*at iteration 4.*without saving"):
        subject.require_numbers(4)


def test_measuring_leaves_the_model_as_it_was(tiny: TinyClass) -> None:
    torch.manual_seed(0)
    model = tiny()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    execution, seconds = measure(Gradients(model, LOSS), torch.device("cpu"), "auto", 4)
    assert execution.precision in ("float32", "bfloat16")
    assert {"float32 channels-last", "bfloat16 channels-last"} <= set(seconds)
    assert all(value > 0 for value in seconds.values())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    only, seconds = measure(Gradients(model, LOSS), torch.device("cpu"), "bfloat16", 4)
    assert only.precision == "bfloat16"
    assert set(seconds) == {"bfloat16", "bfloat16 channels-last"}


def test_the_usual_is_kept_unless_another_is_clearly_faster() -> None:
    plain, fast = Execution(), Execution("bfloat16")
    assert choose({plain: 1.0, fast: 0.95}) == plain
    assert choose({plain: 1.0, fast: 0.80}) == fast


def noise(model: SharedEncoderModel, faces: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(1)
    size = model.output_size
    feed, target, mask = (torch.rand(2 * faces, c, size, size, generator=generator) for c in (3, 3, 1))
    return Batch(feed, (target,), (mask,), (mask,), (mask,), torch.randn(2 * faces, 136, generator=generator))


def test_the_sides_in_two_threads_give_the_gradients_of_one_pass() -> None:
    """Two threads are for speed alone: what is learned does not depend on them."""
    torch.manual_seed(5)
    model = build("sketch", learn_mask=True)
    loss = FaceLoss("ssim+mae", penalized=True, eyes=3, mouth=2)
    found = []
    for way in (Way(1), Way(1, apart=True)):
        model.zero_grad(set_to_none=True)
        gradients = Gradients(model, loss, (1.0, 0.5), landmark_weight=0.5)
        gradients.take(way)
        sides = gradients(PLAIN, noise(model))
        found.append([*(value for side in sides for value in (side.total, *side.parts.values())),
                      *(p.grad.clone() for p in model.parameters())])
    for together, apart in zip(*found, strict=True):
        torch.testing.assert_close(apart, together, rtol=1e-3, atol=1e-6)


def test_landmarks_count_by_their_weight() -> None:
    torch.manual_seed(6)
    model = build("sketch")
    fed = noise(model)
    told = torch.cat([made.landmarks for made in model.forward_both(*fed.feed.split(3))])
    fed = replace(fed, landmarks=told.detach() + 3)
    without, with_landmarks = (Gradients(model, LOSS, landmark_weight=weight)(PLAIN, fed) for weight in (0.0, 2.0))
    for before, after in zip(without, with_landmarks, strict=True):
        assert float(after.total - before.total) == pytest.approx(2 * 2.5, abs=1e-4)  # smooth L1 of 3 is 2.5
        assert float(after.parts["landmarks"]) == pytest.approx(5, abs=1e-4)
    assert model.landmarks.weight.grad.norm() > 0


class Several(SharedEncoderModel):
    """Two sizes and a mask, all of them grey."""

    input_size, output_sizes = 16, (8, 16)

    def __init__(self) -> None:
        super().__init__()
        self.grey = torch.nn.Parameter(torch.tensor(0.5))

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x * 0 + self.grey

    def decode(self, code: torch.Tensor, side: Side) -> Outputs:
        return Outputs((code[..., :8, :8], code), code[:, :1])


def test_all_outputs_count() -> None:
    """Sizes are added, and so is the mask's loss, against the mask of the largest size."""
    fed = batch(0, sizes=(8, 16))
    gradients = Gradients(Several(), FaceLoss("mae", penalized=True))
    a, _ = gradients(PLAIN, fed)
    expected = {"face8": (fed.targets[0][:4] - 0.5).abs().mean(), "face16": (fed.targets[1][:4] - 0.5).abs().mean(),
                "mask": torch.tensor(0.25)}
    assert a.parts.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(a.parts[name], value)
    torch.testing.assert_close(a.total, sum(expected.values(), torch.tensor(0.0)))
    step = Trainer(gradients, Recipe(), PLAIN).step(fed, 0)
    assert list(step.named) == ["loss_a", "loss_b", "face8_a", "face16_a", "mask_a", "face8_b", "face16_b", "mask_b"]
    assert Losses(1, 2).named == {"loss_a": 1, "loss_b": 2}


def test_eyes_and_mouths_reach_the_loss(tiny: TinyClass) -> None:
    torch.manual_seed(0)
    model = tiny().eval()
    fed = batch(0)
    fed = replace(fed, eyes=fed.masks, mouths=fed.masks)
    plain, raised = (Gradients(model, FaceLoss("mae", True, eyes=eyes, mouth=mouth))(PLAIN, fed)[0].total
                     for eyes, mouth in ((1, 1), (3, 2)))
    torch.testing.assert_close(raised, plain * 4 * 3)


def test_a_pause_changes_nothing(tiny: TinyClass) -> None:
    plain, paused = trainer(tiny), trainer(tiny)
    expected = train(plain, 0, 4)
    found = train(paused, 0, 2)
    paused.move(torch.device("cpu"))
    assert found + train(paused, 2, 4) == expected


def test_the_learning_rate_rises_and_settles(tiny: TinyClass) -> None:
    subject = trainer(tiny, learning_rate=1e-3, warm_up=10, settle_after=100)
    rates = []
    for iteration in (0, 5, 10, 100, 400):
        subject.step(batch(iteration), iteration)
        rates.append(subject.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0, 5e-4, 1e-3, 1e-3, 5e-4])


def test_the_same_seed_gives_the_same_losses_twice(tiny: TinyClass) -> None:
    assert train(trainer(tiny), 0, 6) == train(trainer(tiny), 0, 6)
