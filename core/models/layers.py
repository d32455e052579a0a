"""The building blocks of the swap models: padding, activations and initial values as the field's trainers have them.

Tensors are [N, C, H, W]. "Same" padding is TensorFlow's: an even input under a 5x5 kernel with stride 2 is padded by
one pixel before and two after, which differs from PyTorch's symmetric `padding=2` by half an output pixel.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

LEAKY_SLOPE = 0.1


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels to add before and after an axis of length `size`, so that ceil(size / stride) pixels come out."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Conv(nn.Conv2d):
    """Convolution with "same" padding and a bias, [N, C, H, W] -> [N, filters, ceil(H / stride), ceil(W / stride)].

    Kernels start from He's uniform distribution (He et al. 2015, "Delving Deep into Rectifiers"), biases from 0.
    """

    def __init__(self, channels: int, filters: int, kernel: int = 3, stride: int = 1, *, groups: int = 1,
                 bias: bool = True) -> None:
        padding = kernel // 2 if stride == 1 and kernel % 2 else 0  # the symmetric case needs no copy of the input
        super().__init__(channels, filters, kernel, stride, padding, groups=groups, bias=bias)

    def reset_parameters(self) -> None:
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.padding == (0, 0) and self.kernel_size != (1, 1):
            top, bottom = same_padding(x.shape[2], self.kernel_size[0], self.stride[0])
            left, right = same_padding(x.shape[3], self.kernel_size[1], self.stride[1])
            x = functional.pad(x, (left, right, top, bottom))
        return super().forward(x)


class Dense(nn.Linear):
    """Fully connected layer without activation, [N, inputs] -> [N, units].

    Weights start from Glorot's uniform distribution (Glorot and Bengio 2010), biases from 0.
    """

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class Down(nn.Sequential):
    """Halve height and width: 5x5 convolution with stride 2, then leaky ReLU."""

    def __init__(self, channels: int, filters: int, *, slope: float = LEAKY_SLOPE) -> None:
        super().__init__(Conv(channels, filters, 5, 2), nn.LeakyReLU(slope))


class Up(nn.Sequential):
    """Double height and width: convolution to four times the filters, leaky ReLU, pixel shuffle (Shi et al. 2016)."""

    def __init__(self, channels: int, filters: int, kernel: int = 3, *, slope: float = LEAKY_SLOPE) -> None:
        super().__init__(Conv(channels, filters * 4, kernel), nn.LeakyReLU(slope), nn.PixelShuffle(2))


class Output(nn.Module):
    """The last layer of a decoder: 5x5 convolution and sigmoid; always float32 in [0, 1], whatever came in."""

    def __init__(self, channels: int, filters: int = 3, kernel: int = 5) -> None:
        super().__init__()
        self.conv = Conv(channels, filters, kernel)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.conv(x).float())


class Bottleneck(nn.Module):
    """Flatten, two dense layers, and back to a picture: [N, C, h, w] -> [N, channels, size, size]."""

    def __init__(self, inputs: int, units: int, channels: int, size: int) -> None:
        super().__init__()
        self.squeeze = Dense(inputs, units)
        self.expand = Dense(units, channels * size * size)
        self.shape = (channels, size, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.expand(self.squeeze(x.flatten(1))).unflatten(1, self.shape)
