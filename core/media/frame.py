"""One decoded picture of a source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture and where it comes from.

    Attributes:
        source: path of the video file or image folder.
        index: which picture of the source, counted from 0 in order of presentation.
        time: seconds from the source's first picture.
        pixels: uint8 [H, W, 3] RGB, 0..255, upright (rotation metadata applied), C-contiguous.
    """

    source: str
    index: int
    time: float
    pixels: np.ndarray
