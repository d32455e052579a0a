"""Colour method `none`: the colours stay as the model made them."""

from __future__ import annotations

import numpy as np

from ...options.convert_look import ConvertLookOptions
from ..protocols import Statistics


class NoColour:
    """Returns the swapped face as it is; see `conversion.protocols.ColourMethod`."""

    def __init__(self, options: ConvertLookOptions) -> None:
        pass

    def measure(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray) -> Statistics | None:
        return None

    def adjusted(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray,
                 statistics: Statistics | None = None) -> np.ndarray:
        return new
