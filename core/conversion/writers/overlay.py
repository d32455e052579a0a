"""Writer `overlay`: the swapped faces alone as pictures with alpha, to lay over the original."""

from __future__ import annotations

import numpy as np

from ..composite import overlay
from ..nouns import ConvertedFrame
from .frames import FrameFolder


class OverlayWriter(FrameFolder):
    """Alpha = the blended mask, straight (in EXR multiplied in, as usual there); transparent where nothing is replaced.

    Every frame asked for has its picture, also those without faces, so that the pictures of an image strip are the
    source's frames one to one.
    """

    @property
    def shows(self) -> str:
        return "overlay"

    @property
    def has_alpha(self) -> bool:
        return True

    def picture(self, converted: ConvertedFrame) -> np.ndarray:
        return overlay(converted)
