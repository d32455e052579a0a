"""VGGFace2's ResNet-50 with a projection to 512 numbers, in the layout of the published weights.

Q. Cao et al., "VGGFace2: a dataset for recognising faces across pose and age", FG 2018; weights of Weidi Xie's Keras
version (CC BY-NC 4.0: not for commercial use). It pads as TensorFlow does and strides in the first convolution of a
block, as Caffe's ResNet does. Module names are the file's keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...faces.crop import crop
from ...faces.geometry import Alignment
from ..networks import inference
from ..sharing import shared_network

_MEAN = (91.4953, 103.8827, 131.0912)  # of the training pictures, blue green red
# Stages: (channels inside, channels out, halving, blocks after the first).
_STAGES = ((64, 256, 1, 2), (128, 512, 2, 3), (256, 1024, 2, 5), (512, 2048, 2, 2))
_VECTOR, _EPSILON = 512, 1e-3


class VggFace2:
    """Vectors of 512 numbers, none negative, of length 1.

    Raises:
        WeightsError: if the weights are missing or of another network.
    """

    chip_size = 224

    def __init__(self, device: str = "cpu") -> None:
        self._device = torch.device(device)
        self._network = shared_network(VggFace2Network, "vggface2", device)

    def chip(self, pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        return crop(pixels, Alignment(landmarks), self.chip_size, "legacy").pixels

    def vectors(self, chips: Sequence[np.ndarray]) -> np.ndarray:
        with inference():
            batch = torch.from_numpy(np.stack(chips)).to(self._device).permute(0, 3, 1, 2)
            return self._network(batch.float()).float().cpu().numpy()


class VggFace2Network(nn.Module):
    """float32 [N, 3, 224, 224] RGB 0 .. 255 -> [N, 512]."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.resnet = _ResNet()
        self.dim_proj = nn.Linear(_STAGES[-1][1], _VECTOR)

    def forward(self, x: Tensor) -> Tensor:
        x = self.resnet(x.flip(1) - self.mean)
        return functional.normalize(functional.relu(self.dim_proj(x.mean((2, 3)))))


class _ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(64, _EPSILON)
        inputs = 64
        for number, (inside, outputs, stride, more) in enumerate(_STAGES, 1):
            self.add_module(f"block{number}", _Block(inputs, inside, outputs, stride, projects=True))
            blocks = (_Block(outputs, inside, outputs, 1, projects=False) for _ in range(more))
            self.add_module(f"id{number}", nn.Sequential(*blocks))
            inputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pad(x, (2, 3, 2, 3))
        x = functional.max_pool2d(functional.relu(self.bn(self.conv(x))), 3, 2)
        for number in range(1, len(_STAGES) + 1):
            x = self.get_submodule(f"id{number}")(self.get_submodule(f"block{number}")(x))
        return x


class _Block(nn.Module):
    """A bottleneck; the first of a stage has a convolution on its shortcut too."""

    def __init__(self, inputs: int, inside: int, outputs: int, stride: int, projects: bool) -> None:
        super().__init__()
        self.reduce_conv = nn.Conv2d(inputs, inside, 1, stride, bias=False)
        self.reduce_bn = nn.BatchNorm2d(inside, _EPSILON)
        self.conv = nn.Conv2d(inside, inside, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(inside, _EPSILON)
        self.increase_conv = nn.Conv2d(inside, outputs, 1, bias=False)
        self.increase_bn = nn.BatchNorm2d(outputs, _EPSILON)
        self._projects = projects
        if projects:
            self.proj = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.proj_bn = nn.BatchNorm2d(outputs, _EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.reduce_bn(self.reduce_conv(x)))
        y = functional.relu(self.bn(self.conv(y)))
        y = self.increase_bn(self.increase_conv(y))
        return functional.relu(y + (self.proj_bn(self.proj(x)) if self._projects else x))
