"""An encoder much like that of `original`, and decoders with residual blocks; 64 -> 128 or 128 -> 256 px."""

from __future__ import annotations

from torch import nn

from .base import SharedEncoderModel
from .initial import normal_02
from .layers import Bottleneck, Down, Output, Up, picture, refined_ups, ups


class Dfaker(SharedEncoderModel):
    """117 million parameters; 312 million at 256 px.

    Args:
        output_size: 128 or 256 px; the input has half of it.
    """

    name = "dfaker"
    label = "Dfaker"

    def __init__(self, output_size: int = 128, learn_mask: bool = False) -> None:
        super().__init__()
        if output_size not in (128, 256):
            raise ValueError(f"output_size {output_size}")
        self.input_size, self.output_sizes = output_size // 2, (output_size,)
        flat = 512 * (self.input_size // 8) ** 2
        self.encoder = nn.Sequential(Down(3, 128), Down(128, 256), Down(256, 512), Bottleneck(flat, 1024, 1024, 4),
                                     Up(1024, 512))  # -> [N, 512, 8, 8]
        first = [1024] if output_size == 256 else []
        self.decoder_a, self.decoder_b = _decoder(*first), _decoder(*first)
        if learn_mask:
            self.mask_a, self.mask_b = (picture(512, *first, 512, 256, 128, 64, outputs=1) for _ in "ab")


def _decoder(*first: int) -> nn.Sequential:
    """[N, 512, 8, 8] -> [N, 3, 128, 128], or twice that with another stage first."""
    return nn.Sequential(*refined_ups(512, *first, 512, 256, 128, first=normal_02), *ups(128, 64), Output(64))
