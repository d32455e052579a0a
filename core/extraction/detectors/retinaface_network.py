"""RetinaFace's network, named and shaped as in Pytorch_Retinaface's files, without that project's torchvision.

J. Deng et al., "RetinaFace: Single-shot multi-level face localisation in the wild", CVPR 2020: a backbone, a feature
pyramid, and on each of its three levels a context module (M. Najibi et al., "SSH", ICCV 2017) before the heads. The
backbones are MobileNetV1 at a quarter of its width (A. Howard et al., 2017) and ResNet-50 (K. He et al., CVPR 2016).
Names of attributes are those of the files.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

ANCHORS = 2  # in each cell of a level
STRIDES = (8, 16, 32)
SIDES = ((16, 32), (64, 128), (256, 512))


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1,
                 slope: float | None = None) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
                               nn.BatchNorm2d(outputs)]
    return layers if slope is None else [*layers, nn.LeakyReLU(slope, inplace=True)]


class MobileNet(nn.Module):
    """MobileNetV1 at a quarter of its width; gives what its three stages end with."""

    channels = (64, 128, 256)

    def __init__(self) -> None:
        super().__init__()

        def stage(inputs: int, *layers: tuple[int, int]) -> list[nn.Module]:
            made: list[nn.Module] = []
            for outputs, stride in layers:
                made.append(nn.Sequential(*_convolution(inputs, inputs, 3, stride, groups=inputs, slope=0.1),
                                          *_convolution(inputs, outputs, 1, slope=0.1)))
                inputs = outputs
            return made

        first = nn.Sequential(*_convolution(3, 8, 3, 2, slope=0.1))
        self.stage1 = nn.Sequential(first, *stage(8, (16, 1), (32, 2), (32, 1), (64, 2), (64, 1)))
        self.stage2 = nn.Sequential(*stage(64, (128, 2), *((128, 1),) * 5))
        self.stage3 = nn.Sequential(*stage(128, (256, 2), (256, 1)))

    def forward(self, x: Tensor) -> list[Tensor]:
        one = self.stage1(x)
        two = self.stage2(one)
        return [one, two, self.stage3(two)]


class _Bottleneck(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(inputs, width, 1)
        self.conv2, self.bn2 = _convolution(width, width, 3, stride)
        self.conv3, self.bn3 = _convolution(width, 4 * width, 1)
        if stride > 1 or inputs != 4 * width:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, 4 * width, 1, stride, bias=False),
                                            nn.BatchNorm2d(4 * width))
        else:
            self.downsample = nn.Sequential()

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        return functional.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet50(nn.Module):
    """ResNet-50; gives what its last three stages end with."""

    channels = (512, 1024, 2048)

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.layer1 = self._stage(64, 64, 3, 1)
        self.layer2 = self._stage(256, 128, 4, 2)
        self.layer3 = self._stage(512, 256, 6, 2)
        self.layer4 = self._stage(1024, 512, 3, 2)

    @staticmethod
    def _stage(inputs: int, width: int, blocks: int, stride: int) -> nn.Sequential:
        return nn.Sequential(_Bottleneck(inputs, width, stride),
                             *(_Bottleneck(4 * width, width, 1) for _ in range(blocks - 1)))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        two = self.layer2(self.layer1(x))
        three = self.layer3(two)
        return [two, three, self.layer4(three)]


class _Pyramid(nn.Module):
    def __init__(self, inputs: tuple[int, int, int], width: int, slope: float) -> None:
        super().__init__()
        self.output1, self.output2, self.output3 = (
            nn.Sequential(*_convolution(channels, width, 1, slope=slope)) for channels in inputs)
        self.merge1, self.merge2 = (nn.Sequential(*_convolution(width, width, slope=slope)) for _ in range(2))

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        fine, middle, coarse = self.output1(levels[0]), self.output2(levels[1]), self.output3(levels[2])
        middle = self.merge2(middle + functional.interpolate(coarse, size=middle.shape[2:]))
        fine = self.merge1(fine + functional.interpolate(middle, size=fine.shape[2:]))
        return [fine, middle, coarse]


class _Context(nn.Module):
    """Looks at 3 x 3, 5 x 5 and 7 x 7 cells, the larger ones as chains of 3 x 3."""

    def __init__(self, width: int, slope: float) -> None:
        super().__init__()
        quarter = width // 4
        self.conv3X3 = nn.Sequential(*_convolution(width, width // 2))
        self.conv5X5_1 = nn.Sequential(*_convolution(width, quarter, slope=slope))
        self.conv5X5_2 = nn.Sequential(*_convolution(quarter, quarter))
        self.conv7X7_2 = nn.Sequential(*_convolution(quarter, quarter, slope=slope))
        self.conv7x7_3 = nn.Sequential(*_convolution(quarter, quarter))

    def forward(self, x: Tensor) -> Tensor:
        shared = self.conv5X5_1(x)
        wide = self.conv7x7_3(self.conv7X7_2(shared))
        return functional.relu(torch.cat([self.conv3X3(x), self.conv5X5_2(shared), wide], 1))


class _Head(nn.Module):
    def __init__(self, width: int, values: int) -> None:
        super().__init__()
        self.conv1x1 = nn.Conv2d(width, ANCHORS * values, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv1x1(x)


class RetinaFaceNetwork(nn.Module):
    """float32 [N, 3, H, W], H and W multiples of 32 -> for strides 8, 16 and 32 (grades, offsets).

    Grades are [N, 4, h, w], no face and face for two anchors, before the softmax; offsets [N, 8, h, w].

    Args:
        backbone: `MobileNet()` or `ResNet50()`.
        width: of the pyramid: 64 with the former, 256 with the latter.
    """

    def __init__(self, backbone: MobileNet | ResNet50, width: int) -> None:
        super().__init__()
        slope = 0.1 if width <= 64 else 0.0
        self.body = backbone
        self.fpn = _Pyramid(backbone.channels, width, slope)
        self.ssh1, self.ssh2, self.ssh3 = (_Context(width, slope) for _ in range(3))
        self.ClassHead = nn.ModuleList(_Head(width, 2) for _ in range(3))
        self.BboxHead = nn.ModuleList(_Head(width, 4) for _ in range(3))

    def forward(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        levels = self.fpn(self.body(x))
        levels = [look(level) for look, level in zip((self.ssh1, self.ssh2, self.ssh3), levels, strict=True)]
        return [(grade(level), place(level))
                for grade, place, level in zip(self.ClassHead, self.BboxHead, levels, strict=True)]


def from_file(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A published state dict as this network's: without the prefix of several cards, the five points' head, and the
    classifier that the backbone was first trained with."""
    bare = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return {name: tensor for name, tensor in bare.items() if not name.startswith(("LandmarkHead.", "body.fc."))}
