"""The model that started it all: a shared encoder through a wide bottleneck, and two decoders; 64 px."""

from __future__ import annotations

from torch import nn

from .base import SharedEncoderModel
from .layers import Bottleneck, Down, Up, picture


class Original(SharedEncoderModel):
    """82 million parameters; with `lowmem` 61 million."""

    name = "original"
    label = "Original"

    def __init__(self, lowmem: bool = False, learn_mask: bool = False) -> None:
        super().__init__()
        self.encoder = _encoder(lowmem)
        self.decoder_a, self.decoder_b = _decoder(3), _decoder(3)
        if learn_mask:
            self.mask_a, self.mask_b = _decoder(1), _decoder(1)


def _encoder(lowmem: bool) -> nn.Sequential:
    """[N, 3, 64, 64] -> [N, 512, 8, 8]. The small variant drops the deepest convolution and narrows the bottleneck."""
    layers: list[nn.Module] = [Down(3, 128), Down(128, 256), Down(256, 512)]
    if not lowmem:
        layers.append(Down(512, 1024))
    inputs, units = (512 * 8 * 8, 512) if lowmem else (1024 * 4 * 4, 1024)
    return nn.Sequential(*layers, Bottleneck(inputs, units, 1024, 4), Up(1024, 512))


def _decoder(outputs: int) -> nn.Sequential:
    """[N, 512, 8, 8] -> [N, outputs, 64, 64]."""
    return picture(512, 256, 128, 64, outputs=outputs)
