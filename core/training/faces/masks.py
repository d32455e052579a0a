"""Masks as training wants them: stored ones widened, cleaned and softened; those of eyes and mouth drawn."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...conversion.mask import blur
from ...extraction.maskers.landmark import draw_hulls

# 68-point indices whose convex hulls the parts of a face fill.
PARTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "eyes": (tuple(range(36, 42)), tuple(range(42, 48))),
    "mouth": (tuple(range(48, 60)),),
}
_PART_DILATION = 2.5  # percent of the crop's side
_BLUR_SIZE = 128  # side in pixels for which blur kernels are told


@dataclass(frozen=True)
class MaskWork:
    """What is done to a face's mask before it weights the loss.

    Attributes:
        dilation: width of the round kernel that widens the mask, in percent of its side; below 0 it shrinks.
        threshold: percent; what is within so much of black or white becomes so. Stored masks only.
        blur_kernel: width of a gaussian blur in pixels of a mask of 128 px, even widths become the next odd one; 0:
            none. Stored masks only.
    """

    dilation: float = 0.0
    threshold: int = 0
    blur_kernel: int = 0

    def stored(self, mask: np.ndarray) -> np.ndarray:
        """Work on a mask of a network or a person, uint8 [S, S] as it was stored."""
        mask = clean(dilate(mask, self.dilation), self.threshold)
        return blur(mask, "gaussian", round((self.blur_kernel | 1) * mask.shape[0] / _BLUR_SIZE), 1) \
            if self.blur_kernel else mask

    def drawn(self, mask: np.ndarray) -> np.ndarray:
        """Work on a mask that was drawn from the landmarks, uint8 [S, S]: there are no specks, and edges are soft."""
        return dilate(mask, self.dilation)


def dilate(mask: np.ndarray, percent: float) -> np.ndarray:
    """`mask`, uint8 [S, S], widened with a round kernel; below 0 shrunk.

    The kernel's width is |percent| of S, rounded and made odd so that the mask stays in its place.
    """
    width = round(mask.shape[0] * abs(percent) / 100)
    if width < 1:
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width | 1, width | 1))
    return cv2.dilate(mask, kernel) if percent > 0 else cv2.erode(mask, kernel)


def clean(mask: np.ndarray, percent: float) -> np.ndarray:
    """`mask`, uint8, with t = percent of 255: what is below t becomes 0, what is above 255 - t becomes 255."""
    t = percent / 100 * 255
    levels = np.arange(256)
    return cv2.LUT(mask, np.where(levels < t, 0, np.where(levels > 255 - t, 255, levels)).astype(np.uint8))


def part(points: np.ndarray, size: int, name: str) -> np.ndarray:
    """The mask of a part of the face whose loss counts more.

    Args:
        points: [68, 2] in the pixels of the crop, centres at integers.
        size: side of the crop.
        name: "eyes" or "mouth".

    Returns:
        uint8 [size, size]: the hull of the part's landmarks, widened by 2.5 % of the side, its edge blurred.
    """
    mask = dilate(draw_hulls(points, size, PARTS[name]), _PART_DILATION)
    return blur(mask, "gaussian", size // 16 | 1, 1)
