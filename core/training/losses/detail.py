"""Losses by edges and detail: differences of neighbours, gradients, bands of a pyramid, the spectrum."""

from __future__ import annotations

import torch
from torch.nn import functional

from .blurring import apply, blur
from .pointwise import general

_ALMOST_SQUARED = 1.9999  # alpha of the differences' loss
_FIRST, _SECOND, _SAME = (-0.5, 0.0, 0.5), (1.0, -2.0, 1.0), (1.0,)
# Kroon 2009, "Numerical Optimization of Kernel Based Image Derivatives": Scharr's filter for five pixels, as the sum of
# two that are a column times a row.
_SCHARR = (((-1.0, 0.0, 0.0, 0.0, 1.0), (0.0007, 0.0052, 0.0370, 0.0052, 0.0007)),
           ((0.0, -1.0, 0.0, 1.0, 0.0), (0.0037, 0.1187, 0.2589, 0.1187, 0.0037)))
_GRADIENT_C = 0.0025  # keeps the similarity of faint gradients calm
_TINY = 1e-12
_LEVELS = 5


def gradient_difference(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How much first and second differences of neighbours differ, [N, C, H, W].

    `pointwise.general` of the errors' differences along x and y, twice along x, twice along y, and along both, which
    counts double; half their sum. Differences are central; pictures go on beyond their edge as they end.
    """
    error = y - target
    total = torch.zeros_like(error)
    for down, across, weight in ((_SAME, _FIRST, 1.0), (_FIRST, _SAME, 1.0), (_SAME, _SECOND, 1.0),
                                 (_SECOND, _SAME, 1.0), (_FIRST, _FIRST, 2.0)):
        total = total + weight * general(apply(error, down, across, "edge"), _ALMOST_SQUARED)
    return total / 2


def gradient_dissimilarity(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - the similarity of the strengths of edges (Xue, Zhang, Mou and Bovik 2014, "Gradient Magnitude Similarity
    Deviation", equation 4), [N, C, H, W]; averaged by the mask rather than by its deviation, which no mask can weigh.
    """
    of_y, of_target = _edge_strength(y), _edge_strength(target)
    return 1 - (2 * of_y * of_target + _GRADIENT_C) / (of_y.square() + of_target.square() + _GRADIENT_C)


def _edge_strength(x: torch.Tensor) -> torch.Tensor:
    (far, far_row), (near, near_row) = _SCHARR
    down = apply(x, far, far_row, "edge") + apply(x, near, near_row, "edge")
    across = apply(x, far_row, far, "edge") + apply(x, near_row, near, "edge")
    return (down.square() + across.square() + _TINY).sqrt()


def laplacian(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The errors of the bands of a Laplacian pyramid (Burt and Adelson 1983; as a loss: Bojanowski et al. 2018), as a
    map [N, C, H, W].

    Five levels and what is left below them; level i counts 4^-i. A band is a picture less its gaussian blur (5 pixels,
    sigma 1), the next level that blur at half the size. Coarse bands are enlarged bilinearly.
    """
    rest = y - target  # the pyramid is linear: that of the difference is the difference of the pyramids
    size = rest.shape[2:]
    total = torch.zeros_like(rest)
    for level in range(_LEVELS + 1):
        blurred = blur(rest, 5, 1.0, "edge") if level < _LEVELS else torch.zeros_like(rest)
        band = (rest - blurred).abs()
        if level:
            band = functional.interpolate(band, size, mode="bilinear", align_corners=False)
        total = total + 4.0**-level * band
        if level == _LEVELS or min(blurred.shape[2:]) < 2:
            break
        rest = functional.avg_pool2d(blurred, 2)
    return total


def focal_frequency(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The error of the spectra, those frequencies weighing most that are farthest off (Jiang, Dai, Wu and Loy 2021,
    "Focal Frequency Loss", equations 8 and 9, alpha 1): [N].
    """
    squared = torch.view_as_real(torch.fft.fft2(y - target, norm="ortho")).square().sum(-1)
    with torch.no_grad():
        weight = squared.sqrt()
        weight = weight / weight.amax(dim=(2, 3), keepdim=True).clamp_min(_TINY)
    return (weight * squared).mean(dim=(1, 2, 3))
