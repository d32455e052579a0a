"""Encoder and decoders of any width and size, in the two shapes `df` and `liae`, with pictures at up to three sizes."""

from __future__ import annotations

import torch
from torch import nn

from .base import Outputs, Side, SwapModel
from .layers import STEEPER_SLOPE, Bottleneck, Down, Output, Residual, Up, picture

ARCHITECTURES = ("df", "liae")


class DflSae(SwapModel):
    """130 million parameters as `df`, 122 million as `liae`, with the other options' defaults.

    In `df` each performer has a decoder. In `liae` all is shared but one of two bottlenecks: A's faces go twice through
    the common one, B's through the common one and B's own, and the decoder sees both results side by side.

    Args:
        input_size: of the output too; a multiple of 16 px.
        architecture: "df" or "liae".
        autoencoder_dims: width of the bottlenecks; 0: 512 for df, 256 for liae.
        encoder_dims, decoder_dims: a third of the filters of the first layer, and of the last one.
        multiscale_decoder: pictures at a quarter and half of the size are trained, too.
    """

    name = "dfl-sae"
    label = "DFL-SAE"

    def __init__(self, input_size: int = 128, architecture: str = "df", autoencoder_dims: int = 0,
                 encoder_dims: int = 42, decoder_dims: int = 21, multiscale_decoder: bool = False,
                 learn_mask: bool = False) -> None:
        super().__init__()
        if input_size < 16 or input_size % 16 or architecture not in ARCHITECTURES:
            raise ValueError(f"input_size {input_size}, architecture {architecture}")
        self.input_size = input_size
        self.output_sizes = (input_size // 4, input_size // 2, input_size) if multiscale_decoder else (input_size,)
        self.shared = architecture == "liae"
        width = autoencoder_dims or (256 if self.shared else 512)
        e, small = 3 * encoder_dims, input_size // 16
        flat = 8 * e * small**2
        downs = [Down(3, e), Down(e, 2 * e), Down(2 * e, 4 * e), Down(4 * e, 8 * e)]
        if self.shared:
            self.encoder = nn.Sequential(*downs)
            self.inter_b, self.inter_both = (_inter(flat, width, 2 * width, small) for _ in range(2))
            decoders, code = ["decoder"], 4 * width
        else:
            self.encoder = nn.Sequential(*downs, *_inter(flat, width, width, small))
            decoders, code = ["decoder_a", "decoder_b"], width
        for decoder in decoders:
            self.add_module(decoder, _Decoder(code, 3 * decoder_dims, multiscale_decoder))
        for decoder in decoders:
            m = decoder_dims
            mask = picture(code, 8 * m, 4 * m, 2 * m, outputs=1) if learn_mask else None
            self.register_module(decoder.replace("decoder", "mask"), mask)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)

    def decode(self, code: torch.Tensor, side: Side) -> Outputs:
        if self.shared:
            both = self.inter_both(code)
            code = torch.cat((both if side == "a" else self.inter_b(code), both), 1)
        suffix = "" if self.shared else f"_{side}"
        decoder, mask = getattr(self, f"decoder{suffix}"), getattr(self, f"mask{suffix}")
        return Outputs(decoder(code), None if mask is None else mask(code))


def _inter(flat: int, width: int, filters: int, small: int) -> nn.Sequential:
    """[N, flat / small**2, small, small] -> [N, filters, 2 small, 2 small]."""
    return nn.Sequential(Bottleneck(flat, width, filters, small), Up(filters, filters))


class _Decoder(nn.Module):
    """[N, code, S / 8, S / 8] -> [N, 3, S, S], with `multiscale` preceded by the same at S / 4 and S / 2."""

    def __init__(self, code: int, width: int, multiscale: bool) -> None:
        super().__init__()
        widths = (8 * width, 4 * width, 2 * width)
        self.stages = nn.ModuleList(
            nn.Sequential(Up(before, after, slope=STEEPER_SLOPE), Residual(after), Residual(after))
            for before, after in zip((code, *widths), widths, strict=False))
        self.outputs = nn.ModuleList(Output(width) for width in (widths if multiscale else widths[-1:]))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        silent, faces = len(self.stages) - len(self.outputs), []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index >= silent:
                faces.append(self.outputs[index - silent](x))
        return tuple(faces)
