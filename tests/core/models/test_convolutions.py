"""Ways to convolve that are faster on processors: the same numbers and gradients as PyTorch's convolution."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from understudy.core.models import convolutions, products
from understudy.core.models.convolutions import Convolve, gathered, narrow, winograd
from understudy.core.models.convolutions.common import Padding
from understudy.core.models.layers import Conv, Dense, PixelShuffle, same_padding

LAST = torch.channels_last


pytestmark = pytest.mark.usefixtures("one_thread")


def tensors(shape: tuple[int, ...], filters: int, kernel: int, kind: torch.dtype) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(kernel * 100 + shape[2])
    shapes = shape, (filters, shape[1], kernel, kernel), (filters,)
    x, weight, bias = (torch.randn(one, generator=generator, dtype=torch.float64).to(kind) for one in shapes)
    return x.contiguous(memory_format=LAST), weight.contiguous(memory_format=LAST) * 0.05, bias


def plain(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, stride: int,
          padding: Padding) -> torch.Tensor:
    return functional.conv2d(functional.pad(x, padding), weight, bias, stride)


def agrees(convolve: Convolve, leaves: tuple[torch.Tensor, ...], stride: int, padding: Padding) -> None:
    results = []
    for way in (convolve, plain):
        own = [leaf.clone().requires_grad_() for leaf in leaves]
        y = way(own[0], own[1], own[2], stride, padding)
        y.backward(torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape))
        results.append((y.detach(), *(leaf.grad for leaf in own)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


# Odd sizes, whose padding is the same on both sides, among them.
@pytest.mark.parametrize(("kernel", "stride", "size"),
                         [(5, 2, 8), (3, 1, 4), (5, 2, 16), (5, 2, 7), (3, 2, 5), (5, 1, 3), (2, 1, 3)])
def test_gathered_makes_the_same_picture_and_gradients(kernel: int, stride: int, size: int) -> None:
    before, after = same_padding(size, kernel, stride)
    padding = (before, after, before, after)
    leaves = tensors((2, 64, size, size), 6, kernel, torch.float64)
    assert gathered.suits(leaves[0], leaves[1], stride, padding)
    agrees(gathered.convolve, leaves, stride, padding)
    x, weight, _ = (leaf.requires_grad_() for leaf in leaves)
    gathered.convolve(x, weight, None, stride, padding).sum().backward()
    assert x.grad.is_contiguous(memory_format=LAST)
    assert weight.grad.is_contiguous(memory_format=LAST)


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.tuples(*[st.integers(0, 2)] * 4), st.booleans())
@settings(deadline=None, max_examples=25)
def test_winograd_makes_the_same_picture_and_gradients(count: int, height: int, width: int, padding: Padding,
                                                       parted: bool) -> None:
    left, right, top, bottom = padding
    shape = count, 5, max(1, 2 * height + 2 - top - bottom), max(1, 2 * width + 2 - left - right)
    padding = (left, 2 * width + 2 - left - shape[3], top, 2 * height + 2 - top - shape[2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "_BYTES_AT_ONCE", 1 if parted else winograd._BYTES_AT_ONCE)
        agrees(winograd.convolve, tensors(shape, 3, 3, torch.float64), 1, padding)


@given(st.integers(1, 3), st.integers(3, 9), st.integers(3, 9), st.integers(1, 4), st.integers(2, 5),
       st.tuples(*[st.integers(0, 1)] * 4), st.booleans())
@settings(deadline=None, max_examples=25)
def test_narrow_makes_the_same_picture_and_gradients(count: int, height: int, width: int, filters: int, kernel: int,
                                                     padding: Padding, parted: bool) -> None:
    shape = count, 7, max(height, kernel), max(width, kernel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(narrow, "_PIXELS_AT_ONCE", 1 if parted else narrow._PIXELS_AT_ONCE)
        agrees(narrow.convolve, tensors(shape, filters, kernel, torch.float64), 1, padding)


@pytest.mark.parametrize("way", [winograd, gathered, narrow])
def test_float32_is_as_exact_as_a_convolution_in_it(way) -> None:
    """Winograd's additions cost it a little more, nothing that training could see."""
    leaves = tensors((4, 64, 16, 16), 4, 3, torch.float64)
    exact = plain(*leaves, 1, (1, 1, 1, 1))
    ours = way.convolve(*(leaf.float() for leaf in leaves), 1, (1, 1, 1, 1))
    assert (ours - exact).norm() < 1e-6 * exact.norm()


def test_winograd_in_half_precision_rounds_by_less_than_a_hundredth() -> None:
    leaves = tensors((4, 64, 16, 16), 96, 3, torch.float64)

    def results(way: Convolve, kind: torch.dtype) -> list[torch.Tensor]:
        own = [leaf.clone().requires_grad_() for leaf in leaves]
        y = way(own[0].to(kind), own[1], own[2].to(kind), 1, (1, 1, 1, 1))
        assert y.dtype == kind
        (y.double() ** 2).sum().backward()
        return [y.detach().double(), *(leaf.grad for leaf in own)]

    for ours, exact in zip(results(winograd.convolve, torch.bfloat16), results(plain, torch.float64), strict=True):
        assert (ours - exact).norm() < 0.01 * exact.norm()


@pytest.mark.parametrize("size", [4, 8])
def test_half_precision_is_as_exact_as_a_convolution_in_it(size: int) -> None:
    """Both are compared with float64; neither may be further off than rounding explains."""
    padding = (1, 1, 1, 1)

    def gradients(convolve: Convolve, kind: torch.dtype) -> list[torch.Tensor]:
        leaves = [leaf.requires_grad_() for leaf in tensors((2, 64, size, size), 6, 3, torch.float64)]
        y = convolve(*(leaf.to(kind) for leaf in leaves), 1, padding)
        (y.double() ** 2).sum().backward()
        return [y.detach().double(), *(leaf.grad for leaf in leaves)]

    exact = gradients(plain, torch.float64)
    ours, theirs = gradients(gathered.convolve, torch.bfloat16), gradients(plain, torch.bfloat16)
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
    assert "_Gathered" in type(y.grad_fn.next_functions[0][0]).__name__
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


def test_each_way_is_taken_where_it_pays() -> None:
    def way(x: torch.Tensor, weight: torch.Tensor, stride: int = 1, padding: Padding = (1, 1, 1, 1)) -> Convolve | None:
        return convolutions.faster(x, weight, stride, padding)

    few, kernels, _ = tensors((2, 160, 4, 4), 160, 3, torch.float32)
    many = torch.rand(8, 160, 8, 8)
    assert way(few, kernels) is gathered.convolve
    assert way(many, kernels) is winograd.convolve
    with torch.no_grad():  # whose kernels would be transformed anew for each batch
        assert way(many, kernels) is None
    assert way(many, kernels, padding=(0, 1, 1, 1)) is None  # an odd number of pixels
    assert way(many, kernels[:, :, :1, :1], padding=(0, 0, 0, 0)) is None
    assert way(torch.rand(8, 160, 32, 32), kernels, 2) is None
    assert way(many, kernels[:4]) is narrow.convolve
    assert way(few[:, :8], kernels[:4, :8].contiguous(memory_format=LAST)) is None
    for other in (kernels.contiguous(), kernels.to("meta")):
        assert way(many.to(other.device), other) is None


@pytest.mark.parametrize(("make", "shape"), [
    (partial(Conv, 64, 8), (2, 64, 4, 4)), (partial(Conv, 160, 160), (2, 160, 16, 16)),
    (partial(Conv, 64, 3, 5), (2, 64, 16, 16)), (partial(Dense, 48, 20), (2, 48))],
    ids=["gathered", "winograd", "narrow", "dense"])
def test_a_compiler_gets_pytorchs_own_operations(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    """It wants constant weights in oneDNN's product, and what it cannot read parts its graph."""
    targets: list[str] = []

    def backend(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> Callable[..., object]:
        targets.extend(str(node.target) for node in graph.graph.nodes)
        return graph.forward

    layer, x = make().to(memory_format=LAST), torch.randn(shape)
    x = x.contiguous(memory_format=LAST) if x.ndim == 4 else x
    torch._dynamo.reset()
    compiled = torch.compile(layer, backend=backend, fullgraph=True)(x)
    assert [target for target in targets if "conv2d" in target or "linear" in target]
    torch.testing.assert_close(compiled, layer(x))


@pytest.mark.parametrize("factor", [2, 3])
def test_pixels_are_shuffled_back_as_pytorch_does(factor: int) -> None:
    x = torch.randn(2, 3 * factor**2, 4, 5).contiguous(memory_format=LAST).requires_grad_()
    weights = torch.randn(2, 3, 4 * factor, 5 * factor)
    ours, = torch.autograd.grad(PixelShuffle(factor)(x), x, weights)
    assert torch.equal(ours, torch.autograd.grad(functional.pixel_shuffle(x, factor), x, weights)[0])
    assert ours.stride() == x.stride()


def test_a_dense_layer_gives_the_same_numbers_and_gradients() -> None:
    layer = Dense(48, 20)
    x = torch.randn(5, 48, requires_grad=True)
    assert products.suits(x)
    assert "_Linear" in type(layer(x).grad_fn).__name__
    given = torch.randn(5, 20)
    leaves = x, layer.weight, layer.bias
    ours = torch.autograd.grad(layer(x), leaves, given)
    plain_ones = torch.autograd.grad(functional.linear(*leaves), leaves, given)
    for one, other in zip((layer(x), *ours), (functional.linear(*leaves), *plain_ones), strict=True):
        torch.testing.assert_close(one, other)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    layer.requires_grad_(False)
    assert torch.equal(torch.autograd.grad(layer(x), x, given)[0], ours[0])
