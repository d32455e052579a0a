"""Gradient checkpointing, the guide's memory-saving gradients: what lies inside a part of the network is forgotten on
the way forward and computed again on the way back (Chen et al. 2016, "Training deep nets with sublinear memory cost").
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from ...models.base import SwapModel


class _Piece(nn.Sequential):
    """Layers whose insides are forgotten."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(*layers)
        self._draws = any(isinstance(module, nn.modules.dropout._DropoutNd) for module in self.modules())
        self._norms = [module for module in self.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not torch.is_grad_enabled():
            return super().forward(x)
        made: torch.Tensor = checkpoint(super().forward, x, use_reentrant=False, preserve_rng_state=self._draws,
                                        context_fn=self._contexts)
        return made

    def _contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), self._second_time()

    @contextmanager
    def _second_time(self) -> Iterator[None]:
        """The second look at a batch must not count in batch normalisation's running averages again."""
        with ExitStack() as stack:
            for norm in self._norms:
                stack.callback(setattr, norm, "momentum", norm.momentum)
                norm.momentum = 0.0
                if norm.num_batches_tracked is not None:
                    stack.callback(norm.num_batches_tracked.copy_, norm.num_batches_tracked.clone())
            yield


def save_memory(model: SwapModel) -> int:
    """Checkpoint every chain of layers in pieces, as many as the square root of its length; the weights, their names
    and the results stay the same.

    Returns:
        How many pieces there are.
    """
    return sum(_split(chain) for chain in _chains(model))


def _chains(module: nn.Module) -> list[nn.Sequential]:
    """The outermost chains: plain `Sequential`s, not the blocks of `models.layers` that are made as one."""
    if type(module) is nn.Sequential:
        return [module]
    return [chain for child in module.children() for chain in _chains(child)]


def _split(chain: nn.Sequential) -> int:
    steps: list[nn.Module] = []
    count, run = 0, []
    for layer in [*chain, None]:
        inner = [] if layer is None else _chains(layer)
        if layer is not None and not inner:
            run.append(layer)
            continue
        size = math.ceil(len(run) / max(1, math.isqrt(len(run))))
        pieces = [_Piece(run[start:start + size]) for start in range(0, len(run), size)] if run else []
        steps += pieces
        count, run = count + len(pieces), []
        if layer is not None:  # a block that has chains of its own, such as a trunk of many residual blocks
            count += sum(map(_split, inner))
            steps.append(layer)
    chain.forward = partial(_through, steps)  # type: ignore[method-assign]
    return count


def _through(steps: list[nn.Module], x: torch.Tensor) -> torch.Tensor:
    for step in steps:
        x = step(x)
    return x
