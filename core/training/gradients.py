"""The gradients of one step: both sides in one pass on a graphics card, side by side in two threads on processors.

A convolution of these small models is over in a millisecond. To spread each one over the cores, the threads meet after
every layer, and on a machine that does anything else a thread that waits for another burns its time: one step was seen
to take 4 s where a single thread needs 0.25. The two sides, however, share nothing but weights that both only read, so
each gets cores of its own and they meet once per step.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from ..models.base import Outputs, Side, SwapModel
from .execution import Execution
from .losses import FaceLoss


class _Half(NamedTuple):
    """The faces of one side."""

    feed: torch.Tensor
    target: torch.Tensor
    mask: torch.Tensor
    landmarks: torch.Tensor | None


def sides_can_part(model: SwapModel) -> bool:
    """Whether a model's sides may be computed in two threads: on a processor, and if it draws no random numbers, whose
    order the threads would shuffle.
    """
    drawing = any(isinstance(module, nn.modules.dropout._DropoutNd) for module in model.modules())
    return next(model.parameters()).device.type == "cpu" and not drawing


class Gradients:
    """Computes a model's gradients for batches whose first half is of A, the second of B.

    Args:
        model: on its device; its parameters' `grad` is what a call leaves.
        loss: what is minimised.
        side_weights: factors of the losses of A and B before they are added.
        landmark_weight: of the landmarks' error beside the loss, for models that tell where they are.
        parallel: the sides in two threads, each with as many of the processor's as `torch.get_num_threads` says.
    """

    def __init__(self, model: SwapModel, loss: FaceLoss, side_weights: tuple[float, float] = (1.0, 1.0),
                 parallel: bool = False, landmark_weight: float = 0.0) -> None:
        self.landmark_weight = landmark_weight
        self.model, self.loss, self.side_weights = model, loss, side_weights
        self._second = ThreadPoolExecutor(1, thread_name_prefix="understudy-side-b") if parallel else None

    @property
    def parallel(self) -> bool:
        return self._second is not None

    def __call__(self, execution: Execution, feed: torch.Tensor, target: torch.Tensor,
                 mask: torch.Tensor, landmarks: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Set the gradients and return the mean losses of A and B (detached, scalar).

        Args:
            feed: float32 [2 N, 3, input, input] in [0, 1].
            target, mask: float32 [2 N, 3, output, output] and [2 N, 1, output, output] in [0, 1].
            landmarks: float32 [2 N, 136], see `Batch`; None: they do not count this time.
        """
        half = len(feed) // 2
        a, b = (_Half(feed[faces], target[faces], mask[faces], None if landmarks is None else landmarks[faces])
                for faces in (slice(half), slice(half, None)))
        if self._second is None:
            return self._together(execution, a, b)
        threads = torch.get_num_threads()
        waiting = self._second.submit(self._side, "b", threads, execution, b)
        loss_a, gradients_a = self._side("a", threads, execution, a)
        loss_b, gradients_b = waiting.result()
        for parameter, of_a, of_b in zip(self._trained(), gradients_a, gradients_b, strict=True):
            parameter.grad = of_b if of_a is None else of_a if of_b is None else of_a.add_(of_b)
        return loss_a, loss_b

    def _together(self, execution: Execution, a: _Half, b: _Half) -> tuple[torch.Tensor, torch.Tensor]:
        with execution.autocast(a.feed.device):
            made_a, made_b = self.model.forward_both(a.feed, b.feed)
        loss_a, loss_b = self._loss(made_a, a), self._loss(made_b, b)
        self.model.zero_grad(set_to_none=True)
        (self.side_weights[0] * loss_a + self.side_weights[1] * loss_b).backward()
        return loss_a.detach(), loss_b.detach()

    def _side(self, side: Side, threads: int, execution: Execution, half: _Half,
              ) -> tuple[torch.Tensor, tuple[torch.Tensor | None, ...]]:
        torch.set_num_threads(threads)  # a thread's own setting
        with execution.autocast(half.feed.device):
            made = self.model.decode(self.model.encode(half.feed), side)
        loss = self._loss(made, half)
        weighted = self.side_weights["ab".index(side)] * loss
        return loss.detach(), torch.autograd.grad(weighted, self._trained(), allow_unused=True)

    def _loss(self, made: Outputs, half: _Half) -> torch.Tensor:
        """Mean over the faces of one side."""
        loss = self.loss(made.faces[-1].float(), half.target, half.mask).mean()
        if self.landmark_weight and made.landmarks is not None and half.landmarks is not None:
            loss = loss + self.landmark_weight * functional.smooth_l1_loss(made.landmarks.float(), half.landmarks)
        return loss

    def _trained(self) -> list[nn.Parameter]:
        return [p for p in self.model.parameters() if p.requires_grad]
