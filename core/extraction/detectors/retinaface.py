"""RetinaFace with either backbone, from Pytorch_Retinaface's weights.

J. Deng et al., "RetinaFace: Single-shot multi-level face localisation in the wild", CVPR 2020. The `face-alignment`
library's class for it needs torchvision, which is heavy; ours (see `retinaface_network`) loads the same files.

Frames are fed as BGR less (104, 117, 123): Pytorch_Retinaface reads its pictures with OpenCV, for training
(data/wider_face.py) as for detection (detect.py), and never changes their order. `face-alignment` feeds the same
weights RGB less the same three numbers, which are then red's and blue's the wrong way round.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..sharing import shared_network
from .anchored import AnchoredDetector, by_anchor
from .boxes import ScoreMap, suppress
from .retinaface_network import ANCHORS, SIDES, STRIDES, MobileNet, ResNet50, RetinaFaceNetwork, from_file

_OVERLAP = 0.4


class _RetinaFace(AnchoredDetector):
    _network: RetinaFaceNetwork

    def maps(self, batch: Tensor) -> list[ScoreMap]:
        return [ScoreMap(by_anchor(grades, ANCHORS).softmax(-1)[..., 1], by_anchor(offsets, ANCHORS), stride, sides)
                for (grades, offsets), stride, sides in zip(self._network(batch), STRIDES, SIDES, strict=True)]

    def chosen(self, boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kept = suppress(boxes, scores, _OVERLAP)
        return boxes[kept], scores[kept]


def _mobilenet() -> RetinaFaceNetwork:
    return RetinaFaceNetwork(MobileNet(), 64)


def _resnet() -> RetinaFaceNetwork:
    return RetinaFaceNetwork(ResNet50(), 256)


class RetinaFaceMobileNet(_RetinaFace):
    """The small backbone: 0.4 million parameters."""

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        super().__init__(size, confidence, device)
        self._network = shared_network(_mobilenet, "retinaface-mobilenet", device, from_file)


class RetinaFaceResNet(_RetinaFace):
    """The large backbone: 27 million parameters."""

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        super().__init__(size, confidence, device)
        self._network = shared_network(_resnet, "retinaface-resnet", device, from_file)
