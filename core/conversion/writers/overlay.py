"""Writer `overlay`: the swapped faces alone as RGBA PNGs, to lay over the original."""

from __future__ import annotations

import numpy as np

from ..composite import overlay
from ..nouns import ConvertedFrame
from .frames import PngFolder


class OverlayWriter(PngFolder):
    """Straight alpha = the blended mask; transparent where nothing is replaced.

    Every frame asked for has its picture, also those without faces, so that the pictures of an image strip are the
    source's frames one to one.
    """

    def picture(self, converted: ConvertedFrame) -> np.ndarray:
        return overlay(converted)
