"""A smaller sibling of `original` for graphics cards of 2 GB or less; 64 px."""

from __future__ import annotations

from torch import nn

from .base import SharedEncoderModel
from .layers import Bottleneck, Down, Up, picture


class Lightweight(SharedEncoderModel):
    """51 million parameters."""

    name = "lightweight"
    label = "Lightweight"

    def __init__(self, learn_mask: bool = False) -> None:
        super().__init__()
        self.encoder = nn.Sequential(Down(3, 128), Down(128, 256), Down(256, 512),
                                     Bottleneck(512 * 8 * 8, 512, 512, 4), Up(512, 256))  # -> [N, 256, 8, 8]
        self.decoder_a, self.decoder_b = _decoder(3), _decoder(3)
        if learn_mask:
            self.mask_a, self.mask_b = _decoder(1), _decoder(1)


def _decoder(outputs: int) -> nn.Sequential:
    """[N, 256, 8, 8] -> [N, outputs, 64, 64]."""
    return picture(256, 512, 256, 128, outputs=outputs)
