"""A residual encoder, and decoders of their own bottlenecks, B's wider than A's; 64 to 128 -> 64 to 256 px."""

from __future__ import annotations

import torch
from torch import nn

from .base import Outputs, SharedEncoderModel, Side
from .layers import (
    LEAKY_SLOPE,
    STEEPER_SLOPE,
    Bottleneck,
    Conv,
    Down,
    Output,
    Residual,
    Up,
    picture,
    ups,
)

LESS_FOR_A = 1.5  # how many times narrower than B's the layers of A's decoder are
MASK_WIDTH = 384


class Realface(SharedEncoderModel):
    """238 million parameters with the default options.

    `stem_a` and `stem_b` are what faces and learned masks share: the bottleneck and the first upscaling.

    Args:
        input_size: a multiple of 16 px.
        output_size: a multiple of 32 px.
        dense_nodes: width of B's bottleneck.
        complexity_encoder, complexity_decoder: filters of the first layer of the encoder, and of B's decoder.
    """

    name = "realface"
    label = "RealFace"

    def __init__(self, input_size: int = 64, output_size: int = 128, dense_nodes: int = 1536,
                 complexity_encoder: int = 128, complexity_decoder: int = 512, learn_mask: bool = False) -> None:
        super().__init__()
        if input_size < 64 or input_size % 16 or output_size < 64 or output_size % 32:
            raise ValueError(f"input_size {input_size}, output_size {output_size}")
        self.input_size, self.output_sizes = input_size, (output_size,)
        c, b = complexity_encoder, complexity_decoder
        self.encoder = _encoder(c)
        small, doublings = _start_of_decoders(input_size, output_size)
        code, flat = _code_filters(small), 8 * c * (input_size // 16) ** 2
        code_a, a = int(code / LESS_FOR_A), int(b / LESS_FOR_A)
        self.stem_a = nn.Sequential(Bottleneck(flat, int(dense_nodes / LESS_FOR_A), code_a, small),
                                    Up(code_a, code_a, slope=1))
        self.stem_b = nn.Sequential(Bottleneck(flat, dense_nodes, code, small), Up(code, code, slope=1))
        self.decoder_a = _decoder_a(code_a, _halving(a, doublings - 1))
        self.decoder_b = _decoder_b(code, _halving(b, doublings - 1))
        if learn_mask:
            self.mask_a, self.mask_b = (nn.Sequential(
                nn.LeakyReLU(LEAKY_SLOPE), *picture(filters, *_halving(MASK_WIDTH, doublings - 1), outputs=1))
                for filters in (code_a, code))

    def decode(self, code: torch.Tensor, side: Side) -> Outputs:
        return super().decode(self.stem_a(code) if side == "a" else self.stem_b(code), side)


def _start_of_decoders(input_size: int, output_size: int) -> tuple[int, int]:
    """Side of the smallest picture of the decoders, and how often it is doubled to reach `output_size`.

    Four or five times, whichever starts nearer to the size of the encoder's code, but from less than 10 px.
    """
    choices = [(output_size // 2**n, n) for n in (4, 5) if output_size // 2**n < 10]
    return min(choices, key=lambda choice: abs(choice[0] * 16 - input_size))


def _code_filters(small: int) -> int:
    """The larger the bottleneck's picture is, the fewer channels it has."""
    return (1024 - 64 * (small - 4)) // 16 * 16


def _halving(width: int, count: int) -> list[int]:
    return [width // 2**i for i in range(count)]


def _encoder(width: int) -> nn.Sequential:
    """[N, 3, S, S] -> [N, 8 width, S / 16, S / 16]."""
    layers: list[nn.Module] = []
    channels = 3
    for filters in (width, 2 * width, 4 * width):
        layers += [Conv(channels, filters, 5, 2), nn.LeakyReLU(STEEPER_SLOPE), Residual(filters), Residual(filters)]
        channels = filters
    return nn.Sequential(*layers, Down(channels, 8 * width))


def _decoder_a(channels: int, widths: list[int]) -> nn.Sequential:
    """[N, channels, s, s] -> [N, 3, s * 2**len(widths), s * 2**len(widths)], and so B's."""
    return nn.Sequential(nn.LeakyReLU(STEEPER_SLOPE), Residual(channels, bias=False), *ups(channels, *widths),
                         Output(widths[-1]))


def _decoder_b(channels: int, widths: list[int]) -> nn.Sequential:
    *refined, last = widths
    layers: list[nn.Module] = [nn.LeakyReLU(STEEPER_SLOPE), Residual(channels, bias=False)]
    for filters in refined:
        layers += [Up(channels, filters, slope=STEEPER_SLOPE), Residual(filters, bias=False), Residual(filters)]
        channels = filters
    return nn.Sequential(*layers, Up(channels, last), Output(last))
