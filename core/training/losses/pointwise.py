"""Losses that compare pixel with pixel.

Here and in the files beside, `y` is the picture as made and `target` as it should be: float32 [N, 3, H, W], RGB in
[0, 1]. Functions return a map of errors [N, C, H, W] that a mask can weigh, or one number per picture [N].
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

# Errors well below it count by their square, those above by their amount: one step of an 8-bit picture.
_STEP = 1 / 255


def absolute_error(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """|y - target|."""
    return (y - target).abs()


def squared_error(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(y - target)²."""
    return (y - target).square()


def log_cosh(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """log cosh(y - target), in a form that does not overflow."""
    error = y - target
    return error + functional.softplus(-2 * error) - math.log(2)


def smooth(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """`general` for alpha 1: the absolute error with its tip rounded off."""
    return general(y - target, 1.0)


def general(error: torch.Tensor, alpha: float) -> torch.Tensor:
    """Barron's general robust loss (2019, "A General and Adaptive Robust Loss Function", equation 1), times its scale.

    Args:
        error: any shape.
        alpha: its form, neither 0 nor 2: 1 grows with the error, close to 2 with its square.
    """
    bend = abs(alpha - 2)
    squared = (error / _STEP).square() / bend
    return _STEP * bend / alpha * torch.expm1(alpha / 2 * torch.log1p(squared))


def largest_error(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The largest |y - target| of each channel, averaged over the channels: [N]."""
    return (y - target).abs().amax(dim=(2, 3)).mean(dim=1)
