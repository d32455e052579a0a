"""dlib's frontal face detector: histograms of oriented gradients and a linear classifier per view.

N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005, over an image pyramid; five
views, trained by the author of dlib. Boost Software Licence.
"""

from __future__ import annotations

from collections.abc import Sequence

import dlib
import numpy as np

from ...faces.nouns import Detection
from .framing import Framed, reduced


class DlibHog:
    """Finds faces of at least 80 px in the reduced frame, one frame at a time. `device` is without effect.

    Args:
        size: longer side to which frames are reduced, never enlarged, pixels.
        confidence: least score on dlib's scale: distance from the decision boundary, 0 by default; clear faces reach
            1 to 3.
    """

    default_confidence = 0.0
    batch_size = 1

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        self._size = size
        self._least = self.default_confidence if confidence is None else confidence
        self._detector = dlib.get_frontal_face_detector()

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        framed = reduced(frames, self._size)
        return [self._detect(framed, pixels) for pixels in framed.pixels]

    def _detect(self, framed: Framed, pixels: np.ndarray) -> list[Detection]:
        rectangles, scores, _ = self._detector.run(pixels, 0, self._least)
        return framed.detections(corners(rectangles), np.array(scores, np.float64))


def corners(rectangles: Sequence[dlib.rectangle]) -> np.ndarray:
    """dlib's rectangles as float64 [N, 4] left, top, right, bottom."""
    boxes = [(r.left(), r.top(), r.left() + r.width(), r.top() + r.height()) for r in rectangles]
    return np.array(boxes, np.float64).reshape(-1, 4)
