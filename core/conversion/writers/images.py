"""Writer `images`: the whole frames as a folder of PNGs, named after the source's frames."""

from __future__ import annotations

import numpy as np

from ..composite import full_frame
from ..nouns import ConvertedFrame
from .frames import PngFolder


class ImagesWriter(PngFolder):
    """Lossless; pixels where the blended mask is 0, and frames without faces, are the source's bit for bit."""

    def picture(self, converted: ConvertedFrame) -> np.ndarray:
        return full_frame(converted)
