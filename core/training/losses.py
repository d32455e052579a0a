"""What training minimises: mean absolute error, structural similarity, and sums of them, weighted by the face mask."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import torch

SSIM_K1, SSIM_K2 = 0.01, 0.03


def absolute_error(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """|y - target| per value."""
    return (y - target).abs()


def dissimilarity(y: torch.Tensor, target: torch.Tensor, window: int = 11, sigma: float = 1.5) -> torch.Tensor:
    """1 - SSIM per value (Wang, Bovik, Sheikh and Simoncelli 2004, "Image Quality Assessment", equation 13).

    Gaussian window, K1 0.01, K2 0.03, range 1, borders reflected; each channel by itself.

    Args:
        y, target: float32 [N, C, H, W] in [0, 1], H and W larger than half the window.
        window: side of the gaussian window in pixels, odd.
        sigma: its standard deviation in pixels.

    Returns:
        float32 [N, C, H, W], 0 where the surroundings agree, at most 2.
    """
    rows, columns = (_blur_matrix(size, window, sigma, y.device) for size in y.shape[2:])

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
def _blur_matrix(size: int, window: int, sigma: float, device: torch.device) -> torch.Tensor:
    """[size, size]: the gaussian along one axis with its reflected borders, as one matrix.

    Two matrix products blur a picture; at these sizes they cost less than a depthwise convolution and its padding.
    """
    radius = window // 2
    weights = np.exp(-np.arange(-radius, radius + 1.0) ** 2 / (2 * sigma**2))
    weights /= weights.sum()
    source = np.pad(np.arange(size), radius, mode="reflect")
    matrix = np.zeros((size, size))
    for row in range(size):
        np.add.at(matrix[row], source[row: row + window], weights)
    return torch.tensor(matrix, dtype=torch.float32, device=device)


TERMS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "mae": absolute_error,
    "ssim": dissimilarity,
    "ssim5": partial(dissimilarity, window=5, sigma=1.0),  # finer detail, for small pictures
}


class FaceLoss:
    """A weighted sum of terms, averaged over all pixels of a face.

    Args:
        name: terms of `TERMS` joined by "+", each with an optional factor: "ssim+mae", "ssim+0.5*mae".
        penalized: multiply each term's map by the face mask, so that only what lies inside is learned. The average
            still runs over all pixels, so a large face in the crop weighs more than a small one.
        mask_floor: the mask's weights run from this to 1 instead of from 0.

    Raises:
        KeyError, ValueError: unknown term, or a factor that is no number.
    """

    def __init__(self, name: str, penalized: bool, mask_floor: float = 0.0) -> None:
        self.terms = [_term(part) for part in name.split("+")]
        self.name, self.penalized, self.mask_floor = name, penalized, mask_floor

    def __call__(self, y: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The loss of each face.

        Args:
            y, target: float32 [N, 3, H, W], RGB in [0, 1].
            mask: float32 [N, 1, H, W] in [0, 1].

        Returns:
            float32 [N].
        """
        total = torch.zeros(len(y), device=y.device)
        weight = mask * (1 - self.mask_floor) + self.mask_floor if self.mask_floor else mask
        for factor, term in self.terms:
            error = term(y, target)
            if self.penalized:
                error = error * weight
            total = total + factor * error.mean(dim=(1, 2, 3))
        return total


def _term(part: str) -> tuple[float, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]:
    factor, _, name = part.rpartition("*")
    return float(factor or 1), TERMS[name]
