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

from collections.abc import Sequence
from typing import Any

import torch

from ..products import product
from .common import Padding, padded, parts

# Below, the transformations cost more than the products save; measured in both precisions, on one core and two.
_LEAST_TILES = 128
_LEAST_CHANNELS = 80  # C * F / (C + F)
_BYTES_AT_ONCE = 64 << 20  # for the transformed tiles of some pictures, before and after the products

Grid = list[list[torch.Tensor]]  # of what is at each place of a tile, by row and column


def suits(x: torch.Tensor, weight: torch.Tensor, stride: int, padding: Padding) -> bool:
    """Whether training is faster with `convolve` than with PyTorch's convolution for [N, C, H, W], [F, C, k, k]."""
    filters, channels, *kernel = weight.shape
    if not (torch.is_grad_enabled() and kernel == [3, 3] and stride == 1
            and filters * channels >= _LEAST_CHANNELS * (filters + channels)):
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
    y: torch.Tensor = _Winograd.apply(padded(x, padding), weight, bias)
    return y.permute(0, 3, 1, 2)


class _Winograd(torch.autograd.Function):
    """x [N, H + 2, W + 2, C] contiguous, weight [F, C, 3, 3], bias [F] -> [N, H, W, F], in the precision of x."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.biased = bias is not None
        bias = None if bias is None else bias.to(x.dtype)
        kernels = _kernels(weight).to(x.dtype)
        y = x.new_empty(len(x), x.shape[1] - 2, x.shape[2] - 2, len(weight))
        for part in parts(x, _at_once(x, len(weight))):
            _into_pixels(_products(_tiles(x[part]), kernels.mT, bias), y[part])
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_y = gradients[0].contiguous()
        of_x = of_kernels = of_bias = None
        if ctx.needs_input_grad[0]:
            kernels = _kernels(weight).to(x.dtype)
            of_x = torch.zeros(x.shape, dtype=torch.promote_types(x.dtype, torch.float32))
        for part in parts(x, _at_once(x, len(weight))):
            of_products = _of_pixels(of_y[part])
            if of_x is not None:
                _add_tiles(_products(of_products, kernels), of_x[part])
            if ctx.needs_input_grad[1]:
                of_part = _products(of_products.mT, _tiles(x[part]))
                of_kernels = _sum(of_kernels, of_part, weight.dtype)
        if ctx.biased and ctx.needs_input_grad[2]:
            of_bias = of_y.sum((0, 1, 2))
        return (None if of_x is None else of_x.to(x.dtype), None if of_kernels is None else _of_kernels(of_kernels),
                of_bias)


def _at_once(x: torch.Tensor, filters: int) -> int:
    """Pictures, few enough for `_BYTES_AT_ONCE`."""
    tiles, places = (x.shape[1] // 2 - 1) * (x.shape[2] // 2 - 1), 16
    return _BYTES_AT_ONCE // (places * tiles * (x.shape[3] + filters) * x.element_size())


def _products(a: torch.Tensor, b: torch.Tensor, bias: torch.Tensor | None = None) -> Grid:
    """[4, 4, M, K], [4, 4, K, N] -> of each place [M, N].

    `bias`: [N], added at place (1, 1), from where `_into_pixels` brings it to each of a tile's pixels once.
    """
    places = enumerate(zip(a.flatten(0, 1).unbind(), b.flatten(0, 1).unbind(), strict=True))
    made = [product(one, other, bias if divmod(place, 4) == (1, 1) else None) for place, (one, other) in places]
    return [made[row: row + 4] for row in range(0, 16, 4)]


def _sum(so_far: Grid | None, added: Grid, kind: torch.dtype) -> Grid:
    """Both added up place by place, in precision `kind`; overwrites what it is given."""
    if so_far is None:
        return [[place.to(kind) for place in row] for row in added]
    return [[one.add_(other) for one, other in zip(*rows, strict=True)] for rows in zip(so_far, added, strict=True)]


def _kernels(weight: torch.Tensor) -> torch.Tensor:
    """G g G^T: [F, C, 3, 3] -> [4, 4, F, C]."""
    g = weight.permute(2, 3, 0, 1)
    by_row = g.new_empty(4, *g.shape[1:])
    kernels = g.new_empty(4, 4, *g.shape[2:])
    for seen, made in ((g, by_row), (by_row.transpose(0, 1), kernels.transpose(0, 1))):
        torch.add(seen[0], seen[2], out=made[1]).mul_(0.5)
        torch.sub(made[1], seen[1], alpha=0.5, out=made[2])
        made[1].add_(seen[1], alpha=0.5)
        made[0], made[3] = seen[0], seen[2]
    return kernels


def _of_kernels(u: Grid) -> torch.Tensor:
    """The transposed step of `_kernels`, G^T u G, -> [F, C, 3, 3], channels last; overwrites what it is given."""
    filters, channels = u[0][0].shape
    g = u[0][0].new_empty(filters, 3, 3, channels)
    for j in range(4):
        middle = u[1][j] + u[2][j]
        u[0][j].add_(middle, alpha=0.5)
        u[3][j].add_(middle, alpha=0.5)
        u[1][j].sub_(u[2][j]).mul_(0.5)
    for row, made in zip((u[0], u[1], u[3]), g.unbind(1), strict=True):
        middle = row[1] + row[2]
        torch.add(row[0], middle, alpha=0.5, out=made[:, 0])
        torch.sub(row[1], row[2], out=made[:, 1]).mul_(0.5)
        torch.add(row[3], middle, alpha=0.5, out=made[:, 2])
    return g.permute(0, 3, 1, 2)


def _tiles(x: torch.Tensor) -> torch.Tensor:
    """B^T d B of each tile: [n, 2h + 2, 2w + 2, C] -> [4, 4, n * h * w, C]."""
    count, height, width, channels = x.shape
    by_row = x.new_empty(4, count, height // 2 - 1, width, channels)
    tiles = x.new_empty(4, 4, count, height // 2 - 1, width // 2 - 1, channels)
    rows = [x[:, i: i + height - 3: 2] for i in range(4)]
    columns = [by_row[:, :, :, j: j + width - 3: 2] for j in range(4)]
    for d, made in ((rows, by_row), (columns, tiles.transpose(0, 1))):
        torch.sub(d[0], d[2], out=made[0])
        torch.add(d[1], d[2], out=made[1])
        torch.sub(d[2], d[1], out=made[2])
        torch.sub(d[1], d[3], out=made[3])
    return tiles.flatten(2, 4)


def _add_tiles(v: Grid, of_x: torch.Tensor) -> None:
    """The transposed step of `_tiles`, B v B^T, added to [n, 2h + 2, 2w + 2, C] where the tiles lie, which overlap.
    Overwrites what it is given.
    """
    count, height, width, channels = of_x.shape
    for row in [*zip(*v, strict=True)]:
        _spread(row)
    for i in range(4):
        _spread(v[i])
        for j in range(4):
            seen = v[i][j].view(count, height // 2 - 1, width // 2 - 1, channels)
            of_x[:, i: i + height - 3: 2, j: j + width - 3: 2] += seen


def _spread(v: Sequence[torch.Tensor]) -> None:
    """B v, in place."""
    second = v[1] - v[2]
    v[2].add_(v[1]).sub_(v[0])
    torch.add(second, v[3], out=v[1])
    v[3].neg_()


def _into_pixels(m: Grid, y: torch.Tensor) -> None:
    """A^T m A of each tile, written to [n, 2h, 2w, F]; overwrites what it is given."""
    count, height, width, filters = y.shape
    for j in range(4):
        m[0][j].add_(m[1][j]).add_(m[2][j])
        m[1][j].sub_(m[2][j]).sub_(m[3][j])
    for i in range(2):
        place = [one.view(count, height // 2, width // 2, filters) for one in m[i]]
        torch.add(place[0].add_(place[1]), place[2], out=y[:, i::2, ::2])
        torch.sub(place[1].sub_(place[2]), place[3], out=y[:, i::2, 1::2])


def _of_pixels(of_y: torch.Tensor) -> torch.Tensor:
    """The transposed step of `_into_pixels`, A y A^T: [n, 2h, 2w, F] -> [4, 4, n * h * w, F]."""
    count, height, width, filters = of_y.shape
    by_row = of_y.new_empty(4, count, height // 2, width, filters)
    products = of_y.new_empty(4, 4, count, height // 2, width // 2, filters)
    for first, second, made in ((of_y[:, ::2], of_y[:, 1::2], by_row),
                                (by_row[:, :, :, ::2], by_row[:, :, :, 1::2], products.transpose(0, 1))):
        made[0] = first
        torch.add(first, second, out=made[1])
        torch.sub(first, second, out=made[2])
        torch.neg(second, out=made[3])
    return products.flatten(2, 4)
