"""Convolutions with few filters, such as those that make a picture's colours, as one matrix product.

oneDNN computes 16 filters where 3 are wanted. Here a product of all pixels with all places of the kernel comes first,
and what each place adds to each pixel is moved there and added up afterwards: few filters make that little.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from ..products import product
from .common import Padding, parts, precision

_MOST_FILTERS = 4
_LEAST_CHANNELS = 16
_PIXELS_AT_ONCE = 65536  # of whole pictures, which bounds the memory for what is moved


def suits(x: torch.Tensor, weight: torch.Tensor, stride: int, padding: Padding) -> bool:
    """Whether `convolve` is faster than PyTorch's on the processor, for [N, C, H, W] and [F, C, k, k], k above 1."""
    return (stride == 1 and len(weight) <= _MOST_FILTERS and weight.shape[1] >= _LEAST_CHANNELS
            and max(padding) < weight.shape[-1])


def convolve(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, stride: int,
             padding: Padding) -> torch.Tensor:
    """As `functional.conv2d` of the padded picture with stride 1, in autocast's precision where it is on.

    Args:
        x: [N, C, H, W] on the processor.
        weight: [F, C, k, k].
        bias: [F].

    Returns:
        [N, F, H + padding - k + 1, likewise]; picture by picture and channel by channel in memory.
    """
    kind = precision(x)
    rows = x.to(kind).permute(0, 2, 3, 1).contiguous()
    y: torch.Tensor = _Narrow.apply(rows, weight.to(kind), None if bias is None else bias.to(kind), padding)
    return y


class _Narrow(torch.autograd.Function):
    """x [N, H, W, C] contiguous, weight [F, C, k, k] -> [N, F, OH, OW]."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None,
                padding: Padding) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding, ctx.biased = padding, bias is not None
        (filters, _, kernel, _), (count, height, width, channels) = weight.shape, x.shape
        left, right, top, bottom = padding
        size = height + top + bottom - kernel + 1, width + left + right - kernel + 1
        y = torch.zeros(count, filters, *size, dtype=torch.promote_types(x.dtype, torch.float32))
        if bias is not None:
            y += bias.view(-1, 1, 1)
        by_place = _by_place(weight)
        for part in parts(x, _PIXELS_AT_ONCE // (height * width)):
            added = product(by_place, x[part].reshape(-1, channels).T).view(kernel, kernel, filters, -1, height, width)
            for row in range(kernel):
                for column in range(kernel):
                    to_y, from_y = _overlap(row - top, height, size[0])
                    to_x, from_x = _overlap(column - left, width, size[1])
                    y[part, :, to_y, to_x] += added[row, column, :, :, from_y, from_x].transpose(0, 1)
        return y.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        filters, channels, kernel, _ = weight.shape
        _, height, width, _ = x.shape
        of_y = gradients[0].transpose(0, 1).contiguous()
        around = functional.pad(of_y, [kernel - 1 - pixels for pixels in ctx.padding])
        by_place = _by_place(weight)
        of_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        of_places = of_bias = of_weight = None
        for part in parts(x, _PIXELS_AT_ONCE // (height * width)):
            places = [around[:, part, row: row + height, column: column + width]
                      for row in reversed(range(kernel)) for column in reversed(range(kernel))]
            seen = torch.stack(places).view(len(by_place), -1)
            if of_x is not None:
                torch.mm(seen.T, by_place, out=of_x[part].view(-1, channels))
            if ctx.needs_input_grad[1]:
                of_part = product(seen, x[part].view(-1, channels)).to(torch.promote_types(x.dtype, torch.float32))
                of_places = of_part if of_places is None else of_places.add_(of_part)
        if of_places is not None:
            of_weight = of_places.to(weight.dtype).view(kernel, kernel, filters, channels).permute(2, 3, 0, 1)
        if ctx.biased and ctx.needs_input_grad[2]:
            of_bias = of_y.sum((1, 2, 3))
        return of_x, of_weight, of_bias, None


def _by_place(weight: torch.Tensor) -> torch.Tensor:
    """[F, C, k, k] -> [k * k * F, C]."""
    return weight.permute(2, 3, 0, 1).reshape(-1, weight.shape[1])


def _overlap(shift: int, pixels: int, made: int) -> tuple[slice, slice]:
    """Where pixels of what is made lie, and which pixels of the picture are `shift` further there."""
    begin, end = max(0, -shift), min(made, pixels - shift)
    return slice(begin, end), slice(begin + shift, end + shift)
