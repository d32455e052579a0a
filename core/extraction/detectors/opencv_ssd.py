"""OpenCV's own face detector: a single-shot detector on a slim ResNet-10, run by OpenCV.

W. Liu et al., "SSD: Single shot multibox detector", ECCV 2016; trained by A. Nikishaev for OpenCV, which calls it
res10_300x300_ssd.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ...errors import WeightsError
from ...faces.nouns import Detection
from ...weights.files import weights_file
from .framing import squared

_SIDE = 300
_MEAN = (104, 117, 123)  # blue, green, red: the order in which the network takes the channels


class OpenCvSsd:
    """Sees all frames at 300 px: `size` is without effect, and so is `device`."""

    default_confidence = 0.5
    batch_size = 1

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        self._least = self.default_confidence if confidence is None else confidence
        weights, layout = weights_file("opencv-ssd"), weights_file("opencv-ssd-layout")
        try:
            # By contents: OpenCV's own file functions do not open every path in Windows.
            self._network = cv2.dnn.readNetFromCaffe(*(np.frombuffer(path.read_bytes(), np.uint8)
                                                       for path in (layout, weights)))
        except cv2.error as error:
            raise WeightsError(f"The weights {weights}, or their layout {layout.name}, are damaged",
                               "Fetch or import both again") from error

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        framed = squared(frames, _SIDE)
        self._network.setInput(cv2.dnn.blobFromImages(list(framed.pixels), mean=_MEAN, swapRB=True))
        answers = self._network.forward()[0, 0]  # [M, 7]: picture, class, score, corners in shares of the side
        answers = answers[answers[:, 2] >= self._least]
        return [framed.detections(own[:, 3:7] * _SIDE, own[:, 2])
                for own in (answers[answers[:, 0] == n] for n in range(len(frames)))]
