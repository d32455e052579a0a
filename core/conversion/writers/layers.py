"""Writer `layers`: one EXR per frame that holds everything a compositor may want to mix anew."""

from __future__ import annotations

import numpy as np

from ...media.exr import write_exr
from ...media.pictures import exr_channels, exr_text
from ..composite import full_frame, mask, overlay
from ..nouns import ConvertedFrame
from .choices import scaled
from .frames import KEY, FrameFolder


class LayersWriter(FrameFolder):
    """Scene-linear channels: R G B, the result, also as result.R …; patch.R G B A, the swapped faces with alpha
    multiplied in; mask.A; original.R G B. So R = patch.R + original.R (1 - mask.A), and so for G and B.
    """

    @property
    def shows(self) -> str:
        return "layers"

    def picture(self, converted: ConvertedFrame) -> np.ndarray:
        return full_frame(converted)

    def write(self, converted: ConvertedFrame) -> None:
        percent = self.options.output_scale
        result = scaled(full_frame(converted), percent)
        channels = {**exr_channels(result), **exr_channels(result, "result."),
                    **exr_channels(scaled(overlay(converted), percent), "patch."),
                    **exr_channels(scaled(mask(converted), percent), "mask."),
                    **exr_channels(scaled(converted.frame.pixels, percent), "original.")}
        write_exr(self.folder / self.name(converted.index), channels, exr_text({KEY: self.keys[converted.index]}),
                  half=self.coding.depth == 16, compression=self.coding.exr_compression)
