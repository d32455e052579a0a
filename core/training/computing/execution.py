"""How the networks compute: precision, memory layout, compiled or not."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from ...models.base import SwapModel

_HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Execution:
    """How the networks compute.

    Attributes:
        precision: "float32", or "bfloat16" or "float16" for autocast (weights, loss and output stay float32).
        channels_last: pictures lie in memory with their channels together.
        compiled: through torch.compile, see `compiling`.
        graphed: the step's kernels are recorded once and replayed, see `graphs`; on CUDA cards only.
    """

    precision: str = "float32"
    channels_last: bool = False
    compiled: bool = False
    graphed: bool = False

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def autocast(self, device: torch.device) -> AbstractContextManager[None]:
        return torch.autocast(device.type, _HALF.get(self.precision, torch.bfloat16), enabled=self.precision in _HALF)

    def scaler(self, device: torch.device) -> torch.amp.GradScaler:
        """What keeps the small gradients of float16 from vanishing: losses are multiplied, gradients divided again, and
        a step whose gradients overflow is left out (Micikevicius et al. 2018, "Mixed precision training"). Does nothing
        in other precisions, whose exponents reach as far as float32's.
        """
        return torch.amp.GradScaler(device.type, enabled=self.precision == "float16")

    def place(self, model: SwapModel) -> None:
        """Lay the model's kernels out for this execution."""
        model.to(memory_format=self.memory_format)  # type: ignore[call-overload]  # documented, but not typed

    @property
    def label(self) -> str:
        """In a few words, "bfloat16 channels-last compiled"."""
        marks = (("channels-last", self.channels_last), ("compiled", self.compiled), ("graph", self.graphed))
        return " ".join((self.precision, *(mark for mark, on in marks if on)))
