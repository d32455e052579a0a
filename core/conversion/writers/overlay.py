"""Writer `overlay`: the swapped faces alone as RGBA PNGs, to lay over the original."""

from __future__ import annotations

import numpy as np

from ..composite import overlay
from ..nouns import ConvertedFrame
from .frames import PngFolder


class OverlayWriter(PngFolder):
    """Straight alpha = the blended mask; transparent where nothing is replaced.

    Every frame asked for has its picture, also those without faces, named <stem>_<number>.png with the source's frame
    number in six digits from 0, so that the pictures of an image strip are the source's frames one to one.
    """

    def name(self, index: int) -> str:
        path = self.source.path
        return f"{path.name if path.is_dir() else path.stem}_{index:06d}.png"

    def picture(self, converted: ConvertedFrame) -> np.ndarray:
        return overlay(converted)
