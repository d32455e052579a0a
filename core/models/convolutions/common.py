"""What the ways to convolve have in common."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn import functional

Padding = tuple[int, int, int, int]  # left, right, top, bottom: as `functional.pad` takes it


def precision(x: torch.Tensor) -> torch.dtype:
    """What a convolution of `x` computes in: autocast's precision where it is on."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def padded(x: torch.Tensor, padding: Padding) -> torch.Tensor:
    """[N, C, H, W] -> [N, H + top + bottom, W + left + right, C], contiguous, in `precision`; 0 around the picture."""
    return functional.pad(x.to(precision(x)).permute(0, 2, 3, 1), (0, 0, *padding)).contiguous()


def parts(x: torch.Tensor, pictures: int) -> Iterator[slice]:
    """Slices of so many of the N pictures, of one at least; the last may have fewer.

    Where tensors have shapes only, to estimate memory, the first two stand for all, which take no more than they do.
    """
    step = max(1, pictures)
    count = min(len(x), 2 * step) if isinstance(x, FakeTensor) else len(x)
    return (slice(begin, begin + step) for begin in range(0, count, step))
