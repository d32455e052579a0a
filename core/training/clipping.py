"""Gradient clipping: steps that a few odd faces would make too large."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

_HISTORY = "clipping/norms"


class Clipping:
    """Clips gradients in place before the optimiser's step.

    Args:
        kind: "none"; "value": each number to [-value, value]; "norm": each parameter's norm to `value`; "global-norm":
            the norm of all together; "autoclip": that too, to the percentile 10 * value of the norms so far
            (Seetharaman et al. 2020, "AutoClip").
        value: see `kind`.
        history: how many norms autoclip remembers.
    """

    def __init__(self, kind: str = "none", value: float = 1.0, history: int = 10_000) -> None:
        self.kind, self.value = kind, value
        self._norms: deque[float] = deque(maxlen=history)

    def __call__(self, parameters: Iterable[nn.Parameter]) -> None:
        graded = [parameter for parameter in parameters if parameter.grad is not None]
        if self.kind == "value":
            nn.utils.clip_grad_value_(graded, self.value)
        elif self.kind == "norm":
            for parameter in graded:
                nn.utils.clip_grad_norm_(parameter, self.value)
        elif self.kind == "global-norm":
            nn.utils.clip_grad_norm_(graded, self.value)
        elif self.kind == "autoclip":
            self._clip_to_habit(graded)

    def _clip_to_habit(self, parameters: list[nn.Parameter]) -> None:
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if torch.isfinite(norm):  # one that is not is told by the loss, and would spoil the percentiles for good
            self._norms.append(float(norm))
            limit = float(np.percentile(self._norms, min(int(10 * self.value), 100)))
            nn.utils.clip_grads_with_norm_(parameters, limit, norm)

    def tensors(self) -> dict[str, torch.Tensor]:
        """What it remembers, by name."""
        return {_HISTORY: torch.tensor(list(self._norms), dtype=torch.float64)} if self._norms else {}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Go on from what `tensors` gave."""
        if _HISTORY in tensors:
            self._norms.extend(tensors[_HISTORY].tolist())
