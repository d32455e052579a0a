"""What the networks that grade anchors have in common: frames in, score maps out, one box per face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...faces.nouns import Detection
from ..networks import inference
from .boxes import ScoreMap
from .framing import reduced

_MULTIPLE = 32  # frames are padded so that every score map but the coarsest covers whole cells
_MOST = 750  # candidates of one frame that are looked at, best first


class AnchoredDetector:
    """Runs a network on a batch of frames. A subclass says what it is fed and what its answers mean.

    Args:
        size: longer side to which frames are reduced, pixels.
        confidence: least score, 0 .. 1; None: `default_confidence`.
        device: torch's name of where to compute.
    """

    default_confidence = 0.7
    mean = (104.0, 117.0, 123.0)  # of the three channels in the order in which the network takes them

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        self._size, self._device = size, device
        self.batch_size = frames_at_once(device)
        self._least = self.default_confidence if confidence is None else confidence
        self._mean = torch.tensor(self.mean, device=device).view(1, 3, 1, 1)

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        framed = reduced(frames, self._size, _MULTIPLE)
        with inference():
            maps = self.maps(self.prepared(framed.pixels))
            by_map = [score_map.candidates(self._least) for score_map in maps]
        found = []
        for parts in zip(*by_map, strict=True):
            boxes, scores = (np.concatenate(kind) for kind in zip(*parts, strict=True))
            best = np.argsort(-scores, kind="stable")[:_MOST]
            found.append(framed.detections(*self.chosen(boxes[best], scores[best])))
        return found

    def prepared(self, pixels: np.ndarray) -> Tensor:
        """float32 [N, 3, H, W] for the network from uint8 [N, H, W, 3] RGB: BGR without the mean."""
        # Channels stay innermost in memory, which convolutions on a processor finish a sixth sooner.
        batch = torch.from_numpy(pixels).to(self._device).flip(3).permute(0, 3, 1, 2).float()
        return batch.sub_(self._mean)

    def maps(self, batch: Tensor) -> list[ScoreMap]:
        """What the network says of a prepared batch."""
        raise NotImplementedError

    def chosen(self, boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One box and score per face, out of the candidates on one picture."""
        raise NotImplementedError


def frames_at_once(device: str) -> int:
    """How many frames networks take at once. A processor is quicker one by one: what it works on then stays near it."""
    return 1 if device == "cpu" else 8


def by_anchor(answers: Tensor, anchors: int) -> Tensor:
    """A head's [N, K * V, H, W] as [N, H, W, K, V]: V values of each of K anchors."""
    n, channels, height, width = answers.shape
    return answers.permute(0, 2, 3, 1).reshape(n, height, width, anchors, channels // anchors)
