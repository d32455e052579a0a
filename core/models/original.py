"""The model that started it all: a shared encoder through a wide bottleneck, and two decoders; 64 px."""

from __future__ import annotations

from torch import nn

from .base import SharedEncoderModel
from .layers import Bottleneck, Down, Output, Up


class Original(SharedEncoderModel):
    """82 million parameters; with `lowmem` 61 million."""

    name = "original"
    label = "Original"

    def __init__(self, lowmem: bool = False) -> None:
        super().__init__()
        self.encoder = _encoder(lowmem)
        self.decoder_a = _decoder()
        self.decoder_b = _decoder()


def _encoder(lowmem: bool) -> nn.Sequential:
    """[N, 3, 64, 64] -> [N, 512, 8, 8]. The small variant drops the deepest convolution and narrows the bottleneck."""
    layers: list[nn.Module] = [Down(3, 128), Down(128, 256), Down(256, 512)]
    if not lowmem:
        layers.append(Down(512, 1024))
    inputs, units = (512 * 8 * 8, 512) if lowmem else (1024 * 4 * 4, 1024)
    return nn.Sequential(*layers, Bottleneck(inputs, units, 1024, 4), Up(1024, 512))


def _decoder() -> nn.Sequential:
    """[N, 512, 8, 8] -> [N, 3, 64, 64]."""
    return nn.Sequential(Up(512, 256), Up(256, 128), Up(128, 64), Output(64))
