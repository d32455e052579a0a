"""How the networks compute: precision and memory layout."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from ..models.base import SwapModel


@dataclass(frozen=True)
class Execution:
    """How the networks compute.

    Attributes:
        precision: "float32", or "bfloat16" for autocast (weights, loss and output stay float32).
        channels_last: pictures lie in memory with their channels together.
    """

    precision: str = "float32"
    channels_last: bool = False

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def autocast(self, device: torch.device) -> AbstractContextManager[None]:
        return torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def place(self, model: SwapModel) -> None:
        """Lay the model's kernels out for this execution."""
        model.to(memory_format=self.memory_format)  # type: ignore[call-overload]  # documented, but not typed
