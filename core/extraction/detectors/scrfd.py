"""SCRFD through ONNX Runtime.

J. Guo et al., "Sample and computation redistribution for efficient face detection", ICLR 2022. The `face-alignment`
library's class is passed over because it lets every frame spread over all cores, and feeds blue for red where the
authors' own code feeds red.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import WeightsError
from ...faces.nouns import Detection
from ...weights.files import weights_file
from .boxes import suppress
from .framing import Framed, reduced, squared
from .onnx import session

_STRIDES, _ANCHORS = (8, 16, 32), 2
_OVERLAP = 0.4
_MEAN, _DIVISOR = 127.5, 128.0


class Scrfd:
    """One frame at a time, since the published file takes no batches."""

    default_confidence = 0.5
    batch_size = 1

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        self._size = size
        self._least = self.default_confidence if confidence is None else confidence
        file = weights_file("scrfd")
        self._session = session(file, device)
        (given,), answers = self._session.get_inputs(), self._session.get_outputs()
        if len(answers) not in (2 * len(_STRIDES), 3 * len(_STRIDES)) or len(given.shape) != 4:
            raise WeightsError(f"The weights {file} are of another network", "Import an SCRFD file of three strides")
        self._input = given.name
        height, width = given.shape[2:]
        self._side = width if isinstance(width, int) and width == height else None  # None: it takes any size

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        framed = squared(frames, self._side) if self._side else reduced(frames, self._size, _STRIDES[-1])
        return [self._detect(framed, pixels) for pixels in framed.pixels]

    def _detect(self, framed: Framed, pixels: np.ndarray) -> list[Detection]:
        batch = (pixels.astype(np.float32).transpose(2, 0, 1)[None] - _MEAN) / _DIVISOR
        answers = self._session.run(None, {self._input: batch})
        boxes, scores = decoded(answers, pixels.shape[1], self._least)
        kept = suppress(boxes, scores, _OVERLAP)
        return framed.detections(boxes[kept], scores[kept])


def decoded(answers: Sequence[np.ndarray], width: int, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Corner boxes [M, 4] and scores [M] of `least` or more.

    Args:
        answers: the network's: for each stride the scores [(1,) A, 1], then for each stride the distances [(1,) A, 4]
            from the anchor to left, top, right and bottom in strides, and five points, which are passed over.
        width: of the picture, pixels.
    """
    all_boxes, all_scores = [], []
    for level, stride in enumerate(_STRIDES):
        scores = answers[level].reshape(-1)
        distances = answers[level + len(_STRIDES)].reshape(-1, 4) * stride
        chosen = np.flatnonzero(scores >= least)
        row, column = np.divmod(chosen // _ANCHORS, -(-width // stride))
        centres = np.column_stack([column, row]) * stride  # its anchors sit on the corners of cells
        all_boxes.append(np.concatenate([centres - distances[chosen, :2], centres + distances[chosen, 2:]], 1))
        all_scores.append(scores[chosen])
    return np.concatenate(all_boxes).astype(np.float32), np.concatenate(all_scores)

