"""dlib's 68-point shape predictor: a cascade of regression trees.

V. Kazemi, J. Sullivan, "One millisecond face alignment with an ensemble of regression trees", CVPR 2014. The weights
were trained on iBUG 300-W, whose licence excludes commercial use.
"""

from __future__ import annotations

from functools import lru_cache

import dlib
import numpy as np

from ...faces.nouns import Box
from ..dlib_models import weights_file

# Shifts of the box, as shares of its width: the predictor depends on where the detector's box happens to lie, and it
# answers in whole pixels. The mean over a small triangle trembles a quarter less from frame to frame, for 4 ms.
_SHIFTS = ((0.0, -0.03), (-0.026, 0.015), (0.026, 0.015))


@lru_cache(maxsize=1)
def _predictor() -> dlib.shape_predictor:
    # 100 MB and most of a second to read; using it changes nothing in it, so that all threads share one.
    return dlib.shape_predictor(str(weights_file("shape_predictor_68_face_landmarks.dat")))


class Dlib68:
    """Places landmarks in the box of a detector."""

    def __init__(self) -> None:
        self._predictor = _predictor()

    def align(self, pixels: np.ndarray, box: Box) -> np.ndarray:
        x, y, w, h = box
        pixels = np.ascontiguousarray(pixels)
        total = np.zeros((68, 2))
        for across, down in _SHIFTS:
            left, top = x + across * w, y + down * w
            rectangle = dlib.rectangle(round(left), round(top), round(left + w) - 1, round(top + h) - 1)
            total += [(point.x, point.y) for point in self._predictor(pixels, rectangle).parts()]
        return (total / len(_SHIFTS)).astype(np.float32)
