"""S3FD, with the network of the `face-alignment` library.

S. Zhang et al., "S3FD: Single shot scale-invariant face detector", ICCV 2017. The library's detector class walks over
candidates one by one in Python and keeps one copy of the network per object, so that it is its network alone that
serves here; the anchors (four strides wide, from stride 4 to 128) and the channel means are those of the paper.
"""

from __future__ import annotations

import numpy as np
from face_alignment.detection.sfd.net_s3fd import s3fd
from torch import Tensor

from ..sharing import shared_network
from .anchored import AnchoredDetector, by_anchor
from .boxes import ScoreMap, vote

_STRIDES = (4, 8, 16, 32, 64, 128)
_OVERLAP = 0.5


class S3fd(AnchoredDetector):
    """Grades 34,000 anchors of a frame of 640 px and lets those that agree vote on the box."""

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        super().__init__(size, confidence, device)
        self._network = shared_network(s3fd, "s3fd", device)

    def maps(self, batch: Tensor) -> list[ScoreMap]:
        answers = self._network(batch)
        return [ScoreMap(by_anchor(grades.softmax(1), 1)[..., 1], by_anchor(offsets, 1), stride, (4 * stride,))
                for grades, offsets, stride in zip(answers[::2], answers[1::2], _STRIDES, strict=True)]

    def chosen(self, boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return vote(boxes, scores, _OVERLAP)
