"""Compressed bytes in and out, with a limit on what may come out of them (stdlib + numpy; both sides import it)."""

from __future__ import annotations

import zlib

import numpy as np

LARGEST_MASK = 4096  # pixels; stored masks are 64 .. 1024


def inflate(packed: bytes | memoryview, limit: int) -> bytes:
    """What zlib packed, in memory that `limit` bounds.

    Raises:
        ValueError: if it is damaged, cut off, or more than `limit` bytes.
    """
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, limit + 1)
    except zlib.error as error:
        raise ValueError(f"its compressed data are damaged ({error})") from error
    if len(raw) > limit:
        raise ValueError(f"it unpacks to more than {limit} bytes")
    if not inflater.eof:
        raise ValueError("its compressed data are cut off")
    return raw


def pack_mask(pixels: np.ndarray) -> bytes:
    """A mask's pixels, uint8 [size, size], as the store and faceswap's files keep them: zlib of the rows.

    Raises:
        ValueError: for another shape or type.
    """
    size = pixels.shape[0] if pixels.ndim else 0
    if pixels.shape != (size, size) or pixels.dtype != np.uint8 or not 1 <= size <= LARGEST_MASK:
        raise ValueError("a stored mask is a square of uint8")
    return zlib.compress(np.ascontiguousarray(pixels).tobytes(), 6)


def unpack_mask(packed: bytes | memoryview, size: int) -> np.ndarray:
    """The inverse of `pack_mask`, uint8 [size, size], read-only.

    Raises:
        ValueError: if the bytes do not hold exactly such a mask.
    """
    if not isinstance(size, int) or not 1 <= size <= LARGEST_MASK:
        raise ValueError(f"a mask cannot have a side of {size!r}")
    return np.frombuffer(inflate(packed, size * size), np.uint8).reshape(size, size)
