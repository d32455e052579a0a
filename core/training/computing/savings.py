"""What saves a graphics card's memory, each at its price; see docs/performance.md for what they bring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ...errors import ModelError, UsageError
from ...jobs.messages import Reporter
from ...models.base import SwapModel
from ...options.train import TrainOptions
from .allocation import keep_memory
from .checkpointing import save_memory

_NO_MEMORY = "DefaultCPUAllocator: can't allocate memory"
_LONGEST_TURN = 100  # iterations of one side, after which the other one begins to suffer


@dataclass(frozen=True)
class Savings:
    """What to save by.

    Attributes:
        gradients: compute the networks' insides twice instead of keeping them, see `checkpointing`.
        moments: keep the optimiser's memory in the computer's, see `offload`.
        turns: iterations for which one side trains before the other does, see `pingpong`; 0: both at once.
    """

    gradients: bool = False
    moments: bool = False
    turns: int = 0

    @classmethod
    def of(cls, options: TrainOptions, device: torch.device, processes: int, reporter: Reporter) -> Savings:
        """What a person wants saved.

        Raises:
            UsageError: ping-pong over several processes.
        """
        if options.ping_pong and processes > 1:
            raise UsageError("Ping-pong trains one side at a time on one device, and cannot be shared out",
                             "Leave out ping-pong, or train on one graphics card")
        if options.ping_pong and options.save_interval > _LONGEST_TURN:
            reporter.warning(f"With ping-pong each side trains for a save interval at a time; {options.save_interval} "
                             f"iterations are long for the side that waits, {_LONGEST_TURN} or fewer are better")
        if options.optimizer_savings and device.type == "cpu":
            reporter.warning("Optimizer savings change nothing here: on a processor the moments are in its memory "
                             "anyway")
        return cls(options.memory_saving_gradients, options.optimizer_savings and device.type != "cpu",
                   options.save_interval if options.ping_pong else 0)

    def apply(self, model: SwapModel) -> None:
        """Make the model keep less; call it before anything is computed with it."""
        if self.gradients:
            save_memory(model)


def prepare(options: TrainOptions, device: torch.device) -> None:
    """How memory is taken from here on; call it before the model comes to the device.

    On a processor, freed memory is kept for the next step. On a CUDA card, it is taken in pieces that grow where a
    person wants that, and never more of it than their limit; and convolutions take ways that add up in the same order
    each time, as a repeated training needs it.

    Args:
        device: with its number, where it is a card.
    """
    if device.type == "cpu":
        keep_memory()
    elif device.type == "cuda":
        if options.allow_growth:
            torch._C._accelerator_setAllocatorSettings("expandable_segments:True")
        torch.cuda.set_per_process_memory_fraction(options.memory_limit / 100, device)
        torch.backends.cudnn.deterministic = True


@contextmanager
def enough_memory(options: TrainOptions) -> Iterator[None]:
    """Tell in words where memory was not enough.

    Raises:
        ModelError: saying what to try; what was saved stands.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is one of the latter
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and _NO_MEMORY not in str(error):
            raise
        raise ModelError(f"Memory is too small for the trainer {options.trainer} with batch size {options.batch_size}",
                         "Choose a smaller batch, or memory-saving gradients; understudy models fit says what fits",
                         ) from error
