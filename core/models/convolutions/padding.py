"""What the ways to convolve have in common."""

from __future__ import annotations

import torch

Padding = tuple[int, int, int, int]  # left, right, top, bottom: as `functional.pad` takes it


def precision(x: torch.Tensor) -> torch.dtype:
    """What a convolution of `x` computes in: autocast's precision where it is on."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
