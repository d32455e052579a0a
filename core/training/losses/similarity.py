"""Losses by structural similarity: what the surroundings of two pixels have in common."""

from __future__ import annotations

import torch
from torch.nn import functional

from .blurring import blur

_C1, _C2 = 0.01**2, 0.03**2  # K1 0.01, K2 0.03 for values from 0 to 1
_WINDOW, _SIGMA = 11, 1.5
# Exponents of the scales, from the finest on (Wang, Simoncelli and Bovik 2003, section 3.2).
_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_LEAST = 1e-4  # below it a power of a similarity has no gradient to speak of, and at 0 an infinite one


def dissimilarity(y: torch.Tensor, target: torch.Tensor, window: int = _WINDOW, sigma: float = _SIGMA) -> torch.Tensor:
    """1 - SSIM per value (Wang, Bovik, Sheikh and Simoncelli 2004, "Image Quality Assessment", equation 13).

    Gaussian window, borders reflected; each channel by itself.

    Args:
        window: side of the gaussian window in pixels, odd, at most twice the picture's side less one.
        sigma: its standard deviation in pixels.

    Returns:
        float32 [N, C, H, W], 0 where the surroundings agree, at most 2.
    """
    luminance, contrast = _similarities(y, target, window, sigma)
    return 1 - luminance * contrast


def fine_dissimilarity(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """`dissimilarity` under a window of 5 pixels, for the detail of small pictures."""
    return dissimilarity(y, target, 5, 1.0)


def multiscale_dissimilarity(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - MS-SSIM per value (Wang, Simoncelli and Bovik 2003), [N, C, H, W].

    Five scales, each half the one before. The paper multiplies the means of the scales; here they are multiplied place
    by place, coarse ones enlarged bilinearly, so that a mask can weigh the result. The window shrinks where the
    coarsest scale is smaller than it.
    """
    size = y.shape[2:]
    window = max(3, min(_WINDOW, (min(size) >> len(_SCALES) - 1) - 1 | 1))
    product: torch.Tensor | None = None
    for scale, exponent in enumerate(_SCALES):
        luminance, contrast = _similarities(y, target, window, _SIGMA)
        last = scale == len(_SCALES) - 1
        similarity = (luminance * contrast if last else contrast).clamp_min(_LEAST) ** exponent
        if scale:
            similarity = functional.interpolate(similarity, size, mode="bilinear", align_corners=False)
        product = similarity if product is None else product * similarity
        if not last:
            y, target = functional.avg_pool2d(y, 2), functional.avg_pool2d(target, 2)
    assert product is not None
    return 1 - product


def _similarities(y: torch.Tensor, target: torch.Tensor, window: int, sigma: float,
                  ) -> tuple[torch.Tensor, torch.Tensor]:
    """How alike the surroundings of each value are in their mean, and in contrast and structure."""
    mean_y, mean_t = blur(y, window, sigma), blur(target, window, sigma)
    product, squares = mean_y * mean_t, mean_y * mean_y + mean_t * mean_t
    covariance = blur(y * target, window, sigma) - product
    variances = blur(y * y + target * target, window, sigma) - squares  # only their sum is needed
    luminance = (2 * product + _C1) / (squares + _C1)
    contrast = (2 * covariance + _C2) / (variances + _C2)
    return luminance, contrast
