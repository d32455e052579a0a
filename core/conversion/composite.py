"""Laying swapped faces back over their frame: `compose` -> `Layer`, and the two pictures made of it.

Only the part of the frame that a face can reach is touched. A patch is sampled through the same matrix that cut the
crop (frame pixel -> patch pixel), shifted by whole frame pixels to that part, so nothing is rounded to the pixel grid;
OpenCV itself resolves positions to 1/32 of a patch pixel.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..media.depth import decode, depth_of, steps
from .nouns import ConvertedFrame, Layer, Patch

Box = tuple[int, int, int, int]
_TOPS = {8: 255.0, 16: 65535.0, 32: 1.0}  # white, and full coverage, by depth
_CUBIC_REACH = 2  # patch pixels beyond its edge in which cubic sampling still sees the patch
_FRINGE = 8  # frame pixels around the mask that get its colour under alpha 0, against dark fringes when resampled


def scaled(matrix: np.ndarray, size: int, percent: float) -> np.ndarray:
    """The crop's matrix with the face enlarged by `percent` about the crop's centre, (size - 1) / 2."""
    factor = 1.0 - percent / 100.0
    result = matrix * factor
    result[:, 2] += (1.0 - factor) * (size - 1) / 2.0
    return result


def reach(matrix: np.ndarray, size: int, width: int, height: int) -> Box | None:
    """The part (x, y, w, h) of a width x height frame that a patch of `size` pixels can touch; None: none of it."""
    low, high = -float(_CUBIC_REACH), size - 1.0 + _CUBIC_REACH
    corners = np.array([[low, low], [low, high], [high, high], [high, low]])
    inverse = np.linalg.inv(matrix[:, :2])
    points = (corners - matrix[:, 2]) @ inverse.T
    x0, y0 = np.maximum(np.floor(points.min(axis=0)), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(points.max(axis=0)) + 1, (width, height)).astype(int)
    return (int(x0), int(y0), int(x1 - x0), int(y1 - y0)) if x1 > x0 and y1 > y0 else None


def warp_back(patch: Patch, area: Box) -> tuple[np.ndarray, np.ndarray]:
    """A patch sampled at the frame pixels of `area`.

    Sampling is cubic, which gives a patch of the frame's own scale back almost unchanged; one that is much larger is
    averaged down first (halved exactly until less than a factor of 1.5 is left). The mask is 0 beyond the patch; the
    colour goes on as at its edge, so it is right wherever the mask is > 0.
    Every frame pixel is the mean of `patch.samples` samples along each axis, spread evenly over its area.

    Returns:
        (float32 [h, w, 3] RGB 0..1, float32 [h, w] mask 0..1).
    """
    rgb, mask, samples = patch.rgb, patch.mask, patch.samples
    matrix = finer(patch.matrix.astype(np.float64), samples)
    while _scale(matrix) >= 1.5 and rgb.shape[0] % 2 == 0:
        half = (rgb.shape[1] // 2, rgb.shape[0] // 2)
        rgb = cv2.resize(rgb, half, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(mask, half, interpolation=cv2.INTER_AREA)
        matrix = matrix / 2.0
        matrix[:, 2] -= 0.25  # pixel centres: x' = (x + 0.5) / 2 - 0.5
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    x, y, w, h = (side * samples for side in area)
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (x, y)
    rgb = cv2.warpAffine(rgb, shifted, (w, h), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(mask, shifted, (w, h), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0.0)
    rgb, mask = np.clip(rgb, 0.0, 1.0), np.clip(mask, 0.0, 1.0)
    if samples > 1:
        # What a pixel shows is the mean of its covered samples: colour counts as far as the mask does.
        weight = cv2.resize(mask, area[2:], interpolation=cv2.INTER_AREA)
        plain = cv2.resize(rgb, area[2:], interpolation=cv2.INTER_AREA)
        covered = cv2.resize(rgb * mask[..., None], area[2:], interpolation=cv2.INTER_AREA)
        rgb = np.where(weight[..., None] > 1e-4, covered / np.maximum(weight, 1e-4)[..., None], plain)
        mask = weight
    return rgb, mask


def finer(matrix: np.ndarray, samples: int) -> np.ndarray:
    """The matrix for a frame whose pixels are divided into `samples` along each axis; u -> (u + .5) / samples - .5."""
    result = matrix / samples
    result[:, 2] = matrix[:, 2] + matrix[:, :2].sum(axis=1) * (0.5 / samples - 0.5)
    return result


def _scale(matrix: np.ndarray) -> float:
    """Patch pixels per frame pixel."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def compose(patches: tuple[Patch, ...], width: int, height: int, depth: int = 8) -> Layer | None:
    """All patches of a frame as one layer; a later one lies over those before it.

    With premultiplied colour P and alpha A, each patch of colour c and mask m is laid over by
    P <- P (1 - m) + c m and A <- A (1 - m) + m (Porter & Duff 1984, "over"), which over any frame f gives the same as
    f <- f (1 - m) + c m done patch by patch.

    Args:
        depth: 8, 16 or 32: of the frame.
    """
    pieces = []
    for patch in patches:
        if depth == 32:
            patch = replace(patch, rgb=decode(patch.rgb))
        area = reach(patch.matrix, patch.mask.shape[0], width, height)
        if area is not None:
            pieces.append((area, *warp_back(patch, area)))
    if not pieces:
        return None
    if len(pieces) == 1:
        area, rgb, mask = pieces[0]
        return Layer(area, rgb, steps(mask, depth))
    x, y, w, h = area = _union([piece[0] for piece in pieces])
    colour, alpha = np.zeros((h, w, 3), np.float32), np.zeros((h, w), np.float32)
    for (px, py, pw, ph), rgb, mask in pieces:
        part = np.s_[py - y:py - y + ph, px - x:px - x + pw]
        colour[part] = colour[part] * (1.0 - mask[..., None]) + rgb * mask[..., None]
        alpha[part] = alpha[part] * (1.0 - mask) + mask
    straight = np.clip(colour / np.maximum(alpha, 1e-6)[..., None], 0.0, 1.0)
    return Layer(area, straight, steps(alpha, depth))


def _union(boxes: list[Box]) -> Box:
    x0, y0 = min(b[0] for b in boxes), min(b[1] for b in boxes)
    x1, y1 = max(b[0] + b[2] for b in boxes), max(b[1] + b[3] for b in boxes)
    return x0, y0, x1 - x0, y1 - y0


def _part(layer: Layer) -> tuple[slice, slice]:
    x, y, w, h = layer.box
    return np.s_[y:y + h, x:x + w]


def full_frame(converted: ConvertedFrame) -> np.ndarray:
    """[H, W, 3] RGB of the frame's dtype: the whole picture; where the layer's alpha is 0 it is the source's bits."""
    pixels, layer = converted.frame.pixels, converted.layer
    if layer is None:
        return pixels
    result = pixels.copy()
    top = _TOPS[depth_of(pixels)]
    part = result[_part(layer)]
    below = part.astype(np.float32)
    weight = (layer.alpha.astype(np.float32) / top)[..., None]
    mixed = below + (layer.rgb * top - below) * weight
    if pixels.dtype != np.float32:
        mixed = np.rint(mixed).astype(pixels.dtype)
    np.copyto(part, mixed, where=weight > 0)
    return result


def overlay(converted: ConvertedFrame) -> np.ndarray:
    """[H, W, 4] RGBA of the frame's dtype with straight alpha: the swapped faces alone, black and clear elsewhere.

    Close around a face, the nearest colour of the mask's edge lies under alpha 0: whoever scales or moves the picture
    mixes neighbouring pixels, and black there would show as a dark fringe.
    """
    height, width = converted.frame.pixels.shape[:2]
    layer = converted.layer
    result = np.zeros((height, width, 4), converted.frame.pixels.dtype)
    if layer is not None and layer.alpha.any():
        part = result[_part(layer)]
        top = _TOPS[depth_of(result)]
        rgb = layer.rgb if result.dtype == np.float32 else np.rint(layer.rgb * top).astype(result.dtype)
        part[..., :3] = _with_fringe(rgb, layer.alpha)
        part[..., 3] = layer.alpha
    return result


def mask(converted: ConvertedFrame) -> np.ndarray:
    """[H, W] of the frame's dtype: how much of each pixel is replaced, as in the overlay's alpha."""
    result = np.zeros(converted.frame.pixels.shape[:2], converted.frame.pixels.dtype)
    if converted.layer is not None:
        result[_part(converted.layer)] = converted.layer.alpha
    return result


def _with_fringe(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours kept where alpha > 0, spread from there over `_FRINGE` pixels, and 0 beyond."""
    solid = alpha > 0
    if solid.all():
        return rgb
    distance, nearest = cv2.distanceTransformWithLabels(
        (~solid).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    colours = np.zeros((int(nearest.max()) + 1, 3), rgb.dtype)
    colours[nearest[solid]] = rgb[solid]
    return np.where((distance <= _FRINGE)[..., None], colours[nearest], rgb.dtype.type(0))
