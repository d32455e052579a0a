"""The mask that joins a swapped face to its frame: blur, erosion and the box that hides the crop's edge.

All masks here are float32 [S, S], 0..1, in pixels of the model's output.
"""

from __future__ import annotations

import cv2
import numpy as np

_KERNEL_SHRINK = {"gaussian": 0.8, "normalized": 0.5}


def blur_kernels(kind: str, kernel: int, passes: int) -> list[int]:
    """Widths in pixels of the successive blurs: odd, each the former times 0.8 (gaussian) or 0.5 (box), rounded.

    Even widths become the next odd one; widths of 1 blur nothing and end the list.
    """
    widths: list[int] = []
    width = kernel | 1
    while kind != "none" and len(widths) < passes and width > 1:
        widths.append(width)
        width = round(width * _KERNEL_SHRINK[kind]) | 1
    return widths


def blur(mask: np.ndarray, kind: str, kernel: int, passes: int) -> np.ndarray:
    """`mask` blurred `passes` times.

    Args:
        kind: "gaussian" (sigma 0.3 ((k - 1) / 2 - 1) + 0.8 for width k, OpenCV's rule), "normalized" (box mean) or
            "none". Beyond the edge the picture is mirrored about its border pixels.
        kernel: width of the first blur in pixels.
        passes: how many blurs follow each other (see `blur_kernels`).
    """
    for width in blur_kernels(kind, kernel, passes):
        if kind == "gaussian":
            mask = cv2.GaussianBlur(mask, (width, width), _sigma(width))
        else:
            mask = cv2.blur(mask, (width, width))
    return mask


def _sigma(width: int) -> float:
    return 0.3 * ((width - 1) * 0.5 - 1) + 0.8


def erode(mask: np.ndarray, percent: float) -> np.ndarray:
    """`mask` shrunk (percent > 0) or widened (< 0) with a round kernel.

    The kernel's width is int(|percent| / 100 * sqrt(sum(mask)) / 2) pixels, made odd so that the mask stays in place.
    """
    width = int(abs(percent) / 100.0 * float(np.sqrt(mask.sum(dtype=np.float64))) / 2.0)
    if width < 1:
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width | 1, width | 1))
    return cv2.erode(mask, kernel) if percent > 0 else cv2.dilate(mask, kernel)


def box(size: int, soft: bool) -> np.ndarray:
    """1 inside a border of size // 32 + 1 pixels and 0 in it, so that no mask ends at the crop's straight edge.

    Args:
        size: side of the crop in pixels.
        soft: blur the box (gaussian, radius 6 % of the root of its area, at least 1 pixel).
    """
    border = size // 32 + 1
    mask: np.ndarray = np.zeros((size, size), np.float32)
    mask[border:size - border, border:size - border] = 1.0
    if soft:
        radius = max(1, round(0.06 * float(np.sqrt(mask.sum()))))
        width = 2 * radius + 1
        mask = cv2.GaussianBlur(mask, (width, width), _sigma(width))
    return mask


def blended(raw: np.ndarray, *, erosion: float = 0.0, with_box: bool = True, soft_box: bool = True) -> np.ndarray:
    """The mask that is blended with: `raw` eroded and, unless `with_box` is off, no greater than the box."""
    mask = erode(raw, erosion)
    if with_box:
        mask = np.minimum(mask, box(mask.shape[0], soft_box))
    return np.clip(mask, 0.0, 1.0)
