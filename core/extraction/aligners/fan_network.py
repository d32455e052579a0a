"""The face alignment network 2DFAN-4, in the layout of its author's published weights.

A. Bulat, G. Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment problem?", ICCV 2017: four stacked
hourglasses whose blocks are those of the same authors' "Binarized convolutional landmark localizers", ICCV 2017.
Downsampling averages, as the weights of 2019 (2DFAN4-11f355bf06) were trained; module names are the file's keys.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

STACKS, DEPTH, FEATURES, LANDMARKS = 4, 4, 256, 68
INPUT_SIZE, HEATMAP_SIZE = 256, 64


class FanNetwork(nn.Module):
    """float32 [N, 3, 256, 256] RGB 0 .. 1 -> the last stack's heatmaps, float32 [N, 68, 64, 64]."""

    def __init__(self, stacks: int = STACKS) -> None:
        super().__init__()
        self._stacks = stacks
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = _Block(64, 128)
        self.conv3 = _Block(128, 128)
        self.conv4 = _Block(128, FEATURES)
        for stack in range(stacks):
            self.add_module(f"m{stack}", _Hourglass())
            self.add_module(f"top_m_{stack}", _Block(FEATURES, FEATURES))
            self.add_module(f"conv_last{stack}", nn.Conv2d(FEATURES, FEATURES, 1))
            self.add_module(f"bn_end{stack}", nn.BatchNorm2d(FEATURES))
            self.add_module(f"l{stack}", nn.Conv2d(FEATURES, LANDMARKS, 1))
            if stack < stacks - 1:  # what one stack found, led back into what the next one looks at
                self.add_module(f"bl{stack}", nn.Conv2d(FEATURES, FEATURES, 1))
                self.add_module(f"al{stack}", nn.Conv2d(LANDMARKS, FEATURES, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.avg_pool2d(self.conv2(x), 2)
        x = self.conv4(self.conv3(x))
        for stack in range(self._stacks):
            seen = self._part("top_m_", stack)(self._part("m", stack)(x))
            seen = functional.relu(self._part("bn_end", stack)(self._part("conv_last", stack)(seen)))
            heatmaps = self._part("l", stack)(seen)
            if stack < self._stacks - 1:
                x = x + self._part("bl", stack)(seen) + self._part("al", stack)(heatmaps)
        return heatmaps

    def _part(self, name: str, stack: int) -> nn.Module:
        return self.get_submodule(f"{name}{stack}")


class _Hourglass(nn.Module):
    """Down through four halvings and up again; at each level a branch keeps the detail."""

    def __init__(self) -> None:
        super().__init__()
        for level in range(DEPTH, 0, -1):
            self.add_module(f"b1_{level}", _Block(FEATURES, FEATURES))
            self.add_module(f"b2_{level}", _Block(FEATURES, FEATURES))
            self.add_module(f"b3_{level}", _Block(FEATURES, FEATURES))
        self.add_module("b2_plus_1", _Block(FEATURES, FEATURES))

    def forward(self, x: Tensor) -> Tensor:
        return self._level(x, DEPTH)

    def _level(self, x: Tensor, level: int) -> Tensor:
        detail = self.get_submodule(f"b1_{level}")(x)
        low = self.get_submodule(f"b2_{level}")(functional.avg_pool2d(x, 2))
        low = self._level(low, level - 1) if level > 1 else self.get_submodule("b2_plus_1")(low)
        low = self.get_submodule(f"b3_{level}")(low)
        return detail + functional.interpolate(low, scale_factor=2, mode="nearest")


class _Block(nn.Module):
    """Three convolutions in a row; their answers (a half, a quarter, a quarter of the channels) stand side by side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half, quarter = outputs // 2, outputs // 4
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, half, 3, padding=1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(half), nn.Conv2d(half, quarter, 3, padding=1, bias=False)
        self.bn3, self.conv3 = nn.BatchNorm2d(quarter), nn.Conv2d(quarter, quarter, 3, padding=1, bias=False)
        self.downsample = None if inputs == outputs else nn.Sequential(
            nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv1(functional.relu(self.bn1(x)))
        second = self.conv2(functional.relu(self.bn2(first)))
        third = self.conv3(functional.relu(self.bn3(second)))
        return torch.cat((first, second, third), 1) + (x if self.downsample is None else self.downsample(x))
