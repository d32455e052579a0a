"""Gradient clipping against its definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from understudy.core.training.clipping import Clipping


def parameters(*gradients: list[float]) -> list[nn.Parameter]:
    made = []
    for gradient in gradients:
        made.append(nn.Parameter(torch.zeros(len(gradient))))
        made[-1].grad = torch.tensor(gradient)
    return [*made, nn.Parameter(torch.zeros(1))]  # the last has no gradient: frozen


def clipped(kind: str, value: float, *gradients: list[float]) -> list[list[float]]:
    made = parameters(*gradients)
    Clipping(kind, value)(made)
    return [pytest.approx(p.grad.tolist(), abs=1e-5) for p in made[:-1]]


def test_each_kind_limits_what_it_says() -> None:
    given = [3.0, -4.0], [0.0, 12.0]
    assert clipped("none", 1, *given) == [[3, -4], [0, 12]]
    assert clipped("value", 2, *given) == [[2, -2], [0, 2]]
    assert clipped("norm", 2.5, *given) == [[1.5, -2], [0, 2.5]]
    assert clipped("global-norm", 6.5, *given) == [[1.5, -2], [0, 6]]
    assert clipped("global-norm", 100, *given) == [[3, -4], [0, 12]]


@pytest.mark.parametrize("value", [0.0, 1.0, 5.0, 10.0])
def test_autoclip_follows_the_percentile_of_the_norms_so_far(value: float) -> None:
    clipping = Clipping("autoclip", value, history=50)
    norms = np.random.default_rng(0).lognormal(size=80)
    for step, norm in enumerate(norms):
        made = parameters([float(norm), 0.0])
        clipping(made)
        limit = np.percentile(norms[max(0, step - 49): step + 1], 10 * value)
        assert float(made[0].grad.norm()) == pytest.approx(min(norm, limit), rel=1e-4)


def test_autoclip_remembers_through_a_save_and_is_not_spoiled_by_an_infinity() -> None:
    first = Clipping("autoclip", 1.0)
    for norm in (1.0, 2.0, float("inf"), 3.0):
        first(parameters([norm]))
    second = Clipping("autoclip", 1.0)
    second.load(first.tensors())
    one, two = parameters([9.0]), parameters([9.0])
    first(one)
    second(two)
    assert torch.equal(one[0].grad, two[0].grad)
    assert torch.isfinite(one[0].grad).all()
