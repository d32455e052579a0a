"""How sharp a face is, by its edges or by its spectrum; sharp ones first."""

from __future__ import annotations

import cv2
import numpy as np

from ..pictures import SIZE, Picture
from .score import Score

_RIM = np.ones((9, 9), np.uint8)  # the mask's own edge is no detail of the face
_COARSE = 75  # half the side of the part of the spectrum that says nothing of sharpness


def _inside(picture: Picture) -> np.ndarray:
    inside = cv2.erode(picture.mask.astype(np.uint8), _RIM) > 0
    return inside if inside.any() else np.ones_like(inside)


class Blur(Score):
    """Variance of the Laplacian (J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR
    2000) over the square root of the area."""

    digits = 2

    def look(self, picture: Picture) -> float:
        inside = _inside(picture)
        edges = cv2.Laplacian(cv2.cvtColor(picture.face, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
        return float(edges[inside].var() / np.sqrt(inside.sum()))


class BlurFft(Score):
    """Mean magnitude, in decibels, of what is left of the face without the central 150 x 150 of its spectrum."""

    digits = 2

    def look(self, picture: Picture) -> float:
        spectrum = np.fft.fftshift(np.fft.fft2(picture.grey))
        middle = slice(SIZE // 2 - _COARSE, SIZE // 2 + _COARSE)
        spectrum[middle, middle] = 0
        detail = np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum)))[_inside(picture)]
        return float(20 * np.log10(detail + 1e-6).mean())
