"""dlib's frontal face detector: histograms of oriented gradients and a linear classifier per view.

N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005, over an image pyramid; five
views, trained by the author of dlib. Boost Software Licence.
"""

from __future__ import annotations

import cv2
import dlib
import numpy as np

from ...faces.nouns import Detection


class DlibHog:
    """Finds faces of at least 80 px in the reduced frame.

    Args:
        size: longer side to which frames are reduced, never enlarged, pixels.
        confidence: least score, 0 .. 1 on dlib's scale (distance from the decision boundary; clear faces reach 1 to 3).
    """

    def __init__(self, size: int = 640, confidence: float = 0.0) -> None:
        self._size, self._confidence = size, confidence
        self._detector = dlib.get_frontal_face_detector()

    def detect(self, pixels: np.ndarray) -> list[Detection]:
        height, width = pixels.shape[:2]
        scale = min(1.0, self._size / max(height, width))
        if scale < 1:
            shape = (max(1, round(width * scale)), max(1, round(height * scale)))
            reduced = cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA)
        else:
            reduced = np.ascontiguousarray(pixels)
        boxes, scores, _ = self._detector.run(reduced, 0, self._confidence)
        across, down = width / reduced.shape[1], height / reduced.shape[0]
        found = [Detection(((box.left() + 0.5) * across - 0.5, (box.top() + 0.5) * down - 0.5,
                            box.width() * across, box.height() * down), float(score))
                 for box, score in zip(boxes, scores, strict=True)]
        return sorted(found, key=lambda detection: -detection.score)
