"""dlib's max-margin object detector: a small convolutional network slid over an image pyramid.

D. King, "Max-margin object detection", 2015. The weights come with the wheel `face_recognition_models`.
"""

from __future__ import annotations

from collections.abc import Sequence

import dlib
import numpy as np

from ...errors import WeightsError
from ...faces.nouns import Detection
from ...weights.files import weights_file
from .dlib_hog import corners
from .framing import reduced


class DlibMmod:
    """Finds faces of at least 40 px in the reduced frame. dlib runs it on the processor; `device` is without effect."""

    default_confidence = 0.0
    batch_size = 1

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        self._size = size
        self._least = self.default_confidence if confidence is None else confidence
        file = weights_file("dlib-mmod")
        try:
            self._detector = dlib.cnn_face_detection_model_v1(str(file))
        except RuntimeError as error:
            raise WeightsError(f"The weights {file} are damaged ({error})", "Run Set Up again") from error

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        framed = reduced(frames, self._size)
        found = []
        for pixels in framed.pixels:
            faces = [face for face in self._detector(pixels, 0) if face.confidence >= self._least]
            found.append(framed.detections(corners([face.rect for face in faces]),
                                           np.array([face.confidence for face in faces])))
        return found
