"""The training loop: one step is a batch of both sides, their losses added, one backward pass, one optimiser step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ..errors import ModelError
from ..models.base import Recipe, SwapModel
from ..models.folder import Tensors
from .augmentation import Batch
from .execution import Execution
from .gradients import Gradients


@dataclass(frozen=True)
class Losses:
    """Mean loss of each side in one iteration."""

    a: float
    b: float

    @property
    def finite(self) -> bool:
        return math.isfinite(self.a) and math.isfinite(self.b)


class Trainer:
    """A model in training: its optimiser, the moving average of its weights, and the step.

    Args:
        gradients: of the model, which is on its device.
        recipe: the trainer's own, already holding what the person chose instead.
        execution: how to compute; see `precision`.
        seed: with the iteration's number it fixes every random draw inside the networks (dropout).
    """

    def __init__(self, gradients: Gradients, recipe: Recipe, execution: Execution, seed: int = 0) -> None:
        self.gradients, self.recipe, self.execution, self.seed = gradients, recipe, execution, seed
        self.model: SwapModel = gradients.model
        model = self.model
        self.device = next(model.parameters()).device
        execution.place(model)
        model.train()
        groups = model.parameters_for(recipe, recipe.learning_rate)
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, eps=recipe.epsilon,
                                           weight_decay=0.0, fused=self.device.type in ("cpu", "cuda"))
        self._rates = [group["lr"] for group in self.optimizer.param_groups]
        self._average = [p.detach().clone() for p in model.parameters()] if recipe.ema else []

    def step(self, batch: Batch, iteration: int) -> Losses:
        """Train on one batch (its first half A's, its second B's) as iteration `iteration`, counted from 0.

        Raises:
            ModelError: the loss is no number any more; the weights must not be saved then.
        """
        torch.manual_seed((self.seed << 32) + iteration)
        feed, target = self._pictures(batch.feed), self._pictures(batch.target)
        mask = torch.from_numpy(batch.mask).to(self.device)[:, None].float().div_(255)
        landmarks = None if batch.landmarks is None else torch.from_numpy(batch.landmarks).to(self.device).flatten(1)
        self.optimizer.zero_grad(set_to_none=True)
        loss_a, loss_b = self.gradients(self.execution, feed, target, mask, landmarks)
        losses = Losses(*torch.stack((loss_a, loss_b)).tolist())
        if not losses.finite:
            raise ModelError(f"The loss became {losses.a:g} (A) and {losses.b:g} (B) at iteration {iteration + 1}, so "
                             "training stopped without saving", "Train again: it continues from the last save; if it "
                             "happens again, choose precision float32 or a lower learning rate")
        self._update(iteration)
        return losses

    def _pictures(self, pictures: object) -> torch.Tensor:
        """uint8 [N, H, W, 3] -> float32 [N, 3, H, W] in [0, 1], in the memory layout of the execution."""
        x = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2)
        return x.to(torch.float32, memory_format=self.execution.memory_format).div_(255)

    def _update(self, iteration: int) -> None:
        if self.recipe.gradient_clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_clip)
        rise = min(1.0, iteration / self.recipe.warm_up) if self.recipe.warm_up else 1.0
        if self.recipe.settle_after and iteration > self.recipe.settle_after:
            rise *= math.sqrt(self.recipe.settle_after / iteration)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * rise
        self.optimizer.step()
        if self._average:
            # A young average would remember the random start for long; this ramp is TensorFlow's for the same purpose.
            decay = min(self.recipe.ema, (1 + iteration) / (10 + iteration))
            with torch.no_grad():
                torch._foreach_lerp_(self._average, list(self.model.parameters()), 1 - decay)

    def move(self, device: torch.device) -> None:
        """Take weights, moving average and the optimiser's moments to another device, in place."""
        tensors = [*self.model.parameters(), *self.model.buffers(), *self._average]
        tensors += [p.grad for p in self.model.parameters() if p.grad is not None]
        tensors += [v for state in self.optimizer.state.values() for v in state.values() if torch.is_tensor(v)]
        for tensor in tensors:
            tensor.data = tensor.data.to(device)

    def averaged(self) -> _Averaged:
        """Within it, the model holds the weights that previews and conversion use."""
        return _Averaged(self)

    def model_tensors(self) -> Tensors:
        """What the model file holds: the weights, averaged where the recipe says so, and the buffers."""
        tensors = dict(self.model.state_dict())
        for (name, _), average in zip(self.model.named_parameters(), self._average, strict=False):
            tensors[name] = average
        return tensors

    def optimizer_tensors(self) -> Tensors:
        """What the optimiser file holds: Adam's moments and count by parameter name, raw weights if averaged."""
        tensors: Tensors = {}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"{key}/{name}"] = value
            if self._average:
                tensors[f"raw/{name}"] = parameter
        return tensors

    def load_optimizer_tensors(self, tensors: Tensors) -> None:
        """Go on from what `optimizer_tensors` gave; the model already holds the model file's weights.

        Raises:
            KeyError, RuntimeError: they are of another model or recipe.
        """
        if not any(key.startswith("step/") for key in tensors):
            raise KeyError("step")
        for index, (name, parameter) in enumerate(self.model.named_parameters()):
            moments = {}
            for key in ("step", "exp_avg", "exp_avg_sq"):
                value = tensors[f"{key}/{name}"]
                if key != "step":
                    moments[key] = torch.zeros_like(parameter).copy_(value)  # in the parameter's memory layout
                else:
                    moments[key] = value.to(self.device if self.device.type == "cuda" else "cpu")
            self.optimizer.state[parameter] = moments
            raw = tensors.get(f"raw/{name}")
            if self._average:
                self._average[index].copy_(parameter)
            if raw is not None:
                with torch.no_grad():
                    parameter.copy_(raw)


class _Averaged:
    """Swaps the moving average into the model and back."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer

    def __enter__(self) -> SwapModel:
        self._swap()
        return self._trainer.model

    def __exit__(self, *_: object) -> None:
        self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for parameter, average in zip(self._trainer.model.parameters(), self._trainer._average, strict=False):
            held = parameter.clone()
            parameter.copy_(average)
            average.copy_(held)
