"""Faces as encoded pictures: thumbnails for lists (JPEG), pictures for the faces folder (PNG)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..faces.crop import crop
from ..faces.geometry import SAVED_CENTERING, Alignment

THUMBNAIL_SIZE, THUMBNAIL_QUALITY = 96, 60


def thumbnail(pixels: np.ndarray, alignment: Alignment) -> bytes:
    """A small head-centred JPEG of the face in a frame, for lists."""
    return encoded(".jpg", crop(pixels, alignment, THUMBNAIL_SIZE, "head").pixels,
                   (cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY))


def face_picture(pixels: np.ndarray, alignment: Alignment, size: int) -> bytes:
    """The picture of a face for a faces folder, PNG without header."""
    return encode_face(crop(pixels, alignment, size, SAVED_CENTERING).pixels)


def encode_face(rgb: np.ndarray) -> bytes:
    """uint8 [S, S, 3] RGB as PNG."""
    # Measured on face pictures: no other setting is as fast, and only ones of twice the time make smaller files.
    return encoded(".png", rgb, (cv2.IMWRITE_PNG_COMPRESSION, 1,
                                 cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE))


def encoded(suffix: str, rgb: np.ndarray, parameters: Sequence[int]) -> bytes:
    """uint8 [H, W, 3] RGB as the bytes of a picture file."""
    done, data = cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), list(parameters))
    if not done:
        raise RuntimeError(f"cv2 cannot encode {suffix}")
    return data.tobytes()
