"""A deep residual encoder that keeps half of the picture's resolution for long, and refined decoders; 128 px."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .base import SharedEncoderModel
from .initial import normal_02
from .layers import (
    LEAKY_SLOPE,
    STEEPER_SLOPE,
    Bottleneck,
    Conv,
    Down,
    Output,
    PixelShuffle,
    Residual,
    SeparableDown,
    Up,
    picture,
    refined_ups,
)


class Villain(SharedEncoderModel):
    """155 million parameters; with `lowmem` 119 million."""

    name = "villain"
    label = "Villain"
    input_size, output_sizes = 128, (128,)

    def __init__(self, lowmem: bool = False, learn_mask: bool = False) -> None:
        super().__init__()
        self.encoder = _encoder(lowmem)
        self.decoder_a, self.decoder_b = _decoder(), _decoder()
        if learn_mask:
            self.mask_a, self.mask_b = (picture(512, 512, 256, 128, outputs=1) for _ in "ab")


class _Trunk(nn.Module):
    """Halve height and width once, then residual blocks beside a long straight way: [N, 3, S, S] -> [N, 128, S/2, S/2].
    """

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.entry = Conv(3, 128, 5, 2, start=normal_02)
        self.blocks = nn.Sequential(*(Residual(128, start=normal_02) for _ in range(blocks)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.entry(x)
        return self.blocks(functional.leaky_relu(x, STEEPER_SLOPE)) + functional.leaky_relu(x, LEAKY_SLOPE)


def _encoder(lowmem: bool) -> nn.Sequential:
    """[N, 3, 128, 128] -> [N, 512, 16, 16]."""
    start = normal_02
    layers: list[nn.Module] = [
        _Trunk(8 if lowmem else 16),
        Down(128, 128, start=start), PixelShuffle(), Down(32, 128, start=start), PixelShuffle(),
        Down(32, 128, start=start),
        SeparableDown(128, 256, start=start), Down(256, 512, start=start)]  # -> [N, 512, 8, 8]
    if not lowmem:
        layers.append(SeparableDown(512, 1024, start=start))
    inputs, units = (512 * 8 * 8, 512) if lowmem else (1024 * 4 * 4, 1024)
    return nn.Sequential(*layers, Bottleneck(inputs, units, 1024, 8, start=start), Up(1024, 512, start=start))


def _decoder() -> nn.Sequential:
    """[N, 512, 16, 16] -> [N, 3, 128, 128]."""
    return nn.Sequential(*refined_ups(512, 512, 256, 128, first=normal_02, up=normal_02), Output(128))
