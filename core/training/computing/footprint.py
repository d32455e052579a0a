"""How much memory tensors take: every storage counted from the operation that makes it until nothing holds it."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Ledger(TorchDispatchMode):
    """Within it, counts the bytes of all tensors that operations make, on whatever device, and their most at once.

    It sees what autograd keeps for the backward pass as well, and gradients; not what libraries such as cuDNN or oneDNN
    take for themselves. Under a `FakeTensorMode` (tensors that have shapes only) it counts what the same operations
    would take, within milliseconds and without taking it.

    Attributes:
        now: bytes of all that is counted and alive.
        peak: the most that `now` ever was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._alive: set[int] = set()

    def add(self, *tensors: torch.Tensor) -> None:
        """Count tensors that were there before, such as a model's parameters."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            key = storage._cdata
            if key in self._alive or not storage.nbytes():
                continue
            self._alive.add(key)
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._gone, key, storage.nbytes())

    def _gone(self, key: int, size: int) -> None:
        self._alive.discard(key)
        self.now -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.add(*(leaf for leaf in tree_leaves(made) if isinstance(leaf, torch.Tensor)))
        return made
