"""What training minimises: mean absolute error, structural similarity, and sums of them, weighted by the face mask."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch

SSIM_WINDOW, SSIM_SIGMA, SSIM_K1, SSIM_K2 = 11, 1.5, 0.01, 0.03


def absolute_error(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """|y - target| per value."""
    return (y - target).abs()


def dissimilarity(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - SSIM per value (Wang, Bovik, Sheikh and Simoncelli 2004, "Image Quality Assessment", equation 13).

    Gaussian window of 11x11 with sigma 1.5, K1 0.01, K2 0.03, range 1, borders reflected; each channel by itself.

    Args:
        y, target: float32 [N, C, H, W] in [0, 1], H and W at least 6.

    Returns:
        float32 [N, C, H, W], 0 where the surroundings agree, at most 2.
    """
    rows, columns = _blur_matrix(y.shape[2], y.device), _blur_matrix(y.shape[3], y.device)

    def blur(x: torch.Tensor) -> torch.Tensor:
        return rows @ x @ columns.T

    mean_y, mean_t = blur(y), blur(target)
    variance_y = blur(y * y) - mean_y * mean_y
    variance_t = blur(target * target) - mean_t * mean_t
    covariance = blur(y * target) - mean_y * mean_t
    c1, c2 = SSIM_K1**2, SSIM_K2**2
    luminance = (2 * mean_y * mean_t + c1) / (mean_y**2 + mean_t**2 + c1)
    contrast = (2 * covariance + c2) / (variance_y + variance_t + c2)
    return 1 - luminance * contrast


@lru_cache(maxsize=16)
def _blur_matrix(size: int, device: torch.device) -> torch.Tensor:
    """[size, size]: the gaussian along one axis with its reflected borders, as one matrix.

    Two matrix products blur a picture; at these sizes they cost less than a depthwise convolution and its padding.
    """
    radius = SSIM_WINDOW // 2
    window = np.exp(-np.arange(-radius, radius + 1.0) ** 2 / (2 * SSIM_SIGMA**2))
    window /= window.sum()
    source = np.pad(np.arange(size), radius, mode="reflect")
    matrix = np.zeros((size, size))
    for row in range(size):
        np.add.at(matrix[row], source[row: row + SSIM_WINDOW], window)
    return torch.tensor(matrix, dtype=torch.float32, device=device)


TERMS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {"mae": absolute_error, "ssim": dissimilarity}


class FaceLoss:
    """A weighted sum of terms, averaged over all pixels of a face.

    Args:
        name: terms of `TERMS` joined by "+", each with an optional factor: "ssim+mae", "ssim+0.5*mae".
        penalized: multiply each term's map by the face mask, so that only what lies inside is learned. The average
            still runs over all pixels, so a large face in the crop weighs more than a small one.

    Raises:
        KeyError, ValueError: unknown term, or a factor that is no number.
    """

    def __init__(self, name: str, penalized: bool) -> None:
        self.terms = [_term(part) for part in name.split("+")]
        self.name, self.penalized = name, penalized

    def __call__(self, y: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The loss of each face.

        Args:
            y, target: float32 [N, 3, H, W], RGB in [0, 1].
            mask: float32 [N, 1, H, W] in [0, 1].

        Returns:
            float32 [N].
        """
        total = torch.zeros(len(y), device=y.device)
        for factor, term in self.terms:
            error = term(y, target)
            if self.penalized:
                error = error * mask
            total = total + factor * error.mean(dim=(1, 2, 3))
        return total


def _term(part: str) -> tuple[float, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]:
    factor, _, name = part.rpartition("*")
    return float(factor or 1), TERMS[name]
