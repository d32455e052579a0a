"""Convolutions of many channels over few pixels as matrix products, which processors compute several times faster.

oneDNN's convolutions are made for pictures of many pixels. Where 1024 filters of 512 channels see 4x4 of them, its
gradients reach a fifth of what the same processor does in a matrix product, and it turns tens of megabytes of weights
into a layout of its own and back at every step. Written as a product of the pixels under the kernel (a few megabytes
to gather) and the weights as they lie, each of the three passes runs at the speed of products. The results agree to the
precision of the numbers.
"""

from __future__ import annotations

from typing import Any

import torch

from ..products import product
from .common import Padding, padded, precision

# Output pixels of one picture, up to which a product is faster; measured with bfloat16 and float32 alike, for 128 to
# 2048 channels, and the same for batches of 16 and 128.
_MOST_PIXELS = 16
_MOST_PIXELS_STRIDED = 64
_LEAST_CHANNELS = 64


def suits(x: torch.Tensor, weight: torch.Tensor, stride: int, padding: Padding) -> bool:
    """Whether `convolve` is faster than PyTorch's on the processor, for [N, C, H, W] and [F, C, k, k], k above 1."""
    return (weight.shape[1] >= _LEAST_CHANNELS
            and _pixels(x, weight, stride, padding) <= (_MOST_PIXELS if stride == 1 else _MOST_PIXELS_STRIDED))


def convolve(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, stride: int,
             padding: Padding) -> torch.Tensor:
    """As `functional.conv2d` of the padded picture, in autocast's precision where it is on.

    Args:
        x: [N, C, H, W] on the processor.
        weight: [F, C, k, k] with its channels last in memory.
        bias: [F].

    Returns:
        [N, F, (H + padding - k) // stride + 1, likewise], channels last.
    """
    kind = precision(x)
    bias = None if bias is None else bias.to(kind)
    y: torch.Tensor = _Gathered.apply(padded(x, padding), weight.to(kind), bias, stride)
    return y.permute(0, 3, 1, 2)


def _pixels(x: torch.Tensor, weight: torch.Tensor, stride: int, padding: Padding) -> int:
    kernel = weight.shape[-1]
    return (((x.shape[2] + padding[2] + padding[3] - kernel) // stride + 1)
            * ((x.shape[3] + padding[0] + padding[1] - kernel) // stride + 1))


class _Gathered(torch.autograd.Function):
    """x [N, H, W, C], padded and contiguous, weight [F, C, k, k] -> [N, OH, OW, F]."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None,
                stride: int) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.biased = stride, bias is not None
        seen = _seen(x, weight.shape[-1], stride)
        rows = seen.reshape(-1, weight[0].numel())
        return product(rows, _flat(weight).T, bias).view(*seen.shape[:3], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        stride, kernel = ctx.stride, weight.shape[-1]
        of_y = gradients[0].contiguous()
        rows = of_y.view(-1, of_y.shape[-1])
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_x = _spread(product(rows, _flat(weight)).view(*of_y.shape[:3], kernel, -1), x.shape, stride).to(x.dtype)
        if ctx.needs_input_grad[1]:
            columns = _seen(x, kernel, stride).reshape(len(rows), -1)
            of_weight = product(rows.T, columns).view(len(weight), kernel, kernel, -1).permute(0, 3, 1, 2)
        if ctx.biased and ctx.needs_input_grad[2]:
            of_bias = rows.sum(0)
        return of_x, of_weight, of_bias, None


def _flat(weight: torch.Tensor) -> torch.Tensor:
    """[F, C, k, k], channels last in memory -> [F, k * k * C] without a copy."""
    return weight.permute(0, 2, 3, 1).reshape(len(weight), -1)


def _seen(x: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    """What the kernel sees at each place, [N, H, W, C] -> a view [N, OH, OW, k, k * C]: k runs of k pixels each."""
    count, height, width, channels = x.shape
    places = (height - kernel) // stride + 1, (width - kernel) // stride + 1
    row = width * channels
    return x.as_strided((count, *places, kernel, kernel * channels),
                        (height * row, stride * row, stride * channels, row, 1))


def _spread(seen: torch.Tensor, shape: torch.Size, stride: int) -> torch.Tensor:
    """The reverse of `_seen`: runs added where they came from, in float32 at least; -> [N, H, W, C]."""
    count, height, width, channels = shape
    kernel = seen.shape[3]
    down = stride * (seen.shape[1] - 1) + 1
    x = torch.zeros(count, height, width * channels, dtype=torch.promote_types(seen.dtype, torch.float32))
    for row in range(kernel):
        for place in range(seen.shape[2]):
            start = place * stride * channels
            x[:, row: row + down: stride, start: start + kernel * channels] += seen[:, :, place, row]
    return x.view(count, height, width, channels)
