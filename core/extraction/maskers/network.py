"""What all network maskers share: crops in batches to masks of bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ...faces.nouns import AlignedFace
from ..networks import inference

N = TypeVar("N", bound=nn.Module)


def blank(build: Callable[[], N]) -> N:
    """A network whose numbers are yet to come: drawing half a gigabyte of them at random takes seconds."""
    with torch.device("meta"):
        network = build()
    return network.to_empty(device="cpu")


class NetworkMasker(ABC):
    """A masker that is a torch network; subclasses say what goes in and what comes out.

    Attributes:
        network: maps what `_prepared` gives to what `_finished` takes.
    """

    is_drawn = False
    size: int
    centering = "face"
    network: nn.Module

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        # A processor gains nothing from batches of pictures this large; on a card a few keep it busy.
        self.batch_size = 1 if self._device.type == "cpu" else 4

    def mask(self, faces: Sequence[AlignedFace]) -> list[np.ndarray]:
        """uint8 [size, size] for each crop, 0 outside to 255 inside.

        Raises:
            ValueError: crops of another size.
        """
        if any(face.size != self.size for face in faces):
            raise ValueError(f"this masker takes crops of {self.size} px")
        masks: list[np.ndarray] = []
        for start in range(0, len(faces), self.batch_size):
            pixels = np.stack([face.pixels for face in faces[start:start + self.batch_size]])
            with inference():
                x = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float()
                share = self._finished(self.network(self._prepared(x)))
                masks.extend((share.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())
        return masks

    @abstractmethod
    def _prepared(self, x: Tensor) -> Tensor:
        """float32 [N, 3, size, size], RGB 0..255 -> what the network was trained on."""

    @abstractmethod
    def _finished(self, y: Tensor) -> Tensor:
        """The network's answer -> float32 [N, size, size], 0 outside to 1 inside."""
