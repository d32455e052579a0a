"""Maskers vgg-clear and vgg-obstructed: FCN-8s on VGG-16, trained to tell the face from all else.

Y. Nirkin et al., "On face segmentation, face swapping, and face perception", FG 2018; network: J. Long et al., "Fully
convolutional networks for semantic segmentation", CVPR 2015 (the "at once" variant, whose skip scores are scaled).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...options.maskers import MaskerOptions
from ..sharing import shared_network
from .network import NetworkMasker, blank

# Convolutions of VGG-16's five blocks: (channels, how many).
_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
_POOL4_SCALE, _POOL3_SCALE = 0.01, 0.0001
_BORDER = 100  # zeros around the picture, so that its edge survives the unpadded 7 x 7 layer


class FCN8s(nn.Module):
    """VGG-16 without dense layers; scores at 1/32, 1/16 and 1/8 of the size are added up on the way back.

    Layers are called as in the published files, which name the two networks' score layers differently.

    Args:
        classes: of the scores.
        suffix: of the names of the last score layer and of the enlarging ones.
    """

    def __init__(self, classes: int, suffix: str) -> None:
        super().__init__()
        inputs = 3
        for number, (channels, count) in enumerate(_BLOCKS, 1):
            self.add_module(f"conv{number}", _Block(inputs, channels, count, padded_first=number > 1))
            inputs = channels
        self.fc6 = nn.Conv2d(512, 4096, 7)
        self.fc7 = nn.Conv2d(4096, 4096, 1)
        self._names = [name + suffix for name in ("score_fr", "upscore2", "upscore_pool4", "upscore8")]
        score, twice, again, eightfold = self._names
        self.add_module(score, nn.Conv2d(4096, classes, 1))
        self.add_module(twice, nn.ConvTranspose2d(classes, classes, 4, 2, bias=False))
        self.score_pool4 = _Score(512, classes)
        self.add_module(again, nn.ConvTranspose2d(classes, classes, 4, 2, bias=False))
        self.score_pool3 = _Score(256, classes)
        self.add_module(eightfold, nn.ConvTranspose2d(classes, classes, 16, 8, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """float32 [N, 3, S, S], BGR less its mean -> scores before softmax, [N, classes, S, S]."""
        size = x.shape[-1]
        x = functional.pad(x, (_BORDER,) * 4)
        pools = []
        for number in range(1, len(_BLOCKS) + 1):
            x = functional.max_pool2d(self.get_submodule(f"conv{number}")(x), 2, ceil_mode=True)
            pools.append(x)
        # The published tool drops half of the values after fc6 and fc7 while inferring; that was for training only.
        x = functional.relu(self.fc7(functional.relu(self.fc6(x))))
        score, twice, again, eightfold = (self.get_submodule(name) for name in self._names)
        x = twice(score(x))
        x = again(x + _cropped(self.score_pool4(pools[3] * _POOL4_SCALE), 5, x.shape[-1]))
        x = eightfold(x + _cropped(self.score_pool3(pools[2] * _POOL3_SCALE), 9, x.shape[-1]))
        return _cropped(x, 31, size)


class _Block(nn.Module):
    def __init__(self, inputs: int, channels: int, count: int, padded_first: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(count):
            layers += [nn.Conv2d(inputs if index == 0 else channels, channels, 3,
                                 padding=1 if index or padded_first else 0), nn.ReLU(inplace=True)]
        self.convs = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.convs(x)


class _Score(nn.Module):
    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def _cropped(x: Tensor, margin: int, size: int) -> Tensor:
    return x[..., margin:margin + size, margin:margin + size]


def _clear() -> FCN8s:
    return blank(lambda: FCN8s(2, "_r"))


def _obstructed() -> FCN8s:
    return blank(lambda: FCN8s(21, ""))


class _Vgg(NetworkMasker):
    weights: str

    def _prepared(self, x: Tensor) -> Tensor:
        return (x - x.mean((2, 3), keepdim=True)).flip(1)


class VggClear(_Vgg):
    """Face or not, for faces that nothing covers."""

    weights, size = "vgg-clear", 300

    def __init__(self, options: MaskerOptions | None = None, device: str = "cpu") -> None:
        super().__init__(device)
        self.network = shared_network(_clear, self.weights, device)

    def _finished(self, y: Tensor) -> Tensor:
        return torch.softmax(y, 1)[:, 1]


class VggObstructed(_Vgg):
    """Face or not; what covers it is left out."""

    weights, size = "vgg-obstructed", 500

    def __init__(self, options: MaskerOptions | None = None, device: str = "cpu") -> None:
        super().__init__(device)
        self.network = shared_network(_obstructed, self.weights, device)

    def _finished(self, y: Tensor) -> Tensor:
        return 1 - torch.softmax(y, 1)[:, 0]
