"""From what a masker says of a crop to what the store keeps, and from there to any other crop (cv2; worker-side)."""

from __future__ import annotations

import cv2
import numpy as np

from ...errors import UsageError
from ...faces.geometry import compose, invert, mean_scale, transform
from ...faces.nouns import AlignedFace, StoredMask

LEAST_SIZE = 64  # smaller masks lose the mouth


def check_size(size: int) -> None:
    """Make sure that masks can be stored at this size (0: the masker's own).

    Raises:
        UsageError: between 0 and 64.
    """
    if 0 < size < LEAST_SIZE:
        raise UsageError(f"mask-size cannot be {size}", f"Allowed: 0 (the masker's own size), or {LEAST_SIZE} to 1024")


def to_store(kind: str, mask: np.ndarray, face: AlignedFace, frame_size: tuple[int, int], size: int) -> StoredMask:
    """A mask as it is stored.

    Args:
        kind: the masker's name, or another under which it is to be found.
        mask: uint8 [S, S] over the crop `face`, of coverage 1.
        frame_size: (width, height) of the frame; the mask is 0 outside it.
        size: side of the stored mask in pixels; 0: as it is.
    """
    size = size or mask.shape[0]
    factor = size / mask.shape[0]
    matrix = face.matrix * factor
    matrix[:, 2] += (factor - 1) / 2
    if size != mask.shape[0]:
        mask = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    return StoredMask(kind, inside_frame(mask, matrix, frame_size), matrix, centering=face.centering,
                      interpolator=interpolator(matrix))


def interpolator(matrix: np.ndarray) -> int:
    """The cv2 flag with which a mask stored with `matrix` (frame -> mask) is laid over its frame again."""
    return cv2.INTER_LINEAR if mean_scale(matrix) < 1 else cv2.INTER_AREA


def inside_frame(mask: np.ndarray, matrix: np.ndarray, frame_size: tuple[int, int]) -> np.ndarray:
    """`mask`, with 0 wherever it lies outside the frame (width, height); `matrix` maps frame -> mask."""
    width, height = frame_size
    corners = np.array([(-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5)])
    back = transform(np.array([(0, 0), (0, 1), (1, 0), (1, 1)]) * (mask.shape[0] - 1), invert(matrix))
    if (back >= 0).all() and (back <= np.array([width - 1, height - 1])).all():
        return mask
    frame = np.zeros(mask.shape, np.uint8)
    # Far corners would overflow cv2's fixed-point numbers: the frame's quadrilateral is clipped around the mask.
    quad = _clipped(transform(corners, matrix), mask.shape[0])
    if len(quad):
        cv2.fillConvexPoly(frame, np.rint(quad * 16).astype(np.int32), 255, cv2.LINE_8, 4)
    return np.where(frame > 0, mask, 0).astype(np.uint8)


def _clipped(polygon: np.ndarray, size: int) -> np.ndarray:
    """A convex polygon cut to the square from -size to 2 size (Sutherland and Hodgman, CACM 17(1), 1974)."""
    for axis in (0, 1):
        for bound, sign in ((-size, 1), (2 * size, -1)):
            kept: list[np.ndarray] = []
            for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
                inside_a, inside_b = sign * (a[axis] - bound) >= 0, sign * (b[axis] - bound) >= 0
                if inside_a:
                    kept.append(a)
                if inside_a != inside_b:
                    kept.append(a + (b - a) * (bound - a[axis]) / (b[axis] - a[axis]))
            polygon = np.array(kept).reshape(-1, 2)
    return polygon


def lay(mask: StoredMask, matrix: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """A stored mask in another crop, or over the whole frame.

    Args:
        matrix: float64 [2, 3], frame -> crop; the identity for the frame itself.
        size: side of the crop, or (width, height), pixels.

    Returns:
        uint8 [H, W], 0 where the mask says nothing.
    """
    width, height = (size, size) if isinstance(size, int) else size
    across = compose(matrix, invert(mask.matrix))
    scale = mean_scale(across)
    if scale >= 1:
        return cv2.warpAffine(mask.pixels, across, (width, height), flags=cv2.INTER_LINEAR)
    # cv2's affine warp has no area average: blurred by what is lost, then sampled.
    blurred = cv2.GaussianBlur(mask.pixels, (0, 0), 0.5 * (1 / scale - 1) + 1e-3) if scale < 0.8 else mask.pixels
    return cv2.warpAffine(blurred, across, (width, height), flags=cv2.INTER_LINEAR)
