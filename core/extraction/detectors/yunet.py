"""YuNet through OpenCV.

W. Wu, H. Peng, S. Yu, "YuNet: A tiny millisecond-level face detector", Machine Intelligence Research 20, 2023. The
`face-alignment` library's class calls the same OpenCV detector; ours gives it frames that are already reduced.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ...errors import WeightsError
from ...faces.nouns import Detection
from ...weights.files import weights_file
from .framing import reduced

_OVERLAP = 0.3


class YuNet:
    """One frame at a time: OpenCV's detector knows no batches. `device` is without effect."""

    default_confidence = 0.7
    batch_size = 1

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        self._size = size
        least = self.default_confidence if confidence is None else confidence
        file = weights_file("yunet")
        try:
            self._detector = cv2.FaceDetectorYN.create(str(file), "", (320, 320), least, _OVERLAP)
        except cv2.error as error:
            raise WeightsError(f"The weights {file} are damaged, or of another network",
                               "Fetch or import them again") from error

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        framed = reduced(frames, self._size)
        found = []
        for pixels in framed.pixels:
            self._detector.setInputSize((pixels.shape[1], pixels.shape[0]))
            _, faces = self._detector.detect(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
            faces = np.zeros((0, 15), np.float32) if faces is None else faces
            boxes = np.concatenate([faces[:, :2], faces[:, :2] + faces[:, 2:4]], 1)
            found.append(framed.detections(boxes, faces[:, 14]))
        return found
