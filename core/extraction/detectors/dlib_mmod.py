"""dlib's max-margin object detector: a small convolutional network slid over an image pyramid, run by torch.

D. King, "Max-margin object detection", 2015; the weights come with the wheel `face_recognition_models`. dlib itself
needs 1.4 s for a frame of 640 x 360 px, this 0.1 s. dlib lays the whole pyramid into one picture, where each level's
edge sees its neighbour; here each level is a picture of its own, so that scores near edges differ a little.
Neighbouring windows vote on the box, which then trembles 40 % less than dlib's, whose boxes lie on a grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import WeightsError
from ...faces.nouns import Detection
from ...weights.files import how_to_get, weights_file
from ...weights.rows import find
from ..dlib_networks import DIVISOR, MEAN, convolution, folded_convolution, tensors
from ..networks import inference
from ..sharing import share
from .anchored import frames_at_once
from .boxes import vote
from .framing import reduced

_WINDOW = 80  # side of the face that the network looks for, pixels of a level
_STRIDE, _FIRST = 8, 14  # between the centres of windows, and the first one's, pixels of a level
_STEP = 5 / 6  # from one level to the next
_OVERLAP = 0.338  # as the file says
_MARGIN = 11  # black pixels around each level: faces cut by the frame's edge need some


class DlibMmod:
    """Finds faces of at least 80 px in the reduced frame.

    Args:
        size: longer side to which frames are reduced, never enlarged, pixels.
        confidence: least score on dlib's scale: distance from the decision boundary, 0 by default; clear faces reach 1.
        device: torch's name of where to compute.
    """

    default_confidence = 0.0

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        self._size, self._device = size, device
        self.batch_size = frames_at_once(device)
        self._least = self.default_confidence if confidence is None else confidence
        file = weights_file("dlib-mmod")
        self._network = share((_network, file, device), partial(_network, file, device))

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        framed = reduced(frames, self._size)
        with inference():
            batch = torch.from_numpy(framed.pixels).to(self._device).permute(0, 3, 1, 2).float()
            levels = [self._level(*level) for level in _pyramid(batch)]
        if not levels:
            return [[] for _ in frames]
        found = []
        for own in zip(*levels, strict=True):
            boxes, scores = (np.concatenate(kind) for kind in zip(*own, strict=True))
            found.append(framed.detections(*vote(boxes, scores, _OVERLAP)))
        return found

    def _level(self, batch: Tensor, scale: tuple[float, float]) -> list[tuple[np.ndarray, np.ndarray]]:
        """(boxes, scores) of each picture of a level, the boxes in pixels of the first level."""
        scores = self._network(batch)
        picture, row, column = (index.cpu().numpy() for index in (scores > self._least).nonzero(as_tuple=True))
        values = scores.cpu().numpy()[picture, row, column]
        centres = np.column_stack([column, row]) * _STRIDE + _FIRST + 0.5 - _MARGIN
        boxes = np.concatenate([centres - _WINDOW / 2, centres + _WINDOW / 2], 1) * np.tile(scale, 2)
        return [(boxes[picture == n], values[picture == n]) for n in range(len(batch))]


class _Network(nn.Module):
    mean: Tensor

    def __init__(self, file: Path) -> None:
        super().__init__()
        source = tensors(file, least=16)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        layers: list[nn.Module] = []
        for inputs, outputs, stride in ((3, 16, 2), (16, 32, 2), (32, 32, 2), (32, 45, 1), (45, 45, 1), (45, 45, 1)):
            layers += [folded_convolution(source, inputs, outputs, 5, stride, is_trained_on=True),
                       nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, convolution(source, 45, 1, 9, 1))

    def forward(self, x: Tensor) -> Tensor:
        """float32 [N, 3, H, W] RGB 0..255 -> scores [N, h, w]."""
        return self.layers(functional.pad((x - self.mean) / DIVISOR, (_MARGIN,) * 4))[:, 0]


def _pyramid(batch: Tensor) -> list[tuple[Tensor, tuple[float, float]]]:
    """The levels that may hold a face, each with its scale (across, down): pixels of the first level per pixel."""
    height, width = batch.shape[2:]
    levels = []
    while min(batch.shape[2:]) >= _WINDOW / 2:
        levels.append((batch, (width / batch.shape[3], height / batch.shape[2])))
        size = round(batch.shape[2] * _STEP), round(batch.shape[3] * _STEP)
        batch = functional.interpolate(batch, size=size, mode="bilinear")
    return levels


def _network(file: Path, device: str) -> _Network:
    try:
        return _Network(file).eval().requires_grad_(False).to(device)
    except (ValueError, StopIteration, IndexError, RuntimeError) as error:
        raise WeightsError(f"The weights {file} are damaged ({error})", how_to_get(find("dlib-mmod"))) from error
