"""Understudy's own 64 px model for processors and quick looks: a recognisable swap in minutes without a graphics card.

What makes it quick. Compared by the measures of `benchmarks/swap_quality.py`, each in one or two short runs:
  - While it trains, a linear head reads the face's landmarks, less the performer's mean shape, off the code. So the
    code soon holds pose and expression, the same for both performers; without it the same takes twice the iterations.
  - Small displacements, and another light on the inputs alone, so that the encoder knows a face in the other's light.
  - A high learning rate.
  - The two performers share most of the decoder: it learns from both what a pose or a smile looks like, and what is
    left to each is who shows it. So B knows how to make the faces that only A ever made. In 1,500 iterations SSIM rose
    from 0.771 to 0.781 by that, and what each performer has of its own at 16 px brought identity from 0.389 to 0.376.
The rest are choices of design, not compared one by one:
  - Few pixels see many channels: strided convolutions lead down at once, and the last convolution of a decoder works
    at 32 px and leaves the final doubling to a pixel shuffle (Shi et al. 2016).
  - The encoder sees each picture with the mean and spread of its middle evened out per channel, so that light and
    complexion differ less between the performers before anything is learned.
  - A moving average of the weights takes away the noise of the high learning rate (Polyak and Juditsky 1992).
  - Natural colours, and targets that are interpolated once.
"""

from __future__ import annotations

import torch
from torch import nn

from .base import Outputs, Recipe, Side, SwapModel
from .layers import Conv, PixelShuffle

CODE = 256  # numbers that describe a face between encoder and decoders
LEAST_SPREAD = 0.05  # of the evened-out picture: flat pictures are not blown up to noise


class Sketch(SwapModel):
    """2.8 million parameters, 0.18 GFLOP for one face forward (encoder and one decoder)."""

    name = "sketch"
    label = "Sketch"
    recipe = Recipe(learning_rate=2e-3, betas=(0.9, 0.99), epsilon=1e-8, loss="0.5*ssim5+mae", eyes=1.0, mouth=1.0,
                    mask_floor=0.1,
                    landmark_weight=1.0, warm_up=50, settle_after=2500, ema=0.9999, oversampling=2,
                    augmentation={"color": False, "rotation": 3.0, "zoom": 0.02, "shift": 0.01, "relight": 0.7},
                    late_augmentation={"rotation": 7.5, "zoom": 0.05, "shift": 0.04}, late_between=(2500, 10_000))

    def __init__(self, learn_mask: bool = False) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            _EvenOut(),
            Conv(3, 32, 5, 2), nn.ReLU(), Conv(32, 64, 3, 2), nn.ReLU(), Conv(64, 128, 3, 2), nn.ReLU(),
            Conv(128, 192, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(192 * 4 * 4, CODE))
        self.landmarks = nn.Linear(CODE, 136)
        self.unfold = nn.Sequential(nn.Linear(CODE, 128 * 4 * 4), nn.Unflatten(1, (128, 4, 4)), _Up(128, 96))
        self.shared = _Up(96, 64)
        self.trait_a, self.trait_b = _Trait(96, 8), _Trait(96, 8)
        self.decoder_a, self.decoder_b = _decoder(), _decoder()
        self.mask = nn.Sequential(_Up(64, 16), _Picture(16, 1)) if learn_mask else None

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)

    def decode(self, code: torch.Tensor, side: Side) -> Outputs:
        trait, decoder = (self.trait_a, self.decoder_a) if side == "a" else (self.trait_b, self.decoder_b)
        features = self.shared(trait(self.unfold(code)))
        mask = None if self.mask is None else self.mask(features)
        return Outputs((decoder(features),), mask, self.landmarks(code).float())


class _EvenOut(nn.Module):
    """Give the middle of every picture mean 0 and spread 0.5 per channel: [N, 3, 64, 64] -> the same shape."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size = x.shape[-1]
        middle = x[..., size * 3 // 16: size * 7 // 8, size * 3 // 16: size * 13 // 16]
        spread, mean = torch.std_mean(middle, dim=(2, 3), keepdim=True)
        return (x - mean) / (2 * (spread + LEAST_SPREAD))


class _Up(nn.Sequential):
    """Double height and width: 3x3 convolution to four times the filters, ReLU, pixel shuffle."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__(Conv(channels, filters * 4), nn.ReLU(), PixelShuffle())


class _Trait(nn.Module):
    """What a performer adds to shared features, place by place: [N, C, S, S] -> the same shape, x (1 + scale) + shift.

    As feature-wise modulation (Perez et al. 2018, "FiLM"), learned for a person instead of read from a picture.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels, size, size))
        self.shift = nn.Parameter(torch.zeros(channels, size, size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (1 + self.scale) + self.shift


class _Residual(nn.Module):
    """Two convolutions beside the straight way, He et al. 2016; begins close to the straight way alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = Conv(channels, channels), Conv(channels, channels)
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(torch.relu(self.first(x)))


class _Picture(nn.Module):
    """Features to a picture of twice the size, float32 in [0, 1], whatever came in."""

    def __init__(self, channels: int, outputs: int = 3) -> None:
        super().__init__()
        self.conv, self.shuffle = Conv(channels, outputs * 4), PixelShuffle()
        with torch.no_grad():
            self.conv.weight.mul_(0.3)  # start near grey, where the sigmoid is steep

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.shuffle(self.conv(x)).float())


def _decoder() -> nn.Sequential:
    """What a performer has of its own: [N, 64, 16, 16] -> [N, 3, 64, 64]."""
    return nn.Sequential(_Trait(64, 16), _Residual(64), _Up(64, 48), _Picture(48))
