"""A smaller sibling of `original` for graphics cards of 2 GB or less; 64 px."""

from __future__ import annotations

from torch import nn

from .base import SharedEncoderModel
from .layers import Bottleneck, Down, Output, Up


class Lightweight(SharedEncoderModel):
    """51 million parameters."""

    name = "lightweight"
    label = "Lightweight"

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(Down(3, 128), Down(128, 256), Down(256, 512),
                                     Bottleneck(512 * 8 * 8, 512, 512, 4), Up(512, 256))  # -> [N, 256, 8, 8]
        self.decoder_a = _decoder()
        self.decoder_b = _decoder()


def _decoder() -> nn.Sequential:
    """[N, 256, 8, 8] -> [N, 3, 64, 64]."""
    return nn.Sequential(Up(256, 512), Up(512, 256), Up(256, 128), Output(128))
