"""3x3 convolutions with 16 multiplications for four pixels instead of 36: Winograd's minimal filtering F(2x2, 3x3).

    Y = A^T [(G g G^T) * (B^T d B)] A

of a kernel g, a tile d of 4x4 pixels (tiles lie two pixels apart) and the 2x2 pixels Y it makes; summed over channels,
`*` becomes one matrix product for each of the 16 places of a tile (Lavin and Gray 2016, "Fast algorithms for
convolutional neural networks", section 4). Gradients are the transposed steps in reverse.

In float32 results are as exact as a convolution's. In bfloat16 each picture and kernel is rounded after its
transformation instead of before: errors of half a per cent where a convolution's are a quarter of one, both far below
what one batch's gradient differs from the next one's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.nn import functional

from ..products import product
from .padding import Padding, precision

_LEAST_TILES = 64  # below, transforming the kernels costs more than it saves
_LEAST_CHANNELS = 64
_TILES_AT_ONCE = 1024  # of whole pictures, so that what lies between two steps stays in the processor's cache

Line = tuple[torch.Tensor, ...]
Grid = list[Line]  # of what is at each place of a tile, by row and column


def suits(x: torch.Tensor, weight: torch.Tensor, stride: int, padding: Padding) -> bool:
    """Whether training is faster with `convolve` than with PyTorch's convolution for [N, C, H, W], [F, C, k, k]."""
    if not (torch.is_grad_enabled() and x.device.type == "cpu" and weight.shape[2:] == (3, 3) and stride == 1
            and min(weight.shape[:2]) >= _LEAST_CHANNELS and weight.is_contiguous(memory_format=torch.channels_last)):
        return False
    height, width = x.shape[2] + padding[2] + padding[3] - 2, x.shape[3] + padding[0] + padding[1] - 2
    return height % 2 == width % 2 == 0 and len(x) * height * width // 4 >= _LEAST_TILES


def convolve(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, stride: int,
             padding: Padding) -> torch.Tensor:
    """As `functional.conv2d` of the padded picture with stride 1, in autocast's precision where it is on.

    Args:
        x: [N, C, H, W] on the processor.
        weight: [F, C, 3, 3] with its channels last in memory.
        bias: [F].

    Returns:
        [N, F, H + padding - 2, W + padding - 2], both even; channels last.
    """
    padded = functional.pad(x.to(precision(x)).permute(0, 2, 3, 1), (0, 0, *padding)).contiguous()
    y: torch.Tensor = _Winograd.apply(padded, weight, bias)
    return y.permute(0, 3, 1, 2)


class _Winograd(torch.autograd.Function):
    """x [N, H + 2, W + 2, C] contiguous, weight [F, C, 3, 3], bias [F] -> [N, H, W, F], in the precision of x."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.biased = bias is not None
        bias = None if bias is None else bias.to(x.dtype)
        kernels = _kernels(weight, x.dtype)
        y = x.new_empty(len(x), x.shape[1] - 2, x.shape[2] - 2, len(weight))
        for part in _parts(x):
            tiles = _tiles(x[part])
            places = tiles[0][0].shape[:-1]
            # What is added at place (1, 1) of a tile reaches each of its four pixels once.
            _into_pixels(_each(lambda i, j: product(
                _rows(tiles[i][j]), kernels[i][j].T, bias if i == j == 1 else None).view(*places, -1)), y[part])
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_y = gradients[0].contiguous()
        of_x = of_kernels = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            kernels = _kernels(weight, x.dtype)
            of_x = torch.zeros(x.shape, dtype=torch.promote_types(x.dtype, torch.float32))
        for part in _parts(x):
            of_products = _of_pixels(of_y[part])
            if of_x is not None:
                places = of_products[0][0].shape[:-1]
                _add_tiles(_each(lambda i, j: product(_rows(of_products[i][j]), kernels[i][j]).view(*places, -1)),
                           of_x[part])
            if ctx.needs_input_grad[1]:
                tiles = _tiles(x[part])
                of_part = _each(lambda i, j: product(_rows(of_products[i][j]).T, _rows(tiles[i][j])).to(weight.dtype))
                of_kernels = of_part if of_kernels is None else _each(lambda i, j: of_kernels[i][j].add_(of_part[i][j]))
        if of_kernels is not None:
            of_weight = _of_kernels(of_kernels)
        if ctx.biased and ctx.needs_input_grad[2]:
            of_bias = _rows(of_y).sum(0)
        return None if of_x is None else of_x.to(x.dtype), of_weight, of_bias


def _parts(x: torch.Tensor) -> Iterator[slice]:
    """Slices of whole pictures, of about `_TILES_AT_ONCE` tiles."""
    step = max(1, _TILES_AT_ONCE * 4 // ((x.shape[1] - 2) * (x.shape[2] - 2)))
    return (slice(begin, begin + step) for begin in range(0, len(x), step))


def _rows(x: torch.Tensor) -> torch.Tensor:
    return x.view(-1, x.shape[-1])


def _each(of_place: Callable[[int, int], torch.Tensor]) -> Grid:
    return [tuple(of_place(i, j) for j in range(4)) for i in range(4)]


def _kernels(weight: torch.Tensor, kind: torch.dtype) -> Grid:
    """G g G^T: [F, C, 3, 3] -> 4 x 4 of [F, C]."""
    def line(g: Sequence[torch.Tensor]) -> Line:
        ends = (g[0] + g[2]).mul_(0.5)
        return g[0], torch.add(ends, g[1], alpha=0.5), torch.sub(ends, g[1], alpha=0.5), g[2]

    by_place = weight.permute(2, 3, 0, 1)
    return [tuple(kernel.to(kind).contiguous() for kernel in line(row))
            for row in zip(*(line(by_place[:, j]) for j in range(3)), strict=True)]


def _of_kernels(of_kernels: Grid) -> torch.Tensor:
    """The transposed step of `_kernels`: G^T u G, -> [F, C, 3, 3], channels last."""
    def line(u: Sequence[torch.Tensor], out: Sequence[torch.Tensor]) -> None:
        middle = u[1] + u[2]
        torch.add(u[0], middle, alpha=0.5, out=out[0])
        torch.sub(u[1], u[2], out=out[1]).mul_(0.5)
        torch.add(u[3], middle, alpha=0.5, out=out[2])

    first = of_kernels[0][0]
    by_column = [first.new_empty(4, *first.shape) for _ in range(3)]
    for i, row in enumerate(of_kernels):
        line(row, [column[i] for column in by_column])
    of_weight = first.new_empty(len(first), 3, 3, first.shape[1])
    for j, column in enumerate(by_column):
        line(column, of_weight[:, :, j].unbind(1))
    return of_weight.permute(0, 3, 1, 2)


def _tiles(x: torch.Tensor) -> Grid:
    """B^T d B of each tile: [n, 2h + 2, 2w + 2, C] -> 4 x 4 of [n, h, w, C]."""
    def line(d: Sequence[torch.Tensor]) -> Line:
        return d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]

    return [line([row[:, :, j: j + row.shape[2] - 3: 2] for j in range(4)])
            for row in line([x[:, i: i + x.shape[1] - 3: 2] for i in range(4)])]


def _add_tiles(of_tiles: Grid, of_x: torch.Tensor) -> None:
    """The transposed step of `_tiles`, B v B^T, added to [n, 2h + 2, 2w + 2, C], where tiles overlap."""
    def line(v: Sequence[torch.Tensor]) -> Line:
        return v[0], (v[1] - v[2]).add_(v[3]), (v[1] + v[2]).sub_(v[0]), -v[3]

    for j, column in enumerate(zip(*map(line, of_tiles), strict=True)):
        for i, seen in enumerate(line(column)):
            of_x[:, i: i + of_x.shape[1] - 3: 2, j: j + of_x.shape[2] - 3: 2] += seen


def _into_pixels(products: Grid, y: torch.Tensor) -> None:
    """A^T m A of each tile, written to [n, 2h, 2w, F]."""
    def line(m: Sequence[torch.Tensor], out: Sequence[torch.Tensor]) -> None:
        torch.add(m[0], m[1] + m[2], out=out[0])
        torch.sub(m[1] - m[2], m[3], out=out[1])

    halves = y.new_empty(2, 4, *products[0][0].shape)
    for i, row in enumerate(products):
        line(row, halves[:, i])
    for j, half in enumerate(halves):
        line(half, [y[:, i::2, j::2] for i in range(2)])


def _of_pixels(of_y: torch.Tensor) -> Grid:
    """The transposed step of `_into_pixels`, A y A^T: [n, 2h, 2w, F] -> 4 x 4 of [n, h, w, F]."""
    def line(first: torch.Tensor, second: torch.Tensor) -> Line:
        return first, first + second, first - second, -second

    return [tuple(place.contiguous() for place in line(row[:, :, ::2], row[:, :, 1::2]))
            for row in line(of_y[:, ::2], of_y[:, 1::2])]
