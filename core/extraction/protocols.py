"""What a detector, an aligner, a masker and an identity model must offer. A new one is one file and one row.

Pixels are uint8 [H, W, 3] RGB; boxes (x, y, w, h) and landmarks in the picture's pixels, centres at integers. Each is
made once per thread that uses it, so none needs to be safe for several threads at a time. Constructors raise
`WeightsError` where weights are missing or damaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ..faces.nouns import AlignedFace, Box, Detection


class Detector(Protocol):
    """Made as `Detector(size, confidence)`: longer side to which a frame is reduced, and the least score."""

    def detect(self, pixels: np.ndarray) -> list[Detection]:
        """The faces of a frame, best first, in the frame's own pixels."""


class Aligner(Protocol):
    """Made as `Aligner()`."""

    def align(self, pixels: np.ndarray, box: Box) -> np.ndarray:
        """The landmarks of the face in `box`, float32 [68, 2], in the frame's pixels."""


class Masker(Protocol):
    """Made as `Masker()`.

    Attributes:
        is_drawn: made from landmarks alone, so that it is drawn when needed and never stored.
    """

    is_drawn: bool

    def mask(self, face: AlignedFace) -> np.ndarray:
        """uint8 [size, size], 0 outside to 255 inside, over the crop `face`."""


class Identity(Protocol):
    """Made as `Identity()`.

    Attributes:
        chip_size: side of the pictures that `chip` makes.
    """

    def chip(self, pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """The small upright picture that the network looks at, uint8 [C, C, 3]; cheap, so that frames can go."""

    def vectors(self, chips: Sequence[np.ndarray]) -> np.ndarray:
        """What tells the person, float32 [N, D], for N >= 1 chips."""
