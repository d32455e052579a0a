"""The optimisers: torch's own, and AdaBelief and Lion from pytorch_optimizer; and their state as named tensors.

The fused kernels, which pass over the weights once instead of once per operation, are taken where torch has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ..options.rows import OPTIMIZERS, find
from .computing import layout

Groups = list[dict[str, Any]]
Tensors = dict[str, torch.Tensor]
# Understudy's own default, where neither the person nor the trainer chose: AdaBelief divides by a deviation that may be
# far smaller than a gradient, and 1e-7 would drown it.
ADABELIEF_EPSILON = 1e-16
_GROUP = re.compile(r"group\d+")
_COUNTS = ("step", "mu_product")  # what is one number for a whole parameter
_FUSED_DEVICES = ("cpu", "cuda", "mps")


def make(name: str, groups: Groups, betas: tuple[float, float], epsilon: float, amsgrad: bool = False,
         ) -> torch.optim.Optimizer:
    """The optimiser called `name` in `options.rows.OPTIMIZERS`.

    Args:
        groups: parameters with their "lr" and "weight_decay", as `SwapModel.parameters_for` gives them.
        betas: decays of the moving averages of the gradient and of its square.
        epsilon: added to the divisor.
        amsgrad: divide by the largest such average so far (Reddi, Kale and Kumar 2018); the Adams and AdaBelief only.
    """
    build: Callable[..., torch.optim.Optimizer] = find(OPTIMIZERS, name).load()
    return build(groups, betas=betas, epsilon=epsilon, amsgrad=amsgrad)


def adam(groups: Groups, betas: tuple[float, float], epsilon: float, amsgrad: bool) -> torch.optim.Optimizer:
    """Kingma and Ba 2015; weight decay is added to the gradient."""
    return layout.Adam(groups, betas=betas, eps=epsilon, amsgrad=amsgrad, fused=_can_fuse(groups))


def adamw(groups: Groups, betas: tuple[float, float], epsilon: float, amsgrad: bool) -> torch.optim.Optimizer:
    """Loshchilov and Hutter 2019: weight decay apart from the gradient."""
    return layout.AdamW(groups, betas=betas, eps=epsilon, amsgrad=amsgrad, fused=_can_fuse(groups))


def adamax(groups: Groups, betas: tuple[float, float], epsilon: float, amsgrad: bool) -> torch.optim.Optimizer:
    """Kingma and Ba 2015, section 7.1."""
    return torch.optim.Adamax(groups, betas=betas, eps=epsilon)


def nadam(groups: Groups, betas: tuple[float, float], epsilon: float, amsgrad: bool) -> torch.optim.Optimizer:
    """Dozat 2016."""
    return torch.optim.NAdam(groups, betas=betas, eps=epsilon)


def rms_prop(groups: Groups, betas: tuple[float, float], epsilon: float, amsgrad: bool) -> torch.optim.Optimizer:
    """Tieleman and Hinton 2012, alpha 0.99."""
    return torch.optim.RMSprop(groups, eps=epsilon)


def adabelief(groups: Groups, betas: tuple[float, float], epsilon: float, amsgrad: bool) -> torch.optim.Optimizer:
    """Zhuang et al. 2020, rectified as RAdam (Liu et al. 2020; from 5 gradients' worth of variance on)."""
    from pytorch_optimizer.optimizer.adabelief import AdaBelief

    return AdaBelief(groups, betas=betas, eps=epsilon, ams_bound=amsgrad, rectify=True)


def lion(groups: Groups, betas: tuple[float, float], epsilon: float, amsgrad: bool) -> torch.optim.Optimizer:
    """Chen et al. 2023; weight decay apart from the gradient."""
    from pytorch_optimizer.optimizer.lion import Lion

    return Lion(groups, betas=betas)


def _can_fuse(groups: Groups) -> bool:
    return all(parameter.device.type in _FUSED_DEVICES for group in groups for parameter in group["params"])


def state_tensors(optimizer: torch.optim.Optimizer, model: nn.Module) -> Tensors:
    """What the optimiser remembers: "<what>/<parameter>" per parameter, "group<i>/step" where it counts by groups."""
    tensors: Tensors = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{key}/{name}"] = value
    for index, group in enumerate(optimizer.param_groups):
        if "step" in group:
            tensors[f"group{index}/step"] = torch.tensor(group["step"])
    return tensors


def load_state_tensors(optimizer: torch.optim.Optimizer, model: nn.Module, tensors: Tensors,
                       loaded: Callable[[nn.Parameter], object] = lambda parameter: None) -> None:
    """Go on from what `state_tensors` gave, in place.

    Args:
        loaded: told of each parameter whose moments are there, before those of the next are.

    Raises:
        KeyError, RuntimeError: they are of another model or optimiser.
    """
    held: dict[str, Tensors] = {}
    for key, value in tensors.items():
        what, _, name = key.partition("/")
        if not _GROUP.fullmatch(what):
            held.setdefault(name, {})[what] = value
    parameters = dict(model.named_parameters())
    if not held or not held.keys() <= parameters.keys():
        raise KeyError("parameters")
    for name, kept in held.items():  # those that were frozen so far have nothing
        parameter = parameters[name]
        # Counts stay on the host, but for the fused kernels; moments lie in memory as their parameter does.
        home = parameter.device if optimizer.defaults.get("fused") else torch.device("cpu")
        state = optimizer.state[parameter] = {}
        for what, value in kept.items():
            state[what] = value.to(home) if what in _COUNTS else torch.zeros_like(parameter).copy_(value)
        loaded(parameter)
    for index, group in enumerate(optimizer.param_groups):
        step = tensors.get(f"group{index}/step")
        if step is not None:
            group["step"] = int(step)
