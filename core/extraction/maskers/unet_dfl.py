"""Masker unet-dfl: a U-Net on VGG-11, trained for masks that follow the face's outline.

V. Iglovikov and A. Shvets, "TernausNet: U-Net with VGG11 encoder pre-trained on ImageNet", arXiv:1801.05746.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...options.maskers import MaskerOptions
from ..sharing import shared_network
from .network import NetworkMasker, blank

# The way down: name in the published file, channels of its convolutions. A pool follows each.
_DOWN = (("features_0", (64,)), ("features_3", (128,)), ("features_8", (256, 256)), ("features_13", (512, 512)),
         ("features_18", (512, 512)))
# The way up: channels of the convolution, and of the enlargement after it, to which the way down's are joined.
_UP = ((512, 256), (512, 256), (512, 128), (256, 64), (128, 32))


class TernausNet(nn.Module):
    """Layers are called as in the published file."""

    def __init__(self) -> None:
        super().__init__()
        inputs, skipped = 3, []
        for name, channels in _DOWN:
            self.add_module(name, _Down(inputs, channels))
            inputs = channels[-1]
            skipped.append(inputs)
        for number, (outputs, enlarged) in enumerate(_UP, 1):
            self.add_module(f"dec{number}", _Up(inputs, outputs, enlarged))
            inputs = enlarged + skipped[-number]
        self.conv2d_6 = nn.Conv2d(inputs, 64, 3, padding=1)
        self.conv2d_7 = nn.Conv2d(64, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """float32 [N, 3, S, S], BGR 0..1, S a multiple of 32 -> [N, 1, S, S] before the sigmoid."""
        skipped = []
        for name, _ in _DOWN:
            x = self.get_submodule(name)(x)
            skipped.append(x)
            x = functional.max_pool2d(x, 2)
        for number in range(1, len(_UP) + 1):
            x = torch.cat([self.get_submodule(f"dec{number}")(x), skipped[-number]], 1)
        return self.conv2d_7(functional.relu(self.conv2d_6(x)))


class _Down(nn.Module):
    def __init__(self, inputs: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for outputs in channels:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = outputs
        self.convs = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.convs(x)


class _Up(nn.Module):
    def __init__(self, inputs: int, channels: int, enlarged: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, channels, 3, padding=1)
        self.conv_trans = nn.ConvTranspose2d(channels, enlarged, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_trans(functional.relu(self.conv(x)))
        # One row and column too many: trained where "same" padding cuts at the end.
        return functional.relu(x[..., :-1, :-1])


def _ternaus_net() -> TernausNet:
    return blank(TernausNet)


class UnetDfl(NetworkMasker):
    """Follows the outline of chin and brows."""

    weights, size, centering = "unet-dfl", 256, "legacy"

    def __init__(self, options: MaskerOptions | None = None, device: str = "cpu") -> None:
        super().__init__(device)
        self.network = shared_network(_ternaus_net, self.weights, device)

    def _prepared(self, x: Tensor) -> Tensor:
        return x.flip(1) / 255

    def _finished(self, y: Tensor) -> Tensor:
        return torch.sigmoid(y)[:, 0]
