"""A broad encoder whose stages keep what they saw, and decoders that upscale in two ways at once; 128 -> 128 to 384 px.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .base import Outputs, SharedEncoderModel, Side
from .layers import (
    LEAKY_SLOPE,
    STEEPER_SLOPE,
    BatchNorm,
    Bottleneck,
    Down,
    HybridUp,
    Output,
    Residual,
    SummedUp,
    Up,
)

FEATURES = {"lowmem": (48, 640), "fair": (64, 1152), "best": (64, 1664)}  # filters of the encoder, bottleneck's width
DETAILS = ("fast", "good")
CODE = 1024  # channels of the 4 x 4 picture that the encoder makes
STAGES = 5
DROPOUT = 0.05


class Dlight(SharedEncoderModel):
    """144 million parameters with the default options.

    `stem_a` and `stem_b` are what faces and learned masks share: the first upscaling, by 2, 4 or 6, which is where the
    three output sizes differ.

    Args:
        features: width of the encoder: "lowmem", "fair" or "best".
        details: decoder of B: "fast" or "good".
        output_size: 128, 256 or 384 px.
    """

    name = "dlight"
    label = "DLight"
    input_size = 128

    def __init__(self, features: str = "best", details: str = "good", output_size: int = 256,
                 learn_mask: bool = False) -> None:
        super().__init__()
        if features not in FEATURES or details not in DETAILS or output_size not in (128, 256, 384):
            raise ValueError(f"features {features}, details {details}, output_size {output_size}")
        self.output_sizes = (output_size,)
        factor = output_size // 64
        width, units = FEATURES[features]
        self.encoder = _encoder(width, units)
        self.stem_a: nn.Module = nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=False)
        self.decoder_a = _decoder_a()
        before_mask: list[nn.Module] = []
        if details == "good":
            self.stem_b: nn.Module = HybridUp(CODE, 512, factor=factor, slope=1)
            self.decoder_b = _decoder_good()
            before_mask = [nn.LeakyReLU(LEAKY_SLOPE)]  # here the stem ends without an activation
        else:
            self.stem_b, self.decoder_b = Up(CODE, 512, factor=factor), _decoder_fast()
        if learn_mask:
            self.mask_a, self.mask_b = _mask(CODE), nn.Sequential(*before_mask, *_mask(512))

    def decode(self, code: torch.Tensor, side: Side) -> Outputs:
        return super().decode(self.stem_a(code) if side == "a" else self.stem_b(code), side)


class _Stage(nn.Module):
    """Halve height and width by a convolution and by averaging, side by side: [N, C, H, W] -> [N, filters + C, …]."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.down = Down(channels, filters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.down(x), functional.leaky_relu(functional.avg_pool2d(x, 2), LEAKY_SLOPE)), 1)


def _encoder(width: int, units: int) -> nn.Sequential:
    """[N, 3, 128, 128] -> [N, CODE, 4, 4]."""
    stages, channels = [], 3
    for index in range(STAGES):
        filters = width // 2 * 2**index
        stages.append(_Stage(channels, filters))
        channels += filters
    return nn.Sequential(*stages, Bottleneck(channels * 4 * 4, units, CODE, 4, dropout=DROPOUT))


def _decoder_a() -> nn.Sequential:
    """[N, CODE, s, s] -> [N, 3, 16 s, 16 s]."""
    return nn.Sequential(HybridUp(CODE, 256), HybridUp(256, 128), HybridUp(128, 64), HybridUp(64, 32), Output(32))


def _decoder_good() -> nn.Sequential:
    """[N, 512, s, s] -> [N, 3, 16 s, 16 s]."""
    def up(channels: int, filters: int) -> list[nn.Module]:
        return [HybridUp(channels, filters, slope=1), nn.LeakyReLU(STEEPER_SLOPE)]

    return nn.Sequential(
        nn.LeakyReLU(STEEPER_SLOPE), Residual(512), Residual(512, bias=False), Residual(512, bias=False),
        *up(512, 512), Residual(512), Residual(512, bias=False), BatchNorm(512),
        *up(512, 256), Residual(256),
        *up(256, 128), Residual(128, bias=False), BatchNorm(128),
        HybridUp(128, 64), Output(64))


def _decoder_fast() -> nn.Sequential:
    """[N, 512, s, s] -> [N, 3, 16 s, 16 s]."""
    return nn.Sequential(SummedUp(512, 512), SummedUp(512, 256), SummedUp(256, 128), SummedUp(128, 64), Output(64))


def _mask(channels: int) -> nn.Sequential:
    """[N, channels, s, s] -> [N, 1, 16 s, 16 s]."""
    return nn.Sequential(HybridUp(channels, 128), HybridUp(128, 64), HybridUp(64, 32), HybridUp(32, 16), Output(16, 1))
