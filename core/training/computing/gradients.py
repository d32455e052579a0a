"""The gradients of one step: of both sides in one pass, or side by side in two threads; see `threads` for which pays.

The two sides share nothing but weights that both only read, so on a processor each may have cores of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from ...models.base import Outputs, Side, SwapModel
from ..augmenting.batch import Batch
from ..losses import FaceLoss, Measure
from .distributed import World
from .execution import Execution
from .recording import Recording
from .threads import Way


class SideLosses(NamedTuple):
    """The losses of one side, detached: means over its faces.

    Attributes:
        total: scalar, what is minimised.
        parts: what it adds up from, where it is more than one thing: "face" (of several sizes "face32", "face64", …),
            "mask", "landmarks"; scalars.
    """

    total: torch.Tensor
    parts: Mapping[str, torch.Tensor]


def sides_can_part(model: SwapModel) -> bool:
    """Whether a model's sides may be computed in two threads: on a processor, and if it draws no random numbers, whose
    order the threads would shuffle.
    """
    drawing = any(isinstance(module, nn.modules.dropout._DropoutNd) for module in model.modules())
    return next(model.parameters()).device.type == "cpu" and not drawing


class Gradients:
    """Computes a model's gradients for batches whose first half is of A, the second of B.

    Args:
        model: on its device; a call adds to its parameters' `grad`.
        loss: what is minimised.
        side_weights: factors of the losses of A and B before they are added.
        landmark_weight: of the landmarks' error beside the loss, for models that tell where they are.
        accumulation: batches whose gradients make one step: each counts that part of one.

    Attributes:
        apart: the sides in two threads, each with as many of the processor's as `torch.get_num_threads` says.
        scaled: multiplies the loss before its gradients are computed, for float16; see `Execution.scaler`.
    """

    def __init__(self, model: SwapModel, loss: FaceLoss, side_weights: tuple[float, float] = (1.0, 1.0),
                 landmark_weight: float = 0.0, accumulation: int = 1) -> None:
        self.landmark_weight = landmark_weight
        self.model, self.loss = model, loss
        self.side_weights = (side_weights[0] / accumulation, side_weights[1] / accumulation)
        self.apart = False
        self._recording: Recording[tuple[SideLosses, SideLosses]] | None = None
        self._second = ThreadPoolExecutor(1, thread_name_prefix="understudy-side-b")
        self.world, self._share = World(), 1.0
        self.scaled: Callable[[torch.Tensor], torch.Tensor] = _as_it_is
        self._both: nn.Module = _Both(model)

    def join(self, world: World, batch_size: int) -> None:
        """From now on, gradients and losses are those of the batches of all processes together.

        Args:
            batch_size: faces of each side in all of them.
        """
        self.world, self._share = world, world.share(batch_size)
        self._both = world.spread(self._both)

    def take(self, way: Way) -> None:
        """Compute the next step that way."""
        self.apart = way.apart
        torch.set_num_threads(way.threads)

    def __call__(self, execution: Execution, batch: Batch) -> tuple[SideLosses, SideLosses]:
        """Add to the gradients; returns the losses of A and B."""
        if execution.graphed:
            return self._replayed(execution, batch)
        a, b = _half(batch, "a"), _half(batch, "b")
        if not self.apart:
            return self._together(execution, a, b)
        threads = torch.get_num_threads()
        waiting = self._second.submit(self._side, "b", threads, execution, b)
        losses_a, gradients_a = self._side("a", threads, execution, a)
        losses_b, gradients_b = waiting.result()
        self._add(gradients_a)
        self._add(gradients_b)
        return losses_a, losses_b

    def _replayed(self, execution: Execution, batch: Batch) -> tuple[SideLosses, SideLosses]:
        if self._recording is None or not self._recording.fits(batch):
            plain = replace(execution, graphed=False)
            self._recording = Recording(lambda fed: self(plain, fed), self._trained(), batch, self.model.buffers())
        return self._recording.replay(batch)

    def forget_recording(self) -> None:
        """Let go of what was recorded for a graphed execution, such as when the weights move in memory."""
        self._recording = None

    def of_side(self, execution: Execution, batch: Batch, side: Side) -> SideLosses:
        """Add the gradients of one side alone; returns its losses."""
        losses, gradients = self._side(side, torch.get_num_threads(), execution, _half(batch, side))
        self._add(gradients)
        return losses

    @torch.no_grad()
    def losses(self, execution: Execution, batch: Batch, side: Side) -> SideLosses:
        """The losses of one side, without gradients; draws no random numbers and leaves the model as it is."""
        batch = _half(batch, side)
        self.model.eval()
        with execution.autocast(batch.feed.device):
            made = self.model.decode(self.model.encode(batch.feed), side)
        self.model.train()
        return self._loss(made, batch)

    def _add(self, gradients: tuple[torch.Tensor | None, ...]) -> None:
        for parameter, gradient in zip(self._trained(), gradients, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)

    def _together(self, execution: Execution, a: Batch, b: Batch) -> tuple[SideLosses, SideLosses]:
        with execution.autocast(a.feed.device):
            made_a, made_b = self._both(a.feed, b.feed)
        loss_a, loss_b = self._loss(made_a, a), self._loss(made_b, b)
        total = self.side_weights[0] * loss_a.total + self.side_weights[1] * loss_b.total
        self.scaled(self._share * total).backward()
        return _detached(loss_a), _detached(loss_b)

    def everywhere(self, values: torch.Tensor) -> torch.Tensor:
        """Means over this process's faces -> means over those of all processes."""
        return self.world.mean(self._share * values)

    def _side(self, side: Side, threads: int, execution: Execution, batch: Batch,
              ) -> tuple[SideLosses, tuple[torch.Tensor | None, ...]]:
        torch.set_num_threads(threads)  # a thread's own setting
        with execution.autocast(batch.feed.device):
            made = self.model.decode(self.model.encode(batch.feed), side)
        loss = self._loss(made, batch)
        weighted = self.side_weights["ab".index(side)] * loss.total
        return _detached(loss), torch.autograd.grad(self.scaled(weighted), self._trained(), allow_unused=True)

    def _loss(self, made: Outputs, batch: Batch) -> SideLosses:
        """Means over the faces of one side, of all outputs."""
        named: dict[str, torch.Tensor] = {}
        for index, face in enumerate(made.faces):
            eyes, mouth = (kind[index] if kind else None for kind in (batch.eyes, batch.mouths))
            measure = Measure(batch.targets[index], batch.masks[index], eyes, mouth)
            name = "face" if len(made.faces) == 1 else f"face{face.shape[-1]}"
            named[name] = self.loss(face.float(), measure).mean()
        if made.mask is not None:
            named["mask"] = self.loss.of_mask(made.mask.float(), batch.masks[-1]).mean()
        if self.landmark_weight and made.landmarks is not None and batch.landmarks is not None:
            error = functional.smooth_l1_loss(made.landmarks.float(), batch.landmarks)
            named["landmarks"] = self.landmark_weight * error
        first, *others = named.values()
        total = first
        for part in others:
            total = total + part
        return SideLosses(total, named if others else {})

    def _trained(self) -> list[nn.Parameter]:
        return [p for p in self.model.parameters() if p.requires_grad]


class _Both(nn.Module):
    """The pass of both sides, as a module that can be spread over processes."""

    def __init__(self, model: SwapModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, x_a: torch.Tensor, x_b: torch.Tensor) -> tuple[Outputs, Outputs]:
        return self.model.forward_both(x_a, x_b)


def _as_it_is(loss: torch.Tensor) -> torch.Tensor:
    return loss


def _half(batch: Batch, side: Side) -> Batch:
    half = len(batch) // 2
    return batch.faces(slice(half) if side == "a" else slice(half, None))


def _detached(losses: SideLosses) -> SideLosses:
    return SideLosses(losses.total.detach(), {name: part.detach() for name, part in losses.parts.items()})
