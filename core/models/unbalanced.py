"""A small decoder for A, who is only replaced, and a large one for B, whose face is wanted; 64 to 512 px."""

from __future__ import annotations

from torch import nn

from .base import SharedEncoderModel
from .initial import normal_02
from .layers import LEAKY_SLOPE, Bottleneck, Conv, Down, Output, PictureNorm, Up, picture, refined_ups, ups


class Unbalanced(SharedEncoderModel):
    """207 million parameters with the default options; with `lowmem` 108 million.

    Args:
        input_size: of the output too; a multiple of 64 px.
        lowmem: a smaller variant, which overrides the other numbers.
        nodes: width of the bottleneck.
        complexity_encoder, complexity_decoder_a, complexity_decoder_b: filters of the first layer of each part.
    """

    name = "unbalanced"
    label = "Unbalanced"

    def __init__(self, input_size: int = 128, lowmem: bool = False, nodes: int = 1024, complexity_encoder: int = 128,
                 complexity_decoder_a: int = 384, complexity_decoder_b: int = 512, learn_mask: bool = False) -> None:
        super().__init__()
        if input_size < 64 or input_size % 64:
            raise ValueError(f"input_size {input_size}")
        self.input_size, self.output_sizes = input_size, (input_size,)
        code, e, a, b = 512, complexity_encoder, complexity_decoder_a, complexity_decoder_b
        if lowmem:
            code, nodes, e, a, b = 384, 512, 128, 320, 384
        self.encoder = nn.Sequential(
            Conv(3, e, 5, 2, start=normal_02), PictureNorm(), nn.LeakyReLU(LEAKY_SLOPE),
            Conv(e, 2 * e, 5, 2, start=normal_02), PictureNorm(), nn.LeakyReLU(LEAKY_SLOPE),
            Down(2 * e, 4 * e, start=normal_02), Down(4 * e, 6 * e, start=normal_02),
            Down(6 * e, 8 * e, start=normal_02),
            Bottleneck(8 * e * (input_size // 32) ** 2, nodes, code, input_size // 16, start=normal_02))
        widths_a = (a, a, a // 2, a // 4)
        widths_b = (b, b // 2, b // 4, b // 8) if lowmem else (b, b, b // 2, b // 4)
        self.decoder_a = _decoder_a(code, widths_a, 0.15 if lowmem else 0.25)
        self.decoder_b = _plain(code, widths_b) if lowmem else _decoder_b(code, widths_b)
        if learn_mask:
            self.mask_a = picture(code, *widths_a, outputs=1)
            self.mask_b = picture(code, *widths_b, outputs=1)


def _plain(code: int, widths: tuple[int, ...]) -> nn.Sequential:
    """[N, code, S / 16, S / 16] -> [N, 3, S, S], and so the other two."""
    return nn.Sequential(*ups(code, *widths, kernel=5, start=normal_02), Output(widths[-1]))


def _decoder_a(code: int, widths: tuple[int, ...], second_dropout: float) -> nn.Sequential:
    """Whole channels are dropped at random, since A's faces are fewer things to learn than the decoder could hold."""
    first, second, *rest = ups(code, *widths, kernel=5, start=normal_02)
    return nn.Sequential(first, nn.Dropout2d(0.25), second, nn.Dropout2d(second_dropout), *rest, Output(widths[-1]))


def _decoder_b(code: int, widths: tuple[int, ...]) -> nn.Sequential:
    *refined, last = widths
    return nn.Sequential(*refined_ups(code, *refined, kernel=5, first=normal_02, up=normal_02),
                         Up(refined[-1], last, 5, start=normal_02), Output(last))
