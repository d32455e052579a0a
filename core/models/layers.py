"""The building blocks of the swap models: padding and activations as the field's trainers have them.

Tensors are [N, C, H, W]. "Same" padding is TensorFlow's: an even input under a 5x5 kernel with stride 2 is padded by
one pixel before and two after, which differs from PyTorch's symmetric `padding=2` by half an output pixel.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from . import convolutions, products
from .initial import Start, faint_uniform, glorot_uniform, he_uniform

LEAKY_SLOPE = 0.1
STEEPER_SLOPE = 0.2  # of what surrounds residual blocks
NORM_EPSILON = 1e-3


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels to add before and after an axis of length `size`, so that ceil(size / stride) pixels come out."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Conv(nn.Conv2d):
    """Convolution with "same" padding, [N, C, H, W] -> [N, filters, ceil(H / stride), ceil(W / stride)].

    Biases start from 0.

    Attributes:
        start: draws the kernels.
        may_reflect: whether `Style.reflect_padding` is meant for this one too.
        reflect: the padding mirrors the picture instead of being 0.
    """

    def __init__(self, channels: int, filters: int, kernel: int = 3, stride: int = 1, *, groups: int = 1,
                 bias: bool = True, start: Start = he_uniform, may_reflect: bool = True) -> None:
        self.start, self.may_reflect, self.reflect = start, may_reflect, False  # first: the base class draws
        padding = kernel // 2 if stride == 1 and kernel % 2 else 0  # the symmetric case needs no copy of the input
        super().__init__(channels, filters, kernel, stride, padding, groups=groups, bias=bias)

    def reset_parameters(self) -> None:
        self.start(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.kernel_size == (1, 1):
            return super().forward(x)
        top, bottom = same_padding(x.shape[2], self.kernel_size[0], self.stride[0])
        left, right = same_padding(x.shape[3], self.kernel_size[1], self.stride[1])
        padding = left, right, top, bottom
        if self.reflect:
            x, padding = functional.pad(x, padding, "reflect"), (0, 0, 0, 0)
        convolve = convolutions.faster(x, self.weight, self.stride[0], padding) if self.groups == 1 else None
        if convolve:
            return convolve(x, self.weight, self.bias, self.stride[0], padding)
        if self.padding != (0, 0) and not self.reflect:
            return super().forward(x)
        x = functional.pad(x, padding) if any(padding) else x
        return functional.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)


class Dense(nn.Linear):
    """Fully connected layer without activation, [N, inputs] -> [N, units]; biases start from 0."""

    def __init__(self, inputs: int, units: int, *, start: Start = glorot_uniform) -> None:
        self.start = start  # first: the base class draws
        super().__init__(inputs, units)

    def reset_parameters(self) -> None:
        self.start(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return products.linear(x, self.weight, self.bias)


class PixelShuffle(nn.Module):
    """Channels become pixels: [N, C * factor**2, H, W] -> [N, C, H * factor, W * factor] (Shi et al. 2016).

    Attributes:
        by_block: which input channels make up output channel c: PyTorch's order takes `factor**2` neighbours,
            c * factor**2 + place; by block takes every C-th, place * C + c, which is TensorFlow's order, and with
            channels-last memory moves runs of C numbers instead of single ones. A fresh model learns the same either
            way.
    """

    def __init__(self, factor: int = 2) -> None:
        super().__init__()
        self.factor, self.by_block = factor, False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.by_block:
            if (torch.is_grad_enabled() and x.device.type == "cpu"
                    and x.is_contiguous(memory_format=torch.channels_last)):
                shuffled: torch.Tensor = _Shuffle.apply(x, self.factor)
                return shuffled
            return functional.pixel_shuffle(x, self.factor)
        faces, channels, height, width = x.shape
        r = self.factor
        x = x.view(faces, r, r, channels // r**2, height, width).permute(0, 4, 1, 5, 2, 3)
        return x.reshape(faces, height * r, width * r, -1).permute(0, 3, 1, 2)


class _Shuffle(torch.autograd.Function):
    """Pixel shuffle of channels-last memory. PyTorch moves its gradient number by number: that takes thrice as long."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, factor: int) -> torch.Tensor:
        ctx.factor = factor
        return functional.pixel_shuffle(x, factor)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        of_y, factor = gradients[0].permute(0, 2, 3, 1), ctx.factor
        places = [of_y[:, i::factor, j::factor] for i in range(factor) for j in range(factor)]
        return torch.stack(places, -1).flatten(3).permute(0, 3, 1, 2), None


class Down(nn.Sequential):
    """Halve height and width: 5x5 convolution with stride 2, then leaky ReLU."""

    def __init__(self, channels: int, filters: int, *, slope: float = LEAKY_SLOPE, start: Start = he_uniform) -> None:
        super().__init__(Conv(channels, filters, 5, 2, start=start), nn.LeakyReLU(slope))


class SeparableDown(nn.Sequential):
    """Halve height and width: 5x5 convolution of each channel by itself, 1x1 convolution, ReLU."""

    def __init__(self, channels: int, filters: int, *, start: Start = he_uniform) -> None:
        super().__init__(Conv(channels, channels, 5, 2, groups=channels, bias=False, start=start, may_reflect=False),
                         Conv(channels, filters, 1, start=start, may_reflect=False), nn.ReLU())


class Up(nn.Sequential):
    """Multiply height and width by `factor`: convolution, leaky ReLU (`slope` 1: none), pixel shuffle."""

    def __init__(self, channels: int, filters: int, kernel: int = 3, *, factor: int = 2, slope: float = LEAKY_SLOPE,
                 start: Start = he_uniform) -> None:
        activation = [nn.LeakyReLU(slope)] if slope != 1 else []
        super().__init__(Conv(channels, filters * factor**2, kernel, start=start), *activation, PixelShuffle(factor))


class SmoothUp(nn.Sequential):
    """Multiply height and width by `factor`: linear 3x3 convolution, then bilinear interpolation."""

    def __init__(self, channels: int, filters: int, factor: int = 2) -> None:
        super().__init__(Conv(channels, filters, may_reflect=False),
                         nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=False))


class HybridUp(nn.Module):
    """Half of the filters from `Up`, half from `SmoothUp`: [N, C, H, W] -> [N, filters, H * factor, W * factor]."""

    def __init__(self, channels: int, filters: int, *, factor: int = 2, slope: float = LEAKY_SLOPE) -> None:
        super().__init__()
        self.sharp = Up(channels, filters // 2, factor=factor, slope=slope)
        self.smooth = SmoothUp(channels, filters // 2, factor)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.sharp(x), self.smooth(x)), 1)


class SummedUp(nn.Module):
    """`Up` and `SmoothUp` with all filters each, added: [N, C, H, W] -> [N, filters, 2 H, 2 W]."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.sharp, self.smooth = Up(channels, filters), SmoothUp(channels, filters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.sharp(x) + self.smooth(x)


class Residual(nn.Module):
    """Two 3x3 convolutions beside the straight way, then leaky ReLU (after He et al. 2016); keeps the shape."""

    def __init__(self, filters: int, *, bias: bool = True, start: Start = he_uniform) -> None:
        super().__init__()
        self.first = Conv(filters, filters, bias=bias, start=start)
        self.second = Conv(filters, filters, bias=bias, start=faint_uniform)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.leaky_relu(self.first(x), STEEPER_SLOPE)
        return functional.leaky_relu(self.second(inner) + x, STEEPER_SLOPE)


class PictureNorm(nn.Module):
    """Mean 0 and spread 1 over all channels and pixels of each picture, then one scale and one shift for all."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(1)), nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(x.float(), dim=(1, 2, 3), correction=0, keepdim=True)
        spread = (variance + 1e-12).sqrt()  # the square root of a flat picture's 0 would have no gradient
        return ((x - mean) / (spread + NORM_EPSILON) * self.scale + self.shift).to(x.dtype)


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation (Ioffe and Szegedy 2015) whose running averages take 1 % of every batch."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=NORM_EPSILON, momentum=0.01)


class Output(nn.Module):
    """The last layer of a decoder: 5x5 convolution and sigmoid; always float32 in [0, 1], whatever came in."""

    def __init__(self, channels: int, filters: int = 3, kernel: int = 5) -> None:
        super().__init__()
        self.conv = Conv(channels, filters, kernel, may_reflect=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.conv(x).float())


class Bottleneck(nn.Module):
    """Flatten, two dense layers, and back to a picture: [N, C, h, w] -> [N, channels, size, size].

    `dropout`: share of the numbers after each dense layer that training sets to 0.
    """

    def __init__(self, inputs: int, units: int, channels: int, size: int, *, dropout: float = 0.0,
                 start: Start = glorot_uniform) -> None:
        super().__init__()
        self.squeeze = Dense(inputs, units, start=start)
        self.expand = Dense(units, channels * size * size, start=start)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.shape = (channels, size, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.expand(self.dropout(self.squeeze(x.flatten(1))))).unflatten(1, self.shape)


def ups(channels: int, *filters: int, kernel: int = 3, start: Start = he_uniform) -> list[nn.Module]:
    """An `Up` to each number of filters, one after the other."""
    return [Up(before, after, kernel, start=start) for before, after in pairwise((channels, *filters))]


def refined_ups(channels: int, *filters: int, kernel: int = 3, first: Start = he_uniform,
                up: Start = he_uniform) -> list[nn.Module]:
    """An `Up` to each number of filters with a `Residual` after it; `first` starts the latter's first convolution."""
    layers: list[nn.Module] = []
    for before, after in pairwise((channels, *filters)):
        layers += [Up(before, after, kernel, slope=STEEPER_SLOPE, start=up), Residual(after, start=first)]
    return layers


def picture(channels: int, *filters: int, outputs: int = 3) -> nn.Sequential:
    """A plain decoder: `ups`, then a picture of `outputs` channels (3: a face, 1: a mask)."""
    return nn.Sequential(*ups(channels, *filters), Output(filters[-1], outputs))
