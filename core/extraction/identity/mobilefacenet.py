"""MobileFaceNet, a face recognition network of a million parameters, for weights that the person brings.

S. Chen, Y. Liu, X. Gao, Z. Han, "MobileFaceNets: efficient CNNs for accurate real-time face verification on mobile
devices", 2018 (arXiv 1804.07573), table 1. Module names are those of Xiaoccer/MobileFaceNet_Pytorch, whose files it
loads, for pictures of 112 by 96 or, as later trainings use, 112 by 112; the last depthwise kernel tells which.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...faces.crop import warp
from ...faces.geometry import umeyama
from ...weights.files import weights_file
from ..networks import inference, load, read_state
from ..sharing import share

# Where eyes, nose tip and mouth corners lie in a chip of 112 by 112 (W. Liu et al., "SphereFace", CVPR 2017, with the
# 8 pixels more on each side of the square that InsightFace introduced).
_PLACES = np.array([(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
                    (70.7299, 92.2041)])
# Bottlenecks: (expansion, channels, how many, stride of the first); table 1 of the paper.
_BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
_VECTOR = 128
_KERNEL_KEY = "linear7.conv.weight"


class MobileFaceNet:
    """Vectors of 128 numbers of length 1.

    Raises:
        WeightsError: if no weights were imported, or ones of another network.
    """

    chip_size = 112

    def __init__(self, device: str = "cpu") -> None:
        self._device = torch.device(device)
        file = weights_file("mobilefacenet")

        def make() -> MobileFaceNetwork:
            state = read_state(file)
            is_square = _KERNEL_KEY in state and tuple(state[_KERNEL_KEY].shape[2:]) == (7, 7)
            return load(MobileFaceNetwork(112 if is_square else 96), state, file).to(self._device)

        self._network = share((MobileFaceNetwork, file, device), make)

    def chip(self, pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        five = np.array([landmarks[36:42].mean(0), landmarks[42:48].mean(0), landmarks[30], landmarks[48],
                         landmarks[54]])
        return warp(pixels, umeyama(five, _PLACES), self.chip_size)

    def vectors(self, chips: Sequence[np.ndarray]) -> np.ndarray:
        aside = (self.chip_size - self._network.width) // 2
        pictures = np.stack(chips)[:, :, aside:self.chip_size - aside]
        with inference():
            batch = (torch.from_numpy(pictures).to(self._device).permute(0, 3, 1, 2).float() - 127.5) / 128
            return functional.normalize(self._network(batch).float()).cpu().numpy()


class MobileFaceNetwork(nn.Module):
    """float32 [N, 3, 112, width] RGB -1 .. 1 -> [N, 128].

    Args:
        width: of the pictures, 96 or 112.
    """

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.width = width
        self.conv1 = _Layer(3, 64, 3, stride=2, padding=1)
        self.dw_conv1 = _Layer(64, 64, 3, padding=1, groups=64)
        blocks, inputs = [], 64
        for expansion, channels, count, first_stride in _BOTTLENECKS:
            for place in range(count):
                blocks.append(_Bottleneck(inputs, channels, 1 if place else first_stride, expansion))
                inputs = channels
        self.blocks = nn.Sequential(*blocks)
        self.conv2 = _Layer(128, 512, 1)
        self.linear7 = _Layer(512, 512, (7, width // 16), groups=512, is_linear=True)
        self.linear1 = _Layer(512, _VECTOR, 1, is_linear=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2(self.blocks(self.dw_conv1(self.conv1(x))))
        return self.linear1(self.linear7(x)).flatten(1)


class _Layer(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int = 1, padding: int = 0,
                 groups: int = 1, is_linear: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        if not is_linear:
            self.prelu = nn.PReLU(outputs)
        self._is_linear = is_linear

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return x if self._is_linear else self.prelu(x)


class _Bottleneck(nn.Module):
    """M. Sandler et al., "MobileNetV2", CVPR 2018, with PReLU: widen, filter each channel, narrow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self._adds = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.PReLU(wide),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.PReLU(wide),
            nn.Conv2d(wide, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self._adds else self.conv(x)
