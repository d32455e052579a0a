"""Optimizer savings: the same weights with moments that rest elsewhere between steps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from understudy.core.models.base import SharedEncoderModel
from understudy.core.options.rows import OPTIMIZERS, Row
from understudy.core.training.computing.offload import HostMoments
from understudy.core.training.optimizers import load_state_tensors, make, state_tensors


def weights() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(shape)) for shape in ((4, 3), (5,), (2, 2, 3, 3), (3,))]


def groups(parameters: list[nn.Parameter]) -> list[dict[str, object]]:
    return [{"params": parameters[::2], "lr": 1e-2, "weight_decay": 0.1},
            {"params": parameters[1::2], "lr": 3e-2, "weight_decay": 0.0}]


@pytest.mark.parametrize("row", OPTIMIZERS, ids=lambda row: row.name)
def test_every_optimiser_takes_the_same_steps(row: Row) -> None:
    plain, offloaded = weights(), weights()
    ours = make(row.name, groups(plain), (0.9, 0.99), 1e-7)
    theirs = make(row.name, groups(offloaded), (0.9, 0.99), 1e-7)
    moments = HostMoments(theirs)
    for step in range(7):
        torch.manual_seed(step + 1)
        for one, other in zip(plain, offloaded, strict=True):
            one.grad = torch.randn_like(one)
            other.grad = one.grad.clone()
        if step == 3:  # as a weight that is frozen, or of the side that rests
            plain[0].grad = offloaded[0].grad = None
        ours.step()
        moments.step()
        for one, other in zip(plain, offloaded, strict=True):
            assert torch.equal(one, other)
    assert [g.get("step") for g in ours.param_groups] == [g.get("step") for g in theirs.param_groups]


def test_between_steps_moments_lie_where_they_rest() -> None:
    """The meta device stands for a home that is not the weights' device: what is sent there is there only."""
    parameter = nn.Parameter(torch.randn(4, 3))
    optimizer = torch.optim.AdamW([parameter], lr=1e-2)
    parameter.grad = torch.randn_like(parameter)
    HostMoments(optimizer, torch.device("meta")).step()
    state = optimizer.state[parameter]
    assert state["exp_avg"].device.type == state["exp_avg_sq"].device.type == "meta"
    assert state["step"].device.type == "cpu"
    assert int(state["step"]) == 1


def test_moments_keep_their_places() -> None:
    parameter = nn.Parameter(torch.randn(4, 3))
    optimizer = torch.optim.AdamW([parameter], lr=1e-2)
    moments = HostMoments(optimizer)
    places = set()
    for _ in range(3):
        parameter.grad = torch.randn_like(parameter)
        moments.step()
        places.add(optimizer.state[parameter]["exp_avg"].data_ptr())
    assert len(places) == 1


def test_what_is_read_from_a_file_goes_home_weight_by_weight(tiny: type[SharedEncoderModel]) -> None:
    """All moments together may be more than the card, which they are kept off, has room for."""
    torch.manual_seed(0)
    model = tiny()
    optimizer = make("adam", model.parameters_for(model.recipe, 1e-3), (0.9, 0.99), 1e-7)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    tensors = state_tensors(optimizer, model)
    again = make("adam", model.parameters_for(model.recipe, 1e-3), (0.9, 0.99), 1e-7)
    moments = HostMoments(again, torch.device("meta"))
    most = 0

    def send_home(parameter: nn.Parameter) -> None:
        nonlocal most
        here = [p for p, state in again.state.items() if state and state["exp_avg"].device.type == "cpu"]
        assert len(here) == 1
        assert here[0] is parameter
        most = max(most, len(here))
        moments.send_home(parameter)

    load_state_tensors(again, model, tensors, send_home)
    assert most == 1
    assert {state["exp_avg"].device.type for state in again.state.values()} == {"meta"}
