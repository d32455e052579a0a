"""Gradient checkpointing: the same numbers in less memory."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
import torch
from torch import nn

from understudy.core.models.base import Outputs, Side, SwapModel, build
from understudy.core.models.layers import Conv, Output
from understudy.core.options.rows import TRAINERS, Row
from understudy.core.training.computing.checkpointing import save_memory
from understudy.core.training.computing.footprint import Ledger


def gradients(model: SwapModel, x: torch.Tensor) -> tuple[dict[str, torch.Tensor], int]:
    """The gradients of a sum over both sides, and the most bytes that their computation took at once."""
    torch.manual_seed(1)
    with Ledger() as ledger:
        a, b = model.forward_both(x, x.flip(0))
        sum(face.square().mean() for made in (a, b) for face in made.faces).backward()
    return {name: p.grad for name, p in model.named_parameters()}, ledger.peak


def layered(*widths: int) -> nn.Sequential:
    """Convolutions with all that training has in them: what draws numbers and what keeps averages."""
    layers = [layer for before, after in pairwise((3, *widths))
              for layer in (Conv(before, after), nn.LeakyReLU(0.1), nn.BatchNorm2d(after), nn.Dropout(0.1))]
    return nn.Sequential(*layers, Output(widths[-1]))


class Layered(SwapModel):
    name, label, input_size, output_sizes = "layered", "Layered", 16, (16,)

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder_a, self.decoder_b = (layered(8, 8, 8, 8) for _ in range(3))

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)

    def decode(self, code: torch.Tensor, side: Side) -> Outputs:
        return Outputs(((self.decoder_a if side == "a" else self.decoder_b)(code),))


def test_the_same_gradients_and_averages_in_less_memory() -> None:
    torch.manual_seed(0)
    plain = Layered()
    saving = copy.deepcopy(plain)
    assert save_memory(saving) == 3 * 4  # 17 layers each
    assert list(saving.state_dict()) == list(plain.state_dict())
    x = torch.rand(8, 3, 16, 16)
    expected, usual = gradients(plain, x)
    found, less = gradients(saving, x)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, msg=lambda text, name=name: f"{name}: {text}")
    for (name, one), other in zip(plain.named_buffers(), saving.buffers(), strict=True):
        assert torch.equal(one, other), name
    assert less < 0.7 * usual


@pytest.mark.parametrize("row", TRAINERS, ids=lambda row: row.name)
def test_every_trainer_is_cut_into_pieces(row: Row) -> None:
    with torch.device("meta"):
        model = build(row.name)
    assert save_memory(model) >= 4
    with torch.no_grad():
        made = model.decode(model.encode(torch.rand(1, 3, model.input_size, model.input_size, device="meta")), "b")
    assert tuple(face.shape[-1] for face in made.faces) == model.output_sizes


def test_without_gradients_nothing_is_forgotten_or_drawn_anew() -> None:
    torch.manual_seed(0)
    plain = Layered().eval()
    saving = copy.deepcopy(plain)
    save_memory(saving)
    x = torch.rand(2, 3, 16, 16)
    with torch.inference_mode():
        assert torch.equal(plain(x, "a"), saving(x, "a"))
