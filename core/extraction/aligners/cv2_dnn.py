"""A small network that tells all 68 places at once, run by OpenCV.

Yin Guobing's cnn-facial-landmark (MIT licence; github.com/yinguobing/cnn-facial-landmark), a TensorFlow graph.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ...errors import WeightsError
from ...faces.geometry import invert, transform
from ...faces.nouns import Box
from ...weights.files import weights_file
from .crops import UPRIGHT_BOX, centre_of, cut, square
from .normalization import normalized

_SIZE = 128


class Cv2Dnn:
    """Places landmarks on a processor, one face after the other.

    Raises:
        WeightsError: if the weights are missing, damaged or of another network.
    """

    batch_size = 1
    input_size = _SIZE
    reach = 1.0
    upright_box = UPRIGHT_BOX

    def __init__(self, device: str = "cpu", normalization: str = "none", decoding: str = "dark") -> None:
        self._file = weights_file("cv2-landmarks")
        try:
            # From memory: OpenCV cannot open every path on Windows.
            self._network = cv2.dnn.readNetFromTensorflow(np.frombuffer(self._file.read_bytes(), np.uint8))
        except cv2.error as error:
            raise self._unusable("OpenCV cannot read them") from error
        self._normalization = normalization

    def align(self, pixels: Sequence[np.ndarray], boxes: Sequence[Box]) -> np.ndarray:
        landmarks = np.zeros((len(boxes), 68, 2), np.float32)
        for place, (picture, box) in enumerate(zip(pixels, boxes, strict=True)):
            matrix = self._matrix(box)
            crop = normalized(cut(picture, matrix, _SIZE), self._normalization)
            # The answers are shares of the crop's side, from its edge.
            landmarks[place] = transform(self._shares(crop) * _SIZE - 0.5, invert(matrix))
        return landmarks

    @staticmethod
    def _matrix(box: Box) -> np.ndarray:
        """The square around the box, moved down by half of what its sides differ: the published network's rule."""
        _, _, w, h = box
        across, down = centre_of(box)
        return square((across, down + abs(h - w) / 2), max(w, h), _SIZE)

    def _shares(self, crop: np.ndarray) -> np.ndarray:
        """uint8 [128, 128, 3] RGB -> float [68, 2]."""
        try:
            self._network.setInput(cv2.dnn.blobFromImage(crop))
            answer = self._network.forward()
        except cv2.error as error:
            raise self._unusable("they do not take a picture of 128 px") from error
        if answer.size != 2 * 68:
            raise self._unusable(f"they give {answer.size} numbers instead of 136")
        return answer.reshape(68, 2)

    def _unusable(self, reason: str) -> WeightsError:
        return WeightsError(f"The weights {self._file} cannot be used: {reason}",
                            "Fetch or import them again: understudy weights fetch cv2-landmarks")
