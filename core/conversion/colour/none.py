"""Colour method `none`: the colours stay as the model made them."""

from __future__ import annotations

import numpy as np


class NoColour:
    """Returns the swapped face as it is."""

    def __call__(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """See `conversion.protocols.ColourMethod`."""
        return new
