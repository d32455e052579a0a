"""How finely pictures hold their values, and the ways from one to another.

uint8 and uint16 pictures hold display values as video and PNG do, 0 to 255 or 65535 (sRGB's curve). float32 pictures
hold scene-linear light with sRGB's primaries, 1.0 its white, as EXR does; they may go beyond 0..1. An 8- or 16-bit
picture comes back from float32 bit for bit, and an 8-bit one from 16 bits or from half floats.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

DTYPES: dict[int, Any] = {8: np.uint8, 16: np.uint16, 32: np.float32}


def depth_of(pixels: np.ndarray) -> int:
    """8, 16 or 32: how a picture holds its values.

    Raises:
        ValueError: any other dtype.
    """
    for depth, dtype in DTYPES.items():
        if pixels.dtype == dtype:
            return depth
    raise ValueError(f"no picture of {pixels.dtype}")


def encode(linear: np.ndarray) -> np.ndarray:
    """Linear light to display values by sRGB's curve (IEC 61966-2-1), float32; mirrored below 0, continued above 1."""
    size = np.abs(linear, dtype=np.float32)
    curved = 1.055 * np.power(size, 1 / 2.4, dtype=np.float32) - 0.055
    return np.copysign(np.where(size <= 0.0031308, 12.92 * size, curved), linear).astype(np.float32)


def decode(display: np.ndarray) -> np.ndarray:
    """The inverse of `encode`, float32."""
    size = np.abs(display, dtype=np.float32)
    curved = np.power((size + 0.055) / 1.055, 2.4, dtype=np.float32)
    return np.copysign(np.where(size <= 0.04045, size / 12.92, curved), display).astype(np.float32)


@cache
def _light(steps: int) -> np.ndarray:
    """The linear light of each of an integer picture's values, float32 [steps]."""
    display = np.arange(steps, dtype=np.float64) / (steps - 1)
    curved = ((display + 0.055) / 1.055) ** 2.4
    return np.where(display <= 0.04045, display / 12.92, curved).astype(np.float32)


def to_depth(pixels: np.ndarray, depth: int) -> np.ndarray:
    """A picture at another depth; itself where it has that depth already.

    Args:
        pixels: uint8, uint16 or float32, of any shape, colours only (alpha has no curve: see `alpha_to_depth`).
        depth: 8, 16 or 32. Fewer bits are rounded to; float32 beyond 0..1 is then cut off.
    """
    have = depth_of(pixels)
    if have == depth:
        return pixels
    if depth == 32:
        return _light(256 if have == 8 else 65536)[pixels]
    if have == 32:
        top = 255.0 if depth == 8 else 65535.0
        shown = encode(np.clip(np.nan_to_num(pixels, posinf=1.0, neginf=0.0), 0.0, 1.0))
        return np.rint(shown * top).astype(DTYPES[depth])
    if depth == 16:
        return pixels.astype(np.uint16) * np.uint16(257)
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def alpha_to_depth(alpha: np.ndarray, depth: int) -> np.ndarray:
    """Coverage at another depth: uint8 or uint16 over their whole range, or float32 0..1."""
    have = depth_of(alpha)
    if have == depth:
        return alpha
    if depth == 32:
        return alpha.astype(np.float32) / (255.0 if have == 8 else 65535.0)
    if have == 32:
        return np.rint(np.clip(alpha, 0.0, 1.0) * (255.0 if depth == 8 else 65535.0)).astype(DTYPES[depth])
    return to_depth(alpha, depth)


def steps(values: np.ndarray, depth: int) -> np.ndarray:
    """Fractions 0..1 in the steps that a mask of this depth has: uint8, uint16, or float32 in 65535 steps."""
    if depth == 8:
        return np.rint(values * 255.0).astype(np.uint8)
    whole = np.rint(values * 65535.0)
    return whole.astype(np.uint16) if depth == 16 else (whole / 65535.0).astype(np.float32)
