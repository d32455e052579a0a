"""Convolutions as matrix products: the same numbers and gradients as PyTorch's convolution."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from understudy.core.models import convolution
from understudy.core.models.layers import Conv, same_padding

LAST = torch.channels_last


pytestmark = pytest.mark.usefixtures("one_thread")


def tensors(kernel: int, size: int, kind: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(kernel * 100 + size)
    shapes = (2, 64, size, size), (6, 64, kernel, kernel), (6,)
    x, weight, bias = (torch.randn(shape, generator=generator, dtype=torch.float64).to(kind) for shape in shapes)
    return x.contiguous(memory_format=LAST), weight.contiguous(memory_format=LAST) * 0.05, bias


# All three passes as products; the weights' gradient alone; odd sizes, whose padding is the same on both sides.
CASES = [(5, 2, 8), (3, 1, 4), (3, 1, 8), (5, 2, 16), (5, 2, 7), (3, 2, 5), (5, 1, 3), (2, 1, 3)]


@pytest.mark.parametrize(("kernel", "stride", "size"), CASES)
def test_the_same_picture_and_gradients_as_a_convolution(kernel: int, stride: int, size: int) -> None:
    before, after = same_padding(size, kernel, stride)
    padding = (before, after, before, after)
    results = []
    for convolve in (convolution.convolve, lambda x, w, b, s, p: functional.conv2d(functional.pad(x, p), w, b, s)):
        leaves = [leaf.requires_grad_() for leaf in tensors(kernel, size, torch.float64)]
        assert convolution.suits(leaves[0], leaves[1], stride, padding)
        y = convolve(*leaves, stride, padding)
        y.backward(torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape))
        results.append((y.detach(), *(leaf.grad for leaf in leaves)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)
        assert ours.stride() == theirs.stride() or ours.ndim == 1


@pytest.mark.parametrize("size", [4, 8])
def test_half_precision_is_as_exact_as_a_convolution_in_it(size: int) -> None:
    """Both are compared with float64; neither may be further off than rounding explains."""
    padding = (1, 1, 1, 1)

    def gradients(convolve: convolution.Convolve, kind: torch.dtype) -> list[torch.Tensor]:
        leaves = [leaf.requires_grad_() for leaf in tensors(3, size, torch.float64)]
        y = convolve(*(leaf.to(kind) for leaf in leaves), 1, padding)
        (y.double() ** 2).sum().backward()
        return [y.detach().double(), *(leaf.grad for leaf in leaves)]

    def plain(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor, stride: int, p: convolution.Padding) -> torch.Tensor:
        return functional.conv2d(functional.pad(x, p), w, b, stride)

    exact = gradients(plain, torch.float64)
    ours, theirs = gradients(convolution.convolve, torch.bfloat16), gradients(plain, torch.bfloat16)
    for truth, one, other in zip(exact, ours, theirs, strict=True):
        error, usual = (one - truth).abs().mean(), (other - truth).abs().mean()
        assert error < 1.3 * usual + 1e-6
        assert error < 0.01 * truth.abs().mean()


def test_a_layer_uses_it_under_autocast_and_keeps_its_gradients_in_float32() -> None:
    layer = Conv(64, 8, 5, 2).to(memory_format=LAST)
    x = torch.rand(2, 64, 8, 8).contiguous(memory_format=LAST)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    y.float().sum().backward()
    assert y.dtype == torch.bfloat16
    assert "_Convolution" in type(y.grad_fn.next_functions[0][0]).__name__
    assert layer.weight.grad.dtype == torch.float32
    plain = functional.conv2d(functional.pad(x, (1, 2, 1, 2)), layer.weight, layer.bias, 2)
    torch.testing.assert_close(y.float(), plain, atol=0.05, rtol=0.02)


def test_a_frozen_layer_passes_gradients_on() -> None:
    layer = Conv(64, 8, 5, 2).to(memory_format=LAST).requires_grad_(False)
    x = torch.rand(1, 64, 4, 4, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert layer.weight.grad is None


def test_many_pixels_few_channels_and_other_layouts_are_left_to_pytorch() -> None:
    x, weight, _ = tensors(3, 4, torch.float32)
    padding = (1, 1, 1, 1)
    assert convolution.suits(x, weight, 1, padding)
    assert not convolution.suits(torch.rand(1, 64, 32, 32), weight, 1, padding)
    assert not convolution.suits(x, weight.contiguous(), 1, padding)
    assert not convolution.suits(x[:, :3], weight[:, :3].contiguous(memory_format=LAST), 1, padding)
    assert not convolution.suits(x.to("meta"), weight.to("meta"), 1, padding)
