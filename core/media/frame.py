"""One decoded picture of a source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .depth import to_depth


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture and where it comes from.

    Attributes:
        source: path of the video file or image folder.
        index: which picture of the source, counted from 0 in order of presentation.
        time: seconds from the source's first picture.
        pixels: [H, W, 3] RGB, upright (rotation metadata applied), C-contiguous: uint8, 0..255, unless its source's
            `depth` was set to 16 (uint16, 0..65535) or 32 (float32, scene-linear; see `depth`).
    """

    source: str
    index: int
    time: float
    pixels: np.ndarray

    @cached_property
    def pixels8(self) -> np.ndarray:
        """The same in 8 bits, for detectors, models and all else that knows nothing finer."""
        return to_depth(self.pixels, 8)
