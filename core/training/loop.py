"""The training loop: one step is a batch of both sides, their losses added, one backward pass, one optimiser step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import torch

from ..errors import ModelError
from ..models.base import Recipe, Side, SwapModel
from ..models.folder import Tensors
from .augmenting.batch import Batch
from .clipping import Clipping
from .computing.execution import Execution
from .computing.gradients import Gradients, SideLosses
from .computing.offload import HostMoments
from .computing.pingpong import PingPong
from .computing.savings import Savings
from .optimizers import load_state_tensors, make, state_tensors
from .schedule import share_of_rate

_RAW, _GRADIENT, _SCALER = "raw", "gradient", "scaler"  # what the optimiser's file holds beside the optimiser's own


_ALL_KEPT = Savings()


@dataclass(frozen=True)
class Losses:
    """Mean loss of each side in one iteration.

    Attributes:
        a, b: what was minimised.
        parts: what they add up from, where it is more than one thing: "face_a", "mask_a", "face_b", …
    """

    a: float
    b: float
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def finite(self) -> bool:
        return math.isfinite(self.a) and math.isfinite(self.b)

    @property
    def named(self) -> dict[str, float]:
        """All of them by name: loss_a, loss_b, then the parts."""
        return {"loss_a": self.a, "loss_b": self.b, **self.parts}


class Trainer:
    """A model in training: its optimiser, the moving average of its weights, and the step.

    Args:
        gradients: of the model, which is on its device.
        recipe: the trainer's own, already holding what the person chose instead.
        execution: how to compute; see `precision`.
        seed: with the iteration's number it fixes every random draw inside the networks (dropout).
        protect: stop at a loss that is no number.
        savings: what to save memory by; the model is prepared for it.

    Attributes:
        averages: the moving averages of the model's parameters, in their order; empty where the recipe wants none.
    """

    def __init__(self, gradients: Gradients, recipe: Recipe, execution: Execution, seed: int = 0,
                 protect: bool = True, savings: Savings = _ALL_KEPT) -> None:
        self.gradients, self.recipe, self.execution, self.seed = gradients, recipe, execution, seed
        self.protect, self.savings = protect, savings
        self.model: SwapModel = gradients.model
        model = self.model
        self.device = next(model.parameters()).device
        execution.place(model)
        model.train()
        self._turns = PingPong(model, savings.turns) if savings.turns else None
        self._side: Side | None = None  # whose turn it is
        self._waiting: SideLosses | None = None  # of the other side
        self.start_optimizer()
        self.averages = [p.detach().clone() for p in model.parameters()] if recipe.ema else []

    def start_optimizer(self) -> None:
        """Begin with an optimiser that remembers nothing."""
        recipe = self.recipe
        groups = self.model.parameters_for(recipe, recipe.learning_rate)
        self.optimizer = make(recipe.optimizer, groups, recipe.betas, recipe.epsilon, recipe.amsgrad)
        self._moments = HostMoments(self.optimizer) if self.savings.moments else None
        self._scaler = self.execution.scaler(self.device)
        self.gradients.scaled = self._scaler.scale
        self.gradients.forget_recording()  # it reads the scale of the scaler before
        self.clipping = Clipping(recipe.clipping, recipe.clipping_value, recipe.autoclip_history)
        self._rates = [group["lr"] for group in self.optimizer.param_groups]
        self.optimizer.zero_grad(set_to_none=True)

    def start_with(self, rate: float) -> None:
        """Begin anew with another learning rate."""
        self.recipe = replace(self.recipe, learning_rate=rate)
        self.start_optimizer()

    def step(self, batch: Batch, iteration: int) -> Losses:
        """Train on one batch (its first half A's, its second B's) as iteration `iteration`, counted from 0.

        Raises:
            ModelError: the loss is no number any more; the weights must not be saved then.
        """
        losses = self.compute(batch, iteration)
        if self.protect and not losses.finite:
            sides = " and ".join(f"{value:g} ({side})" for side, value in (("A", losses.a), ("B", losses.b))
                                 if not math.isfinite(value))
            raise _diverged(f"The loss became {sides}", iteration + 1)
        if (iteration + 1) % self.recipe.accumulation == 0:
            self.update(iteration)
        return losses

    def compute(self, batch: Batch, iteration: int) -> Losses:
        """The losses of a batch; its gradients are added to those that wait for the optimiser's step."""
        torch.manual_seed((self.seed << 32) + iteration)
        feed = batch.feed.contiguous(memory_format=self.execution.memory_format)
        batch = batch if feed is batch.feed else replace(batch, feed=feed)
        if self._turns is not None:
            return self._read(*self._compute_one(self._turns, batch, iteration))
        return self._read(*self.gradients(self.execution, batch))

    def _compute_one(self, turns: PingPong, batch: Batch, iteration: int) -> tuple[SideLosses, SideLosses]:
        """The gradients of the side whose turn it is. The other one's losses are those at the beginning of the turn."""
        side = turns.side(iteration - iteration % self.recipe.accumulation)  # none begins with gradients that wait
        other: Side = "b" if side == "a" else "a"
        if side != self._side:
            self._side = side
            turns.turn(side, self.optimizer, self.averages)
            with turns.both(side):
                self._waiting = self.gradients.losses(self.execution, batch, other)
        losses = {side: self.gradients.of_side(self.execution, batch, side), other: self._waiting}
        return losses["a"], losses["b"]  # type: ignore[return-value]  # both are there by now

    def _read(self, a: SideLosses, b: SideLosses) -> Losses:
        """All numbers at once: each reading waits for a graphics card."""
        parts = {f"{name}_{side}": part for side, losses in (("a", a), ("b", b)) for name, part in losses.parts.items()}
        here = torch.stack((a.total, b.total, *parts.values()))
        total_a, total_b, *values = self.gradients.everywhere(here).tolist()
        return Losses(total_a, total_b, dict(zip(parts, values, strict=True)))

    def update(self, iteration: int, rate: float | None = None) -> None:
        """The optimiser's step of an iteration with the gradients that are there.

        Args:
            rate: the learning rate; None: the recipe's, as its schedule has it at this iteration.
        """
        optimizer = self._moments or self.optimizer
        self._scaler.unscale_(optimizer)  # type: ignore[arg-type]  # asks for its groups of parameters only
        self.clipping(self.model.parameters())
        share = share_of_rate(self.recipe, iteration) if rate is None else rate / self.recipe.learning_rate
        for group, own in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = own * share
        self._scaler.step(optimizer)  # type: ignore[arg-type]
        self._scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.averages:
            # A young average would remember the random start for long; this ramp is TensorFlow's for the same purpose.
            decay = min(self.recipe.ema, (1 + iteration) / (10 + iteration))
            with torch.no_grad():
                torch._foreach_lerp_(self.averages, list(self.model.parameters()), 1 - decay)

    @torch.no_grad()
    def require_numbers(self, iterations: int) -> None:
        """Before a save: that the weights are numbers. A loss tells of them one iteration late only.

        Raises:
            ModelError: some are not any more, and they must not be saved.
        """
        norms = torch._foreach_norm(list(self.model.parameters()))
        # Some may be away from the device, see `pingpong`.
        if self.protect and not torch.isfinite(torch.stack([norm.to(self.device) for norm in norms])).all():
            raise _diverged("Weights became infinite or no numbers", iterations)

    def move(self, device: torch.device) -> None:
        """Take weights, moving average and the optimiser's moments to another device, in place."""
        tensors = [*self.model.parameters(), *self.model.buffers(), *self.averages]
        tensors += [p.grad for p in self.model.parameters() if p.grad is not None]
        if not self._moments:  # else they are at home already
            tensors += [v for state in self.optimizer.state.values() for v in state.values() if torch.is_tensor(v)]
        for tensor in tensors:
            tensor.data = tensor.data.to(device)
        self.gradients.forget_recording()
        self._side = None  # the next step sends away again what is not its turn

    def averaged(self) -> _Averaged:
        """Within it, the model holds the weights that previews and conversion use."""
        return _Averaged(self)

    def model_tensors(self) -> Tensors:
        """What the model file holds: the weights, averaged where the recipe says so, and the buffers."""
        tensors = dict(self.model.state_dict())
        for (name, _), average in zip(self.model.named_parameters(), self.averages, strict=False):
            tensors[name] = average
        return tensors

    def optimizer_tensors(self) -> Tensors:
        """What the optimiser file holds: the optimiser's memory and that of clipping, raw weights where the model file
        has their average, and gradients that wait for their step.
        """
        if self._moments:
            self._moments.settle()
        tensors = {**state_tensors(self.optimizer, self.model), **self.clipping.tensors()}
        tensors |= {f"{_SCALER}/{key}": torch.tensor(value) for key, value in self._scaler.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            if self.averages:
                tensors[f"{_RAW}/{name}"] = parameter
            if parameter.grad is not None:
                tensors[f"{_GRADIENT}/{name}"] = parameter.grad
        return tensors

    @torch.no_grad()
    def load_optimizer_tensors(self, tensors: Tensors) -> None:
        """Go on from what `optimizer_tensors` gave; the model already holds the model file's weights.

        Raises:
            KeyError, RuntimeError: they are of another model or recipe.
        """
        beside = (_RAW, _GRADIENT, _SCALER, "clipping")
        own = {key: value for key, value in tensors.items() if key.partition("/")[0] not in beside}
        if self._moments:  # one weight's at a time: together they may be more than the card has room for
            load_state_tensors(self.optimizer, self.model, own, self._moments.send_home)
        else:
            load_state_tensors(self.optimizer, self.model, own)
        scaling = {key: tensors[f"{_SCALER}/{key}"].item() for key in self._scaler.state_dict()
                   if f"{_SCALER}/{key}" in tensors}
        if scaling:
            self._scaler.load_state_dict(scaling)
        self.clipping.load(tensors)
        for index, (name, parameter) in enumerate(self.model.named_parameters()):
            if self.averages:
                self.averages[index].copy_(parameter)
            raw, gradient = tensors.get(f"{_RAW}/{name}"), tensors.get(f"{_GRADIENT}/{name}")
            if raw is not None:
                parameter.copy_(raw)
            if gradient is not None and self.recipe.accumulation > 1:
                parameter.grad = torch.zeros_like(parameter).copy_(gradient)


def _diverged(what: str, iteration: int) -> ModelError:
    return ModelError(f"{what} at iteration {iteration}, so training stopped without saving",
                      "Train again: it continues from the last save; if it happens again, choose precision float32 or "
                      "a lower learning rate, or bring back a backup")


class _Averaged:
    """Swaps the moving average into the model and back."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer

    def __enter__(self) -> SwapModel:
        trainer = self._trainer
        self._gathered = ExitStack()
        if trainer._turns and trainer._side:
            self._gathered.enter_context(trainer._turns.both(trainer._side))
        self._swap()
        return trainer.model

    def __exit__(self, *_: object) -> None:
        self._swap()
        self._gathered.close()

    @torch.no_grad()
    def _swap(self) -> None:
        for parameter, average in zip(self._trainer.model.parameters(), self._trainer.averages, strict=False):
            held = parameter.clone()
            parameter.copy_(average)
            average.copy_(held)
