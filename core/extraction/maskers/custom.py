"""Masker custom: an empty or full mask for a person to paint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...faces.nouns import AlignedFace
from ...options.maskers import MaskerOptions


class Custom:
    """All face or all background, centred as wanted."""

    is_drawn = False
    size = 128
    batch_size = 64

    def __init__(self, options: MaskerOptions | None = None, device: str = "cpu") -> None:
        options = options or MaskerOptions()
        self.centering = options.custom_centering
        self._value = 255 if options.custom_fill == "face" else 0

    def mask(self, faces: Sequence[AlignedFace]) -> list[np.ndarray]:
        """uint8 [size, size] for each face, all 0 or all 255."""
        return [np.full((face.size, face.size), self._value, np.uint8) for face in faces]
