"""Ways to convolve that are faster on processors than PyTorch's, each where it pays; the results are the same.

    winograd: 3x3 kernels while training: less than half of the multiplications.
    gathered: many channels over few pixels, as a product of the pixels under the kernel and the weights as they lie.
    narrow: few filters.

All of them want kernels with their channels last in memory, as training and fast conversion lay them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from . import gathered, narrow, winograd
from .common import Padding

Convolve = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None, int, Padding], torch.Tensor]


def faster(x: torch.Tensor, weight: torch.Tensor, stride: int, padding: Padding) -> Convolve | None:
    """The way that is faster than PyTorch's for [N, C, H, W] and [F, C, k, k], k above 1; None where none is.

    A compiler gets PyTorch's, which it can read.
    """
    if (x.device.type != "cpu" or torch.compiler.is_compiling()
            or not weight.is_contiguous(memory_format=torch.channels_last)):
        return None
    return next((way.convolve for way in (winograd, gathered, narrow) if way.suits(x, weight, stride, padding)), None)
