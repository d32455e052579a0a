"""What a detector, an aligner, a masker and an identity model must offer. A new one is one file and one row.

Pixels are uint8 [H, W, 3] RGB; boxes (x, y, w, h) and landmarks in the picture's pixels, centres at integers. All take
several items at a time and give one answer for each, in order, equal to what each would get alone. Each is made once
per thread that uses it, so none needs to be safe for several threads at a time; networks are shared between them
(inference changes nothing). Constructors raise `WeightsError` where weights are missing or damaged.

`device` is torch's name ("cpu", "cuda", "cuda:1", "mps"); what does not run on torch ignores it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ..faces.nouns import AlignedFace, Box, Detection


class Detector(Protocol):
    """Made as `Detector(size, confidence, device)`: longer side to which frames are scaled down, least score (None: the
    detector's own default; 0 .. 1 on its own scale), device.

    Attributes:
        batch_size: how many frames at once it is at its best with; 1: no gain from more.
    """

    batch_size: int

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        """The faces of each frame, best first, in the frame's own pixels. The frames are of one size."""


class Aligner(Protocol):
    """Made as `Aligner(device, normalization, decoding)`: normalization is one of "none", "mean", "hist", "clahe";
    decoding, of heatmaps, "dark" or "neighbour": aligners without heatmaps ignore it. `aligners.refine.make_aligner`
    adds re-feed and re-align, which are aligners too.

    Attributes:
        batch_size: how many faces at once it is at its best with.
        input_size: pixels across the crop that it looks at; 0: it takes the picture as it is.
        reach: side of what it looks at, relative to the box's (the mean of both sides).
        upright_box: the box that suits it around an upright face, in units of the mean face's box.
    """

    batch_size: int
    input_size: int
    reach: float
    upright_box: Box

    def align(self, pixels: Sequence[np.ndarray], boxes: Sequence[Box]) -> np.ndarray:
        """Landmarks of the face in each box of each picture, float32 [N, 68, 2], in that picture's pixels."""


class Masker(Protocol):
    """Made as `Masker(options, device)`, with `core.options.maskers.MaskerOptions`.

    Attributes:
        is_drawn: made from landmarks alone, so that it is drawn when needed and never stored.
        size, centering: of the crops that it wants (coverage 1).
        batch_size: how many faces at once it is at its best with.
    """

    is_drawn: bool
    size: int
    centering: str
    batch_size: int

    def mask(self, faces: Sequence[AlignedFace]) -> list[np.ndarray]:
        """uint8 [size, size] for each crop, 0 outside to 255 inside."""


class Identity(Protocol):
    """Made as `Identity(device)`.

    Attributes:
        chip_size: side of the pictures that `chip` makes.
    """

    chip_size: int

    def chip(self, pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """The small upright picture that the network looks at, uint8 [C, C, 3]; cheap, so that frames can go."""

    def vectors(self, chips: Sequence[np.ndarray]) -> np.ndarray:
        """What tells the person, float32 [N, D], for N >= 1 chips."""
