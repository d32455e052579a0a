"""Each trainer's network: sizes, shares and directions, without computing more than a forward pass."""

from __future__ import annotations

import pytest
import torch

from understudy.core.models.base import SwapModel, build
from understudy.core.models.layers import Bottleneck, Conv, Dense, Down, Output, Up, same_padding
from understudy.core.options.rows import TRAINERS, find

LOWMEM = ["original"]
VARIANTS = [(row.name, False) for row in TRAINERS] + [(name, True) for name in LOWMEM]
# Parameters of the field's reference implementations (counted there, see each model's docstring for the layers).
EXACT = {("original", "encoder"): 69_662_976, ("original", "decoder_a"): 6_199_747}
MILLIONS = {("original", False): 82.06, ("original", True): 60.57, ("lightweight", False): 51.07}
PARTS = {("original", False): (69.66, 6.20), ("original", True): (48.17, 6.20), ("lightweight", False): (29.81, 10.63)}


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def on_meta(trainer: str, lowmem: bool = False) -> SwapModel:
    with torch.device("meta"):
        return build(trainer, {"lowmem": True} if lowmem else {})


@pytest.mark.parametrize(("trainer", "lowmem"), VARIANTS)
def test_pictures_keep_their_promised_shapes(trainer: str, lowmem: bool) -> None:
    model = on_meta(trainer, lowmem)
    x = torch.empty(2, 3, model.input_size, model.input_size, device="meta")
    for side in ("a", "b"):
        assert tuple(model(x, side).shape) in {(2, c, model.output_size, model.output_size) for c in (3, 4)}
    a, b = model.forward_both(x, x[:1])
    assert (len(a.faces[0]), len(b.faces[0])) == (2, 1)
    assert model.name == trainer
    assert model.label == find(TRAINERS, trainer).label


@pytest.mark.parametrize(("trainer", "lowmem"), list(MILLIONS))
def test_parameter_counts_are_those_of_the_field(trainer: str, lowmem: bool) -> None:
    model = on_meta(trainer, lowmem)
    assert round(count(model) / 1e6, 2) == MILLIONS[trainer, lowmem]
    encoder, decoder = PARTS[trainer, lowmem]
    assert round(count(model.encoder) / 1e6, 2) == encoder
    assert round(count(model.decoder_a) / 1e6, 2) == round(count(model.decoder_b) / 1e6, 2) == decoder
    if not lowmem:
        for (name, part), exact in EXACT.items():
            if name == trainer:
                assert count(getattr(model, part)) == exact


@pytest.mark.parametrize("trainer", ["original", "lightweight"])
def test_a_to_b_goes_through_the_shared_encoder_and_the_decoder_of_b(trainer: str) -> None:
    torch.manual_seed(0)
    model = build(trainer, {"lowmem": True} if trainer in LOWMEM else {})
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(model(x, "b"), model.decoder_b(model.encoder(x)))
        assert torch.equal(model(x, "a"), model.decoder_a(model.encoder(x)))
        assert not torch.equal(model(x, "a"), model(x, "b"))
        y_a, y_b = model.forward_both(x, x)
        torch.testing.assert_close(y_a.faces[-1], model(x, "a"))
        torch.testing.assert_close(y_b.faces[-1], model(x, "b"))


@pytest.mark.parametrize("trainer", [row.name for row in TRAINERS])
def test_every_parameter_learns(trainer: str) -> None:
    """Both sides together reach every weight (a forgotten layer would stay at its random start for ever)."""
    torch.manual_seed(1)
    model = build(trainer)
    x = torch.rand(2, 3, model.input_size, model.input_size)
    values = [value for made in model.forward_both(x, x) for value in (*made.faces, made.mask, made.landmarks)]
    sum(value.square().mean() for value in values if value is not None).backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("trainer", [row.name for row in TRAINERS])
def test_the_optimiser_gets_every_parameter_once(trainer: str) -> None:
    model = on_meta(trainer)
    groups = model.parameters_for(model.recipe, 1e-4)
    given = [id(p) for group in groups for p in group["params"]]
    assert sorted(given) == sorted(id(p) for p in model.parameters())


def test_same_padding_is_one_before_and_two_after_for_a_5x5_kernel_of_stride_2() -> None:
    assert same_padding(64, 5, 2) == (1, 2)
    assert same_padding(65, 5, 2) == (2, 2)
    assert same_padding(64, 3, 1) == (1, 1)
    assert same_padding(64, 5, 1) == (2, 2)


def test_an_impulse_shows_the_padding() -> None:
    """Output pixel o sees input pixels 2o - 1 .. 2o + 3, so a lone pixel at 0 reaches output 0 through kernel tap 1."""
    conv = Conv(1, 1, 5, 2)
    with torch.no_grad():
        conv.weight.copy_(torch.arange(25.0).view(1, 1, 5, 5))
        x = torch.zeros(1, 1, 8, 8)
        x[0, 0, 0, 0] = 1
        y = conv(x)
    assert y.shape == (1, 1, 4, 4)
    assert y[0, 0, 0, 0] == 1 * 5 + 1
    assert y.count_nonzero() == 1


def test_initial_values() -> None:
    torch.manual_seed(2)
    conv, dense = Conv(32, 64, 3), Dense(300, 200)
    bound = (6 / (32 * 9)) ** 0.5
    assert 0.98 * bound < conv.weight.abs().max() <= bound
    assert abs(conv.weight.std() - bound / 3**0.5) < 0.02 * bound
    bound = (6 / (300 + 200)) ** 0.5
    assert 0.98 * bound < dense.weight.abs().max() <= bound
    assert not conv.bias.any()
    assert not dense.bias.any()


def test_blocks_halve_double_and_squeeze() -> None:
    x = torch.randn(2, 4, 16, 16)
    assert Down(4, 8)(x).shape == (2, 8, 8, 8)
    assert Up(4, 8)(x).shape == (2, 8, 32, 32)
    assert Bottleneck(4 * 256, 10, 6, 4)(x).shape == (2, 6, 4, 4)
    y = Output(4)(x.bfloat16().float())
    assert y.dtype == torch.float32
    assert ((y >= 0) & (y <= 1)).all()
