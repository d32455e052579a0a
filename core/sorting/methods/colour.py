"""How bright and of which colour a face is; and how much of its picture is black, for faces cut off by the frame.

Luma, orange and green are the axes of YCoCg (H. Malvar and G. Sullivan, "YCoCg-R: a color space with RGB
reversibility", JVT-I014, 2003). All are shown in percent of their range.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..pictures import Picture
from .score import Score


class _Weighted(Score):
    """Mean over the face of a weighted sum of red, green and blue (0 .. 255)."""

    limits: ClassVar[tuple[float, float] | None] = (0.0, 100.0)
    weights: ClassVar[tuple[float, float, float]]
    offset: ClassVar[float] = 0.0

    def look(self, picture: Picture) -> float:
        pixels = picture.face[picture.mask] if picture.mask.any() else picture.face.reshape(-1, 3)
        value = float(pixels.mean(0, dtype=np.float64) @ np.array(self.weights))
        return 100 * (value + self.offset) / 255


class Gray(_Weighted):
    """Lightness with the weights of ITU-R BT.709."""

    weights = (0.2126, 0.7152, 0.0722)


class Luma(_Weighted):
    weights = (0.25, 0.5, 0.25)


class Orange(_Weighted):
    """From blue (0) to orange (100)."""

    weights = (0.5, 0.0, -0.5)
    offset = 127.5


class Green(_Weighted):
    """From magenta (0) to green (100)."""

    weights = (-0.25, 0.5, -0.25)
    offset = 127.5


class Black(Score):
    """Share of pixels that are wholly black; pictures without any first."""

    low_first = True
    limits = (0.0, 100.0)

    def look(self, picture: Picture) -> float:
        return 100 * float((picture.pixels == 0).all(2).mean())
