"""Writer `images`: the whole frames as a folder of pictures, named after the source's frames."""

from __future__ import annotations

import numpy as np

from ..composite import full_frame, overlay
from ..nouns import ConvertedFrame
from .frames import FrameFolder


class ImagesWriter(FrameFolder):
    """In PNG, TIFF and EXR, pixels where the blended mask is 0, and frames without faces, are the source's bit for bit.

    Of EXR's halfs that is so up to sources of 10 bits. With `transparent` the picture is the overlay.
    """

    @property
    def shows(self) -> str:
        return "overlay" if self.options.transparent else "frames"

    @property
    def has_alpha(self) -> bool:
        return self.options.transparent

    def picture(self, converted: ConvertedFrame) -> np.ndarray:
        return overlay(converted) if self.options.transparent else full_frame(converted)
