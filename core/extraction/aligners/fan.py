"""2DFAN-4: a network of four hourglasses that draws a heatmap for each landmark.

A. Bulat, G. Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment problem?", ICCV 2017. The network
is that of the `face-alignment` library by the same author; the library's own road to it takes one face at a time and
answers in whole pixels, so that crops and decoding are ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from face_alignment.models import FAN

from ...faces.geometry import invert, transform
from ...faces.nouns import Box
from ..networks import inference
from ..sharing import shared_network
from .crops import UPRIGHT_BOX, centre_of, cut, square
from .heatmaps import decode
from .normalization import normalized

INPUT_SIZE, HEATMAP_SIZE, STACKS = 256, 64, 4
_PER_BATCH = {"cuda": 16}  # faces; a processor gains nothing from more than one


def blank_network() -> FAN:
    """The network without its weights: float32 [N, 3, 256, 256] RGB 0 .. 1 -> per stack [N, 68, 64, 64]."""
    return FAN(STACKS)


class Fan:
    """Places landmarks well beyond a detector's box and in profile; one network for all threads.

    Args:
        device: torch's name of it.
        normalization: of the crop that the network sees.
        decoding: how heatmaps become places: "dark" or "neighbour".

    Raises:
        WeightsError: if the weights are missing or of another network.
    """

    input_size = INPUT_SIZE
    reach = 1.6
    upright_box = UPRIGHT_BOX

    def __init__(self, device: str = "cpu", normalization: str = "none", decoding: str = "dark") -> None:
        self._device = torch.device(device)
        self.batch_size = _PER_BATCH.get(self._device.type, 1)
        self._network = shared_network(blank_network, "fan-2d4", device)
        self._normalization, self._decoding = normalization, decoding

    def align(self, pixels: Sequence[np.ndarray], boxes: Sequence[Box]) -> np.ndarray:
        landmarks = np.zeros((len(boxes), 68, 2), np.float32)
        for start in range(0, len(boxes), self.batch_size):
            chosen = slice(start, start + self.batch_size)
            landmarks[chosen] = self._align(pixels[chosen], boxes[chosen])
        return landmarks

    def _align(self, pixels: Sequence[np.ndarray], boxes: Sequence[Box]) -> list[np.ndarray]:
        # 0.8 times the sum of both sides: the published network's rule, for boxes of its own detector.
        matrices = [square(centre_of(box), self.reach * (box[2] + box[3]) / 2, INPUT_SIZE) for box in boxes]
        crops = [normalized(cut(picture, matrix, INPUT_SIZE), self._normalization)
                 for picture, matrix in zip(pixels, matrices, strict=True)]
        points = decode(self._heatmaps(np.stack(crops)), self._decoding)
        ratio = INPUT_SIZE / HEATMAP_SIZE
        in_crop = (points + 0.5) * ratio - 0.5  # a heatmap's pixel stands for the middle of 4 by 4 of the crop's
        return [transform(place, invert(matrix)) for place, matrix in zip(in_crop, matrices, strict=True)]

    def _heatmaps(self, crops: np.ndarray) -> np.ndarray:
        """uint8 [N, 256, 256, 3] RGB -> float32 [N, 68, 64, 64]."""
        with inference():
            batch = torch.from_numpy(crops).to(self._device).permute(0, 3, 1, 2).float() / 255
            return self._network(batch)[-1].float().cpu().numpy()  # each stack draws anew; the last knows best
