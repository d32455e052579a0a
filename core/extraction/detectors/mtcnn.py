"""MTCNN: three small networks, each of which sees what the one before it let through.

K. Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional networks", IEEE Signal
Processing Letters 23(10), 2016; thresholds and overlaps as in the authors' own program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...faces.nouns import Detection
from ..networks import inference
from ..sharing import shared_network
from .anchored import frames_at_once
from .boxes import suppress
from .framing import reduced, resized
from .mtcnn_networks import Output, Proposals, Refinement

_SMALLEST = 20  # face, pixels of the reduced frame
_STEP = 0.709  # from one picture of the pyramid to the next: about half the area
_WINDOW, _STRIDE = 12, 2  # of the first network
_LEAST = (0.6, 0.7)  # scores that the first and the second network must give; the third's is the person's choice
_OVERLAP_OF_LEVEL, _OVERLAP = 0.5, 0.7

Found = list[tuple[np.ndarray, np.ndarray]]  # for each picture boxes [M, 4] and scores [M]


class Mtcnn:
    """Finds faces of at least 20 px in the reduced frame."""

    default_confidence = 0.7

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        self._size, self._device = size, device
        self.batch_size = frames_at_once(device)
        self._least = self.default_confidence if confidence is None else confidence
        self._proposals = shared_network(Proposals, "mtcnn-pnet", device)
        self._refinement = shared_network(Refinement, "mtcnn-rnet", device)
        self._output = shared_network(Output, "mtcnn-onet", device)

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        framed = reduced(frames, self._size)
        with inference():
            found = self._propose(framed.pixels)
            found = self._judge(self._refinement, 24, framed.pixels, found, _LEAST[1])
            found = self._judge(self._output, 48, framed.pixels, suppressed(found), self._least)
        return [framed.detections(boxes, scores) for boxes, scores in suppressed(found, "smaller")]

    def _tensor(self, pixels: np.ndarray) -> Tensor:
        batch = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float()
        return (batch - 127.5) / 127.5

    def _propose(self, pixels: np.ndarray) -> Found:
        height, width = pixels.shape[1:3]
        batch = self._tensor(pixels)
        levels = []
        scale = _WINDOW / _SMALLEST
        while min(height, width) * scale >= _WINDOW:
            size = round(height * scale), round(width * scale)
            levels.append(self._level(functional.interpolate(batch, size=size, mode="area"),
                                      (width / size[1], height / size[0])))
            scale *= _STEP
        nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        together = [[nothing, *(level[n] for level in levels)] for n in range(len(pixels))]
        return suppressed([(np.concatenate([boxes for boxes, _ in own]), np.concatenate([scores for _, scores in own]))
                           for own in together])

    def _level(self, batch: Tensor, scale: tuple[float, float]) -> Found:
        scores, offsets = (answer.cpu().numpy() for answer in self._proposals(batch))
        found = []
        for score_map, offset_map in zip(scores, offsets, strict=True):
            rows, columns = np.nonzero(score_map >= _LEAST[0])
            corner = np.column_stack([columns, rows]) * _STRIDE
            windows = np.concatenate([corner, corner + _WINDOW], 1) * np.tile(scale, 2)
            boxes = moved(windows.astype(np.float32), offset_map[:, rows, columns].T)
            kept = suppress(windows, score_map[rows, columns], _OVERLAP_OF_LEVEL)
            found.append((boxes[kept], score_map[rows, columns][kept]))
        return found

    def _judge(self, network: nn.Module, side: int, pixels: np.ndarray, found: Found, least: float) -> Found:
        """What the network says of each picture's boxes, made square: those that it scores `least` or more, moved."""
        squares = [within(squared_boxes(boxes), pixels.shape[2], pixels.shape[1]) for boxes, _ in found]
        crops = [crop(picture, box, side) for picture, own in zip(pixels, squares, strict=True) for box in own]
        if not crops:
            return [(boxes[:0], scores[:0]) for boxes, scores in found]
        scores, offsets = (answer.cpu().numpy() for answer in network(self._tensor(np.stack(crops))))
        ends = np.cumsum([len(own) for own in squares])[:-1]
        judged = []
        for own, score, offset in zip(squares, np.split(scores, ends), np.split(offsets, ends), strict=True):
            passed = score >= least
            judged.append((moved(own[passed], offset[passed]), score[passed]))
        return judged


def suppressed(found: Found, of: Literal["union", "smaller"] = "union") -> Found:
    """What is left of each picture's boxes once the worse of those that overlap are gone."""
    left = []
    for boxes, scores in found:
        kept = suppress(boxes, scores, _OVERLAP, of)
        left.append((boxes[kept], scores[kept]))
    return left


def moved(boxes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Boxes [N, 4] with each side moved by its offset, in parts of the box's width and height."""
    return boxes + offsets * np.tile(boxes[:, 2:] - boxes[:, :2], 2)


def squared_boxes(boxes: np.ndarray) -> np.ndarray:
    """The smallest squares around boxes, with the same centres."""
    centres, halves = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 2
    return np.concatenate([centres - halves, centres + halves], 1)


def within(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Those of the boxes that reach into the picture and are no larger than it is long."""
    sides = boxes[:, 2:] - boxes[:, :2]
    reaches = (boxes[:, 2:] > 0).all(1) & (boxes[:, :2] < (width, height)).all(1)
    return boxes[reaches & (sides > 0).all(1) & (sides <= max(width, height)).all(1)]


def crop(pixels: np.ndarray, box: np.ndarray, side: int) -> np.ndarray:
    """What a square box holds, uint8 [side, side, 3]; black where it leaves the picture."""
    height, width = pixels.shape[:2]
    left, top = (int(v) for v in np.floor(box[:2]))
    edge = max(1, round(float(box[2] - box[0])))
    inside = pixels[max(top, 0):max(min(top + edge, height), 0), max(left, 0):max(min(left + edge, width), 0)]
    if inside.shape[:2] != (edge, edge):
        whole = np.zeros((edge, edge, 3), np.uint8)
        y, x = min(max(-top, 0), edge), min(max(-left, 0), edge)
        whole[y:y + inside.shape[0], x:x + inside.shape[1]] = inside
        inside = whole
    return resized(inside, (side, side))
