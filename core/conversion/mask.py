"""The mask that joins a swapped face to its frame: threshold, blur, erosion, and the box that hides the crop's edge.

All masks here are float32 [S, S], 0..1, in pixels of the model's output.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from ..options.convert_look import ConvertLookOptions

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
            mask = cv2.GaussianBlur(mask, (width, width), gaussian_sigma(width))
        else:
            mask = cv2.blur(mask, (width, width))
    return mask


def gaussian_sigma(width: int) -> float:
    """OpenCV's own sigma for a gaussian kernel of `width` pixels."""
    return 0.3 * ((width - 1) * 0.5 - 1) + 0.8


def thresholded(mask: np.ndarray, percent: float) -> np.ndarray:
    """`mask` with 0 where it lies below `percent` of its range, and 1 where it lies above the rest."""
    edge = percent / 100.0
    return np.where(mask < edge, np.float32(0), np.where(mask > 1.0 - edge, np.float32(1), mask)).astype(np.float32)


def extent(mask: np.ndarray) -> float:
    """Half the side in pixels of a square as large as the mask: what erosion is a share of."""
    return float(np.sqrt(mask.sum(dtype=np.float64))) / 2.0


def erode(mask: np.ndarray, percent: float) -> np.ndarray:
    """`mask` shrunk (percent > 0) or widened (< 0) with a round kernel.

    The kernel's width is int(|percent| / 100 * extent) pixels, made odd so that the mask stays in place.
    """
    width = int(abs(percent) / 100.0 * extent(mask))
    if width < 1:
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width | 1, width | 1))
    return cv2.erode(mask, kernel) if percent > 0 else cv2.dilate(mask, kernel)


def erode_side(mask: np.ndarray, percent: float, side: str, reach: float) -> np.ndarray:
    """One side's edges of `mask` moved inwards (percent > 0) or outwards (< 0), the other edges left where they are.

    Args:
        side: "left", "top", "right" or "bottom".
        reach: see `extent`; the kernel is a line of int(|percent| / 100 * reach) pixels that ends at its pixel, so the
            edge moves by one pixel less.
    """
    width = int(abs(percent) / 100.0 * reach)
    if width < 2:
        return mask
    across, first = side in ("left", "right"), side in ("left", "top")
    kernel: np.ndarray = np.ones((1, width) if across else (width, 1), np.uint8)
    # Eroding the left side looks back to the left from each pixel, and widening it, ahead to the right.
    end = width - 1 if first == (percent > 0) else 0
    anchor = (end, 0) if across else (0, end)
    return cv2.erode(mask, kernel, anchor=anchor) if percent > 0 else cv2.dilate(mask, kernel, anchor=anchor)


def box(size: int, kind: str = "gaussian", distance: float = 3.125, radius: float = 6.0,
        passes: int = 1) -> np.ndarray:
    """1 within a border and 0 in it, blurred, so that no mask ends at the crop's straight edge.

    Args:
        size: side of the crop in pixels.
        kind: of blur, as in `blur`.
        distance: width of the border, int(distance % of the side) + 1 pixels.
        radius: of the first blur, in % of the root of the box's area, at least 1 pixel.
        passes: see `blur`.
    """
    border = int(size * distance / 100.0) + 1
    mask: np.ndarray = np.zeros((size, size), np.float32)
    mask[border:size - border, border:size - border] = 1.0
    return blur(mask, kind, 2 * max(1, round(radius / 100.0 * float(np.sqrt(mask.sum())))) + 1, passes)


def blended(raw: np.ndarray, options: ConvertLookOptions, with_box: bool = True) -> np.ndarray:
    """The mask that is blended with: `raw` eroded, all round and then side by side, and no greater than the box."""
    reach, mask = extent(raw), erode(raw, options.erosion)
    for side in ("left", "top", "right", "bottom"):
        mask = erode_side(mask, getattr(options, f"erosion_{side}"), side, reach)
    if with_box:
        kind = options.box_blur
        if kind == "auto":
            kind = "none" if options.mask_blur == "none" else "gaussian"
        mask = np.minimum(mask, _box(mask.shape[0], kind, options.box_distance, options.box_radius,
                                     options.box_passes))
    return np.clip(mask, 0.0, 1.0)


_box = lru_cache(maxsize=8)(box)  # the same for every face of a conversion
