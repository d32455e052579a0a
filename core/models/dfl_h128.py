"""The idea of `original` at 128 px: five halvings into a wide bottleneck, and plain decoders."""

from __future__ import annotations

from torch import nn

from .base import SharedEncoderModel
from .layers import Bottleneck, Down, Up, picture


class DflH128(SharedEncoderModel):
    """108 million parameters; with `lowmem` 48 million."""

    name = "dfl-h128"
    label = "DFL-H128"
    input_size, output_sizes = 128, (128,)

    def __init__(self, lowmem: bool = False, learn_mask: bool = False) -> None:
        super().__init__()
        width = 256 if lowmem else 512
        self.encoder = nn.Sequential(Down(3, 128), Down(128, 256), Down(256, 512), Down(512, 1024),
                                     Bottleneck(1024 * 8 * 8, width, width, 8), Up(width, width))
        self.decoder_a, self.decoder_b = _decoder(width, 3), _decoder(width, 3)
        if learn_mask:
            self.mask_a, self.mask_b = _decoder(width, 1), _decoder(width, 1)


def _decoder(width: int, outputs: int) -> nn.Sequential:
    """[N, width, 16, 16] -> [N, outputs, 128, 128]."""
    return picture(width, width, width // 2, width // 4, outputs=outputs)
