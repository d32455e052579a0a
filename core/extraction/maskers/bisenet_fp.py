"""Masker bisenet-fp: sorts the pixels of a face into skin, ears, hair, glasses …, of which the wanted ones are masked.

C. Yu et al., "BiSeNet: Bilateral segmentation network for real-time semantic segmentation", ECCV 2018, in the form that
zllrunning/face-parsing.PyTorch (MIT) trained for faces: ResNet-18's features at 1/8 stand for the spatial path.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...options.maskers import MaskerOptions, bisenet_weights
from ..sharing import shared_network
from .network import NetworkMasker, blank


class _Classes(NamedTuple):
    """How many classes some weights know, those of every mask, and those of the parts that can be chosen."""

    known: int
    face: tuple[int, ...]
    glasses: tuple[int, ...]
    ears: tuple[int, ...]
    hair: tuple[int, ...]


_FACESWAP = _Classes(5, face=(1,), glasses=(4,), ears=(2,), hair=(3,))
_ORIGINAL = _Classes(19, face=(1, 2, 3, 4, 5, 10, 11, 12, 13), glasses=(6,), ears=(7, 8, 9), hair=(17,))
# Mean and standard deviation of the pictures each was trained on, RGB 0..1.
_FACESWAP_PICTURES = ((0.384, 0.314, 0.279), (0.324, 0.286, 0.275))
_IMAGENET_PICTURES = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class BiSeNet(nn.Module):
    """Layers are called as in the published files; the heads `conv_out16` and `conv_out32` only served training."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.cp = _ContextPath()
        self.ffm = _FeatureFusion()
        self.conv_out = _Head(256, 256, classes)
        self.conv_out16 = _Head(128, 64, classes)
        self.conv_out32 = _Head(128, 64, classes)

    def forward(self, x: Tensor) -> Tensor:
        """float32 [N, 3, S, S], normalised RGB, S a multiple of 32 -> class scores, [N, classes, S, S]."""
        spatial, context = self.cp(x)
        scores = self.conv_out(self.ffm(torch.cat([spatial, context], 1)))
        return functional.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=True)


class _ConvBN(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(x)))


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + self.downsample(x))


class _ResNet18(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for number, (channels, stride) in enumerate(((64, 1), (128, 2), (256, 2), (512, 2)), 1):
            self.add_module(f"layer{number}", nn.Sequential(_Residual(inputs, channels, stride),
                                                            _Residual(channels, channels, 1)))
            inputs = channels

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features at 1/8, 1/16 and 1/32 of the size."""
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        at8 = self.get_submodule("layer2")(self.get_submodule("layer1")(x))
        at16 = self.get_submodule("layer3")(at8)
        return at8, at16, self.get_submodule("layer4")(at16)


class _Attention(nn.Module):
    """Weighs each channel by what the whole picture says."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv = _ConvBN(inputs, 128)
        self.conv_atten = nn.Conv2d(128, 128, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(128)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.bn_atten(self.conv_atten(x.mean((2, 3), keepdim=True))))


class _ContextPath(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.resnet = _ResNet18()
        self.conv_avg = _ConvBN(512, 128, 1)
        self.arm32, self.conv_head32 = _Attention(512), _ConvBN(128, 128)
        self.arm16, self.conv_head16 = _Attention(256), _ConvBN(128, 128)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Spatial and context features, both at 1/8 of the size."""
        at8, at16, at32 = self.resnet(x)
        y = self.arm32(at32) + self.conv_avg(at32.mean((2, 3), keepdim=True))
        y = self.conv_head32(functional.interpolate(y, at16.shape[2:], mode="nearest"))
        y = self.arm16(at16) + y
        return at8, self.conv_head16(functional.interpolate(y, at8.shape[2:], mode="nearest"))


class _FeatureFusion(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convblk = _ConvBN(256, 256, 1)
        self.conv1 = nn.Conv2d(256, 64, 1, bias=False)
        self.conv2 = nn.Conv2d(64, 256, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.convblk(x)
        weight = self.conv2(functional.relu(self.conv1(x.mean((2, 3), keepdim=True))))
        return x + x * torch.sigmoid(weight)


class _Head(nn.Module):
    def __init__(self, inputs: int, middle: int, classes: int) -> None:
        super().__init__()
        self.conv1 = _ConvBN(inputs, middle)
        self.conv_out = nn.Conv2d(middle, classes, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv1(x))


def _original() -> BiSeNet:
    return blank(lambda: BiSeNet(_ORIGINAL.known))


def _faceswap() -> BiSeNet:
    return blank(lambda: BiSeNet(_FACESWAP.known))


class BisenetFp(NetworkMasker):
    """The wanted parts of the face; masks are hard, each pixel in or out."""

    size = 512

    def __init__(self, options: MaskerOptions | None = None, device: str = "cpu") -> None:
        super().__init__(device)
        options = options or MaskerOptions()
        is_original = options.bisenet_weights == "original"
        name = bisenet_weights(options.bisenet_weights, options.bisenet_hair)
        layout = _ORIGINAL if is_original else _FACESWAP
        wanted = [part for part in ("glasses", "ears", "hair") if getattr(options, f"bisenet_{part}")]
        self.centering = "head" if options.bisenet_hair else "face"
        self.network = shared_network(_original if is_original else _faceswap, name, device)
        classes = [index for part in ("face", *wanted) for index in getattr(layout, part)]
        self._classes = torch.tensor(classes, device=device)
        mean, deviation = _IMAGENET_PICTURES if is_original else _FACESWAP_PICTURES
        self._mean, self._deviation = (torch.tensor(values, device=device).view(1, 3, 1, 1) * 255
                                       for values in (mean, deviation))

    def _prepared(self, x: Tensor) -> Tensor:
        return (x - self._mean) / self._deviation

    def _finished(self, y: Tensor) -> Tensor:
        return torch.isin(y.argmax(1), self._classes).float()
