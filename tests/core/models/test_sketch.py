"""The sketch trainer: its price, its shapes, and what it learns the landmarks by."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from understudy.core.models.base import build

PARAMETERS = 2_798_112


def test_a_face_costs_at_most_0_6_gflop_forward() -> None:
    model = build("sketch")
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(torch.rand(1, 3, 64, 64), "b")
    assert 0.05e9 < counter.get_total_flops() <= 0.6e9


def test_parameters_are_those_of_the_docstring() -> None:
    with torch.device("meta"):
        model = build("sketch")
    count = sum(p.numel() for p in model.parameters())
    assert count == PARAMETERS
    assert f"{count / 1e6:.1f} million" in (type(model).__doc__ or "")


def test_shapes_and_range() -> None:
    torch.manual_seed(0)
    model = build("sketch")
    x = torch.rand(3, 3, 64, 64)
    for side in ("a", "b"):
        (y,), _, landmarks = model.decode(model.encode(x), side)
        assert y.shape == (3, 3, 64, 64)
        assert y.dtype == torch.float32
        assert 0 <= y.min() <= y.max() <= 1
        assert landmarks is not None
        assert landmarks.shape == (3, 136)
        torch.testing.assert_close(y, model(x, side))
    assert not torch.equal(model(x, "a"), model(x, "b"))


def test_the_same_seed_makes_the_same_model() -> None:
    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        model = build("sketch")
        outputs.append(model(torch.full((1, 3, 64, 64), 0.5), "b"))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_light_and_complexion_are_evened_out_for_the_encoder() -> None:
    torch.manual_seed(0)
    model = build("sketch")
    x = torch.rand(2, 3, 64, 64) * 0.5
    tinted = x * torch.tensor([0.8, 1.2, 1.4]).view(1, 3, 1, 1) + 0.1
    with torch.inference_mode():
        code, same, other = model.encoder(x), model.encoder(tinted), model.encoder(x.flip(0))
    assert (code - same).norm() < 0.4 * (code - other).norm()


def test_flat_and_black_pictures_stay_finite() -> None:
    model = build("sketch")
    for value in (0.0, 0.5, 1.0):
        assert torch.isfinite(model(torch.full((1, 3, 64, 64), value), "b")).all()
