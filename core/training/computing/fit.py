"""How much memory a training takes, found out before it starts: its very step over tensors that have shapes only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ...models.base import Recipe, SwapModel, build
from ...models.style import Style
from ..augmenting.batch import random_batch
from ..losses import FaceLoss, Measure
from ..optimizers import make
from .execution import Execution
from .footprint import Ledger
from .gradients import Gradients
from .pingpong import own_parameters
from .savings import Savings

# What is taken beside tensors, in bytes: by CUDA and its libraries for themselves; by Python and PyTorch.
BESIDE = {"cuda": 600 << 20, "mps": 300 << 20, "cpu": 450 << 20}
_FUSED = ("adam", "adamw")  # the others make tensors as large as the weights while they step
_PLAIN, _HALF, _NONE = Style(), Execution("bfloat16"), Savings()
_PROBES = (8, 24)  # batch sizes, from which the largest one is extrapolated


@dataclass(frozen=True)
class Plan:
    """What is to be trained.

    Attributes:
        trainer, trainer_options, learn_mask, style: of the model, as `build` takes them.
        execution: how it computes.
        optimizer: name; "auto": the trainer's own.
        savings: what is saved by.
        device: "cuda", "mps" or "cpu".
    """

    trainer: str
    trainer_options: tuple[tuple[str, Any], ...] = ()
    learn_mask: bool = False
    style: Style = _PLAIN
    execution: Execution = _HALF
    optimizer: str = "auto"
    savings: Savings = _NONE
    device: str = "cuda"


@dataclass(frozen=True)
class Footprint:
    """Bytes at a batch size.

    Attributes:
        weights: of the parameters that are on the device at once.
        moments: of the optimiser's memory there, and of the weights' moving average.
        peak: the most at any time of a step, `BESIDE` included.
    """

    weights: int
    moments: int
    peak: int


@cache
def footprint(plan: Plan, batch_size: int) -> Footprint:
    """What training by `plan` takes with `batch_size` faces of each side; computes nothing and takes nothing."""
    with torch.device("meta"):
        hollow = build(plan.trainer, dict(plan.trainer_options), learn_mask=plan.learn_mask)
    loss = _warm_loss(hollow)
    waiting = own_parameters(hollow)["a"] if plan.savings.turns else []
    rests = [_is_in(parameter, waiting) for parameter in hollow.parameters()]
    with FakeTensorMode(allow_non_fake_inputs=True), Ledger() as ledger:
        model = build(plan.trainer, dict(plan.trainer_options), learn_mask=plan.learn_mask, style=plan.style)
        if plan.execution.channels_last:
            _lay_out(model)
        plan.savings.apply(model)
        ledger.add(*model.parameters(), *model.buffers())
        trained, resting = ([p for p, rest in zip(model.parameters(), rests, strict=True) if rest == which]
                            for which in (False, True))
        recipe = model.recipe
        gradients = Gradients(model, loss, landmark_weight=recipe.landmark_weight)
        batch = random_batch(model.input_size, model.output_sizes, batch_size, torch.device("cpu"), with_parts=True)
        ledger.peak = ledger.now
        if plan.savings.turns:
            gradients.of_side(plan.execution, batch, "b")
        else:
            gradients(plan.execution, batch)
        peak, kept = ledger.peak - _bytes(resting), _kept(plan, model.recipe, trained)
        weights = _bytes(trained)
    step = 2 * weights + kept + (0 if _name(plan, recipe) in _FUSED else weights)
    return Footprint(weights, kept, max(peak + kept, step) + BESIDE[plan.device])


def _lay_out(model: SwapModel) -> None:
    """As `Execution.place` with channels last, which cannot change parameters that have shapes only."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _warm_loss(model: SwapModel) -> FaceLoss:
    """The trainer's own loss. It has seen real faces of all sizes: what it keeps for the next time must not be made of
    shapes only.
    """
    recipe = model.recipe
    loss = FaceLoss(recipe.loss, penalized=True, eyes=recipe.eyes, mouth=recipe.mouth, mask_loss=recipe.mask_loss)
    for size in model.output_sizes:
        batch = random_batch(size, (size,), 1, torch.device("cpu"), with_parts=True)
        loss(batch.feed, Measure(batch.targets[0], batch.masks[0], batch.eyes[0], batch.mouths[0]))
    return loss


def largest_batch(plan: Plan, memory: int, most: int = 256) -> int:
    """The largest batch size whose step fits into `memory` bytes, up to `most`; 0: not even one face of each side."""
    few, many = (footprint(plan, size).peak for size in _PROBES)
    slope = (many - few) / (_PROBES[1] - _PROBES[0])
    guess = most if slope <= 0 else int((memory - few) / slope) + _PROBES[0]
    guess = min(max(guess, 0), most)
    while guess and footprint(plan, guess).peak > memory:  # below the probes the weights may count more than the faces
        guess -= 1
    return guess


def _kept(plan: Plan, recipe: Recipe, trained: list[nn.Parameter]) -> int:
    """What stays on the device from step to step beside weights and gradients."""
    count = moments_per_weight(_name(plan, recipe))
    moments = max(p.nbytes for p in trained) if plan.savings.moments else _bytes(trained)
    return count * moments + (_bytes(trained) if recipe.ema else 0)


def _name(plan: Plan, recipe: Recipe) -> str:
    return recipe.optimizer if plan.optimizer == "auto" else plan.optimizer


@cache
def moments_per_weight(optimizer: str) -> int:
    """How many numbers the optimiser remembers for each weight: seen by a step of it."""
    weight = nn.Parameter(torch.zeros(2, 2))
    made = make(optimizer, [{"params": [weight], "lr": 1e-3, "weight_decay": 0.0}], (0.9, 0.999), 1e-7)
    weight.grad = torch.ones_like(weight)
    made.step()
    return sum(torch.is_tensor(value) and value.shape == weight.shape for value in made.state[weight].values())


def _bytes(parameters: list[nn.Parameter]) -> int:
    return sum(parameter.nbytes for parameter in parameters)


def _is_in(parameter: nn.Parameter, others: list[nn.Parameter]) -> bool:
    return any(parameter is other for other in others)
