"""Separable filters as matrices: two products blur a whole batch, borders included.

At the sizes of training pictures they cost less than a depthwise convolution and its padding, on processors above all.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch


def gaussian(window: int, sigma: float) -> tuple[float, ...]:
    """The weights of a gaussian of `sigma` pixels at `window` (odd) places about its middle, their sum 1."""
    weights = np.exp(-np.arange(-(window // 2), window // 2 + 1.0) ** 2 / (2 * sigma**2))
    return tuple(weights / weights.sum())


@cache  # one for each size and filter; a recorded step (see `recording`) reads them where they lie
def matrix(size: int, weights: tuple[float, ...], border: str, device: torch.device) -> torch.Tensor:
    """float32 [size, size]: the filter `weights` (odd count, middle first at 0) along one axis.

    Args:
        border: how pictures go on beyond their edge, as `numpy.pad` calls it: "reflect" or "edge".
    """
    radius = len(weights) // 2
    source = np.pad(np.arange(size), radius, mode=border)  # type: ignore[call-overload]  # a mode, not typed as one
    filtered = np.zeros((size, size))
    for row in range(size):
        np.add.at(filtered[row], source[row: row + len(weights)], weights)
    return torch.tensor(filtered, dtype=torch.float32, device=device)


def apply(x: torch.Tensor, down: tuple[float, ...], across: tuple[float, ...], border: str) -> torch.Tensor:
    """`x`, float32 [N, C, H, W], filtered by `down` along its columns and by `across` along its rows."""
    height, width = x.shape[2:]
    return matrix(height, down, border, x.device) @ x @ matrix(width, across, border, x.device).T


def blur(x: torch.Tensor, window: int, sigma: float, border: str = "reflect") -> torch.Tensor:
    """`x`, float32 [N, C, H, W], under a gaussian window."""
    weights = gaussian(window, sigma)
    return apply(x, weights, weights, border)
