"""Matrix products on the processor in float32, as fast as convolutions.

For float32 PyTorch asks MKL, which reaches 97 of the 119 GFLOP/s of one core of an AMD EPYC, and oneDNN for bfloat16
and for convolutions. oneDNN reaches 110 in float32 too and is up to twice as fast where few rows meet many weights. Its
product is the operator that PyTorch itself takes for linear layers it compiles.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional


def product(a: torch.Tensor, b: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """[M, K], [K, N] (either may be a transposed view), [N] -> a @ b + bias, [M, N]; has no gradients of its own."""
    if suits(a):
        y: torch.Tensor = torch.ops.mkldnn._linear_pointwise(a, b.T, bias, "none", [], "")
        return y
    return a @ b if bias is None else torch.addmm(bias, a, b)


def suits(x: torch.Tensor) -> bool:
    """Whether products with `x` are faster by oneDNN than by PyTorch's choice.

    A compiler takes oneDNN's by itself where it may, and this operator only with weights that stay as they are.
    """
    return (x.dtype == torch.float32 and x.device.type == "cpu" and not torch.compiler.is_compiling()
            and torch.backends.mkldnn.is_available() and bool(torch.backends.mkldnn.enabled)
            and hasattr(torch.ops.mkldnn, "_linear_pointwise"))


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """As `functional.linear` for [N, inputs], [units, inputs], [units], in autocast's precision where it is on."""
    if torch.is_grad_enabled() and suits(x) and not torch.is_autocast_enabled("cpu"):
        y: torch.Tensor = _Linear.apply(x, weight, bias)
        return y
    return functional.linear(x, weight, bias)


class _Linear(torch.autograd.Function):
    """x [N, inputs], weight [units, inputs], bias [units] -> [N, units], float32."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight.T, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (of_y,), (x, weight) = gradients, ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (product(of_y, weight) if of_x else None, product(of_y.T, x) if of_weight else None,
                of_y.sum(0) if of_bias else None)
