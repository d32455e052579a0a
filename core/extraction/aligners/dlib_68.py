"""dlib's 68-point shape predictor: a cascade of regression trees.

V. Kazemi, J. Sullivan, "One millisecond face alignment with an ensemble of regression trees", CVPR 2014. The weights
were trained on iBUG 300-W, whose licence excludes commercial use.
"""

from __future__ import annotations

import cv2
import dlib
import numpy as np

from ...faces.nouns import Box
from ..dlib_models import weights_file


class Dlib68:
    """Places landmarks in the box of a detector."""

    def __init__(self) -> None:
        self._predictor = dlib.shape_predictor(str(weights_file("shape_predictor_68_face_landmarks.dat")))

    def align(self, pixels: np.ndarray, box: Box) -> np.ndarray:
        x, y, w, h = box
        rectangle = dlib.rectangle(round(x), round(y), round(x + w) - 1, round(y + h) - 1)
        shape = self._predictor(np.ascontiguousarray(pixels), rectangle)
        return np.array([(p.x, p.y) for p in shape.parts()], np.float32)
