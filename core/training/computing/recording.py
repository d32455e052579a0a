"""CUDA graphs: the kernels of a step's gradients are recorded once and then replayed with one call.

Small networks on a fast card wait for Python more than for the card; a replay does away with that. What is recorded
reads and writes the same places in memory ever after, so batches are copied there and gradients lie there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

import torch
from torch import nn

from ..augmenting.batch import Batch

if TYPE_CHECKING:
    from .gradients import Gradients

_WARM_UP = 3  # passes before recording, in which libraries choose their kernels and take their memory
_Result = TypeVar("_Result")


def can_record(gradients: Gradients) -> bool:
    """Whether a step of the model may be recorded: nothing inside asks the card for its state. That of one of several
    processes, which waits for the others, may not either; when the choice is made, they have yet to be joined.
    """
    pieces = any(type(module).__name__ == "Sequential" and "forward" in module.__dict__
                 for module in gradients.model.modules())  # checkpointed
    return gradients.world.size == 1 and not pieces


class Recording(Generic[_Result]):
    """A pass over a batch that leaves gradients, recorded.

    To record leaves no trace: what the passes before it draw at random, and what they do to running averages, is taken
    back.

    Args:
        run: the pass.
        parameters: whose gradients it adds to.
        batch: of the shape that will come, on the card that is the current one.
        buffers: of the model.
    """

    def __init__(self, run: Callable[[Batch], _Result], parameters: list[nn.Parameter], batch: Batch,
                 buffers: Iterable[torch.Tensor] = ()) -> None:
        self._parameters = parameters
        self._batch = Batch.joined([batch])  # a copy
        waiting = [parameter.grad for parameter in parameters]
        averages = [(buffer, buffer.clone()) for buffer in buffers]
        chance = torch.cuda.get_rng_state()
        self._drop()
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                run(self._batch)
                self._drop()
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        # Meanwhile the thread that makes batches goes on taking memory, which is none of the recording's business.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._result = run(self._batch)
        self._gradients = [parameter.grad for parameter in parameters]
        for parameter, gradient in zip(parameters, waiting, strict=True):
            parameter.grad = gradient
        with torch.no_grad():
            for buffer, before in averages:
                buffer.copy_(before)
        torch.cuda.set_rng_state(chance)

    def fits(self, batch: Batch) -> bool:
        """Whether it was recorded for batches like this one."""
        return [x.shape for x in batch.tensors] == [x.shape for x in self._batch.tensors]

    def replay(self, batch: Batch) -> _Result:
        """The pass over another batch: adds to the gradients; the result is overwritten by the next replay."""
        held = [gradient.clone() if gradient is not None and parameter.grad is gradient else parameter.grad
                for parameter, gradient in zip(self._parameters, self._gradients, strict=True)]
        for place, x in zip(self._batch.tensors, batch.tensors, strict=True):
            place.copy_(x, non_blocking=True)
        self._graph.replay()
        for parameter, gradient, before in zip(self._parameters, self._gradients, held, strict=True):
            parameter.grad = gradient if before is None else before if gradient is None else before.add_(gradient)
        return self._result

    def _drop(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None
