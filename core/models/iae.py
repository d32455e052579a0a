"""Encoder and decoder shared, three bottlenecks between them: one for each performer and one for both; 64 px."""

from __future__ import annotations

import torch
from torch import nn

from .base import Outputs, Side, SwapModel
from .layers import Bottleneck, Down, picture


class Iae(SwapModel):
    """118 million parameters. The decoder sees a performer's own bottleneck beside the common one."""

    name = "iae"
    label = "IAE"

    def __init__(self, learn_mask: bool = False) -> None:
        super().__init__()
        self.encoder = nn.Sequential(Down(3, 128), Down(128, 256), Down(256, 512), Down(512, 1024))  # [N, 1024, 4, 4]
        self.inter_a, self.inter_b, self.inter_both = _inter(), _inter(), _inter()
        self.decoder = _decoder(3)
        self.mask = _decoder(1) if learn_mask else None

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)

    def decode(self, code: torch.Tensor, side: Side) -> Outputs:
        own = self.inter_a if side == "a" else self.inter_b
        joined = torch.cat((own(code), self.inter_both(code)), 1)
        return Outputs((self.decoder(joined),), None if self.mask is None else self.mask(joined))


def _inter() -> Bottleneck:
    """[N, 1024, 4, 4] -> [N, 512, 4, 4]."""
    return Bottleneck(1024 * 4 * 4, 1024, 512, 4)


def _decoder(outputs: int) -> nn.Sequential:
    """[N, 1024, 4, 4] -> [N, outputs, 64, 64]."""
    return picture(1024, 512, 256, 128, 64, outputs=outputs)
