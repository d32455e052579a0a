"""Optimisers that go through memory as it lies."""

from __future__ import annotations

from typing import Any

import torch


class _InMemoryOrder:
    """For the fused optimisers of processors, which first copy every tensor that lies in another order than its shape
    suggests, such as kernels with their channels last: hands them views in the order of memory instead.
    """

    def _init_group(self, group: dict[str, Any], *lists: list[torch.Tensor]) -> Any:
        made = super()._init_group(group, *lists)  # type: ignore[misc]
        orders = [_order(parameter) for parameter in lists[0]]
        for tensors in lists:
            if len(tensors) == len(orders):  # moments that are not kept have empty lists
                tensors[:] = [tensor.permute(order) if tensor.ndim == len(order) else tensor  # counts have no axes
                              for tensor, order in zip(tensors, orders, strict=True)]
        return made


class Adam(_InMemoryOrder, torch.optim.Adam):
    pass


class AdamW(_InMemoryOrder, torch.optim.AdamW):
    pass


def _order(tensor: torch.Tensor) -> list[int]:
    """The axes from the slowest to the fastest in memory."""
    strides = tensor.stride()
    return sorted(range(tensor.ndim), key=lambda axis: (-strides[axis], axis))
