"""Colour method `avg-color`: the swapped face takes on the mean colour of the original inside the mask."""

from __future__ import annotations

import numpy as np


class AvgColor:
    """Shifts each channel so that its mean inside the mask equals the original's.

    With `old` the original crop, `new` the swapped one and `m` the mask, each channel becomes
    new + sum((old - new) * m) / sum(m). All pixels are shifted alike, so contrast and shading stay the model's.
    """

    def __call__(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """See `conversion.protocols.ColourMethod`; an empty mask gives the original, since no mean is known."""
        total = float(mask.sum(dtype=np.float64))
        if total <= 0.0:
            return old.copy()
        difference = ((old - new) * mask[..., None]).sum(axis=(0, 1), dtype=np.float64) / total
        return np.clip(new + difference.astype(np.float32), 0.0, 1.0)
