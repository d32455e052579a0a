"""Optimisers in the order of memory: the same weights as torch's own, whatever the layout."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from understudy.core.training.computing import layout


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_the_same_weights_as_torch(name: str, amsgrad: bool, memory_format: torch.memory_format) -> None:
    results = []
    for source, kinds in ((layout, {"fused": True}), (torch.optim, {"foreach": False})):
        torch.manual_seed(0)
        shapes = (4, 3, 5, 5), (4,), (6, 8), (2, 1, 3, 3), ()
        weights = [nn.Parameter(torch.randn(s).contiguous(memory_format=memory_format)) if len(s) == 4
                   else nn.Parameter(torch.randn(s)) for s in shapes]
        optimizer = getattr(source, name)(weights, lr=1e-2, weight_decay=0.1, amsgrad=amsgrad, **kinds)
        for _ in range(3):
            for weight in weights:
                weight.grad = torch.randn_like(weight)
            weights[-1].grad = None  # frozen
            optimizer.step()
        results.append(weights)
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)
        assert ours.stride() == theirs.stride()


def test_moments_lie_as_their_weights_do() -> None:
    weight = nn.Parameter(torch.randn(4, 3, 5, 5).contiguous(memory_format=torch.channels_last))
    optimizer = layout.AdamW([weight], fused=True)
    weight.grad = torch.randn_like(weight)
    optimizer.step()
    assert optimizer.state[weight]["exp_avg"].stride() == weight.stride()
