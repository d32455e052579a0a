"""Initial values of kernels and weights: the distributions that the trainers name, convolution-aware, and ICNR.

Each takes a tensor and overwrites it in place, with random numbers from torch's global generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

Start = Callable[[torch.Tensor], object]

AWARE_NOISE = 0.05  # standard deviation, keeps the filters of a convolution-aware start from being exactly orthogonal
_BASES_AT_ONCE = 1 << 16  # bounds the memory of a convolution-aware start to tens of megabytes

# He et al. 2015, "Delving Deep into Rectifiers", and Glorot and Bengio 2010.
he_uniform: Start = partial(nn.init.kaiming_uniform_, nonlinearity="relu")
glorot_uniform: Start = nn.init.xavier_uniform_
normal_02: Start = partial(nn.init.normal_, std=0.02)


def faint_uniform(weight: torch.Tensor) -> None:
    """Uniform with variance 0.2 / fan-in: a residual block starts close to its straight way."""
    bound = math.sqrt(3 * 0.2 / _fan_in(weight))
    nn.init.uniform_(weight, -bound, bound)


def _fan_in(weight: torch.Tensor) -> int:
    return weight[0].numel()


@torch.no_grad()
def convolution_aware(weight: torch.Tensor) -> None:
    """Filters that are orthogonal in the Fourier domain (Aghajanyan 2017, "Convolution Aware Initialization").

    The kernels over the input channels of each filter are the inverse transforms of orthonormal vectors, as many as the
    half spectrum of a kernel has places, then of further such sets; plus noise, and all scaled to variance 2 / fan-in.
    Computed on the processor wherever `weight` [filters, channels, height, width] lies.
    """
    filters, channels, height, width = weight.shape
    places = (height, width // 2 + 1)
    length = places[0] * places[1]
    if length == 1:  # a 1x1 kernel has no spectrum worth the name
        nn.init.normal_(weight, std=math.sqrt(2 / _fan_in(weight)))
        return
    sets = -(-channels // length)
    bases = torch.cat([_orthonormal(min(_BASES_AT_ONCE, filters * sets - start), length)
                       for start in range(0, filters * sets, _BASES_AT_ONCE)])
    spectra = bases.view(filters, sets * length, *places)[:, :channels]
    kernels = torch.fft.irfft2(spectra, s=(height, width))
    kernels += torch.randn(kernels.shape) * AWARE_NOISE
    weight.copy_(kernels * torch.sqrt(2 / _fan_in(weight) / kernels.var(correction=0)))


def _orthonormal(count: int, length: int) -> torch.Tensor:
    """[count, length, length]: rows of random orthonormal bases, the eigenvectors of random symmetric matrices."""
    square = torch.randn(count, length, length)
    return torch.linalg.eigh(square + square.mT).eigenvectors.mT


@torch.no_grad()
def icnr(weight: torch.Tensor, start: Start, factor: int, by_block: bool) -> None:
    """The same kernel for all channels that a pixel shuffle lays side by side, so that upscaling starts as a repetition
    of pixels, without a checkerboard (Aitken et al. 2017, "Checkerboard artifact free sub-pixel convolution").

    Args:
        weight: [filters x factor**2, channels, height, width].
        start: draws the kernels that are repeated.
        factor, by_block: of the pixel shuffle.
    """
    repeats = factor**2
    kernels = torch.empty_like(weight[: len(weight) // repeats])
    start(kernels)
    weight.copy_(kernels.repeat(repeats, 1, 1, 1) if by_block else kernels.repeat_interleave(repeats, 0))
