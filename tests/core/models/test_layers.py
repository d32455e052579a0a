"""The building blocks: shapes, padding, norms, and what is drawn for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from understudy.core.models.initial import convolution_aware, faint_uniform, icnr, normal_02
from understudy.core.models.layers import (
    BatchNorm,
    Bottleneck,
    Conv,
    Dense,
    Down,
    HybridUp,
    Output,
    PictureNorm,
    PixelShuffle,
    Residual,
    SeparableDown,
    SmoothUp,
    SummedUp,
    Up,
    same_padding,
)
from understudy.core.models.style import Style


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(2)


def test_same_padding_is_one_before_and_two_after_for_a_5x5_kernel_of_stride_2() -> None:
    assert same_padding(64, 5, 2) == (1, 2)
    assert same_padding(65, 5, 2) == (2, 2)
    assert same_padding(64, 3, 1) == (1, 1)
    assert same_padding(64, 5, 1) == (2, 2)


def test_an_impulse_shows_the_padding() -> None:
    """Output pixel o sees input pixels 2o - 1 .. 2o + 3, so a lone pixel at 0 reaches output 0 through kernel tap 1."""
    conv = Conv(1, 1, 5, 2)
    with torch.no_grad():
        conv.weight.copy_(torch.arange(25.0).view(1, 1, 5, 5))
        x = torch.zeros(1, 1, 8, 8)
        x[0, 0, 0, 0] = 1
        y = conv(x)
    assert y.shape == (1, 1, 4, 4)
    assert y[0, 0, 0, 0] == 1 * 5 + 1
    assert y.count_nonzero() == 1


@pytest.mark.parametrize(("kernel", "stride", "widths"), [(5, 2, (1, 2)), (3, 1, (1, 1)), (5, 1, (2, 2))])
def test_reflected_padding_mirrors_the_picture(kernel: int, stride: int, widths: tuple[int, int]) -> None:
    conv = Conv(2, 3, kernel, stride)
    Style(reflect_padding=True).set_on(conv)
    x = torch.rand(1, 2, 8, 8)
    mirrored = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), widths, widths), mode="reflect"))
    expected = functional.conv2d(mirrored, conv.weight, conv.bias, stride)
    torch.testing.assert_close(conv(x), expected)


def test_outputs_smooth_upscaling_and_separable_convolutions_are_never_reflected() -> None:
    model = nn.Sequential(Down(3, 4), SeparableDown(4, 4), HybridUp(4, 4), SummedUp(4, 4), Residual(4), Output(4))
    Style(reflect_padding=True).set_on(model)
    reflected = {name for name, module in model.named_modules() if isinstance(module, Conv) and module.reflect}
    assert reflected == {"0.0", "2.sharp.0", "3.sharp.0", "4.first", "4.second"}
    assert model(torch.rand(1, 3, 16, 16)).shape == (1, 3, 16, 16)


def test_blocks_halve_double_and_squeeze() -> None:
    x = torch.randn(2, 4, 16, 16)
    for block, shape in ((Down(4, 8), (8, 8, 8)), (SeparableDown(4, 8), (8, 8, 8)), (Up(4, 8), (8, 32, 32)),
                         (Up(4, 8, factor=6), (8, 96, 96)), (HybridUp(4, 8, factor=4), (8, 64, 64)),
                         (SummedUp(4, 8), (8, 32, 32)), (Residual(4), (4, 16, 16)), (PictureNorm(), (4, 16, 16)),
                         (Bottleneck(4 * 256, 10, 6, 4), (6, 4, 4))):
        assert block(x).shape == (2, *shape)
    y = Output(4)(x)
    assert y.dtype == torch.float32
    assert ((y >= 0) & (y <= 1)).all()


def test_an_output_stays_float32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert Output(4)(torch.randn(1, 4, 8, 8)).dtype == torch.float32


def test_a_residual_block_by_its_formula() -> None:
    block, x = Residual(3), torch.randn(2, 3, 6, 6)

    def leaky(value: torch.Tensor) -> torch.Tensor:
        return torch.where(value > 0, value, 0.2 * value)

    inner = functional.conv2d(leaky(functional.conv2d(x, block.first.weight, block.first.bias, padding=1)),
                              block.second.weight, block.second.bias, padding=1)
    torch.testing.assert_close(block(x), leaky(inner + x))
    assert all(conv.bias is None for conv in (Residual(3, bias=False).first, Residual(3, bias=False).second))


def test_smooth_upscaling_has_half_pixel_centres() -> None:
    """OpenCV's bilinear enlargement is the same, apart from the outermost ring where both repeat the edge."""
    import cv2

    up, x = SmoothUp(1, 1), torch.rand(1, 1, 6, 6)
    small = up[0](x).detach()
    expected = cv2.resize(small[0, 0].numpy(), (12, 12), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(up(x)[0, 0].detach().numpy(), expected, atol=1e-6)


def test_hybrid_and_summed_upscaling_join_both_ways() -> None:
    x = torch.randn(1, 4, 5, 5)
    hybrid, summed = HybridUp(4, 8, slope=1), SummedUp(4, 8)
    assert torch.equal(hybrid(x), torch.cat((hybrid.sharp(x), hybrid.smooth(x)), 1))
    assert torch.equal(summed(x), summed.sharp(x) + summed.smooth(x))
    assert not any(isinstance(layer, nn.LeakyReLU) for layer in hybrid.sharp)


def test_picture_norm_by_its_formula_and_on_a_flat_picture() -> None:
    norm, x = PictureNorm(), torch.randn(2, 3, 4, 4) * 5 + 2
    assert sum(p.numel() for p in norm.parameters()) == 2
    with torch.no_grad():
        norm.scale.fill_(1.5)
        norm.shift.fill_(0.25)
    for picture, normed in zip(x.numpy(), norm(x).detach().numpy(), strict=True):
        np.testing.assert_allclose(normed, (picture - picture.mean()) / (picture.std() + 1e-3) * 1.5 + 0.25, atol=1e-5)
    flat = torch.zeros(1, 3, 4, 4, requires_grad=True)
    norm(flat).sum().backward()
    assert torch.isfinite(flat.grad).all()


def test_batch_norm_follows_slowly() -> None:
    norm = BatchNorm(2)
    norm(torch.full((4, 2, 3, 3), 10.0))
    torch.testing.assert_close(norm.running_mean, torch.full((2,), 0.1))
    assert norm.eps == 1e-3


def test_shuffling_by_block_is_tensorflows_depth_to_space() -> None:
    shuffle, r, f = PixelShuffle(3), 3, 2
    x = torch.rand(1, f * r * r, 4, 5)
    torch.testing.assert_close(shuffle(x), functional.pixel_shuffle(x, r))
    shuffle.by_block = True
    y = shuffle(x)
    assert y.shape == (1, f, 12, 15)
    for dy in range(r):
        for dx in range(r):
            for c in range(f):
                assert torch.equal(y[:, c, dy::r, dx::r], x[:, (dy * r + dx) * f + c])


def test_uniform_and_normal_starts() -> None:
    conv, dense = Conv(32, 64, 3), Dense(300, 200)
    bound = (6 / (32 * 9)) ** 0.5
    assert 0.98 * bound < conv.weight.abs().max() <= bound
    assert abs(conv.weight.std() - bound / 3**0.5) < 0.02 * bound
    bound = (6 / (300 + 200)) ** 0.5
    assert 0.98 * bound < dense.weight.abs().max() <= bound
    assert not conv.bias.any()
    assert not dense.bias.any()
    weight = torch.empty(64, 32, 3, 3)
    normal_02(weight)
    assert abs(weight.std() - 0.02) < 0.001
    faint_uniform(weight)
    bound = (3 * 0.2 / (32 * 9)) ** 0.5
    assert 0.98 * bound < weight.abs().max() <= bound


@pytest.mark.parametrize("shape", [(40, 30, 3, 3), (24, 50, 5, 5), (16, 20, 1, 1), (32, 1, 5, 5)])
def test_a_convolution_aware_start_has_the_variance_of_he(shape: tuple[int, ...]) -> None:
    weight = torch.empty(shape)
    convolution_aware(weight)
    wanted = 2 / np.prod(shape[1:])
    assert abs(weight.var(correction=0) / wanted - 1) < (0.2 if shape[2] == 1 else 1e-4)


def test_a_convolution_aware_start_is_orthogonal_in_the_spectrum() -> None:
    """Of each filter, the spectra of as many kernels as a half spectrum has places; the noise blurs it a little."""
    weight = torch.empty(64, 6, 3, 3)
    convolution_aware(weight)
    random = torch.empty(64, 6, 3, 3)
    nn.init.kaiming_uniform_(random)

    def likeness(kernels: torch.Tensor) -> float:
        """Mean |cosine| between the different kernels of a filter, over the independent places of the spectrum."""
        vectors = functional.normalize(torch.fft.rfft2(kernels).real.flatten(2), dim=2)
        cosines = vectors @ vectors.mT
        return float((cosines - torch.eye(6)).abs().mean())

    assert likeness(weight) < 0.75 * likeness(random)


@pytest.mark.parametrize("by_block", [False, True])
@pytest.mark.parametrize("factor", [2, 4])
def test_an_icnr_start_upscales_as_a_repetition_of_pixels(factor: int, by_block: bool) -> None:
    up, x = Up(3, 5, factor=factor), torch.rand(2, 3, 6, 6)
    style = Style(icnr_init=True, subpixel_upscaling=by_block)
    style.set_on(up)
    style.start(up)
    y = up(x)
    corner = y[:, :, ::factor, ::factor]
    torch.testing.assert_close(y, corner.repeat_interleave(factor, 2).repeat_interleave(factor, 3))
    assert up[0].weight.var() > 0.5 * 2 / 27


def test_icnr_repeats_what_the_layer_itself_would_draw() -> None:
    weight = torch.empty(64, 16, 3, 3)
    icnr(weight, normal_02, 2, by_block=False)
    assert abs(weight.std() - 0.02) < 0.002


def test_icnr_is_for_convolutions_before_a_shuffle_alone_and_the_other_start_for_all() -> None:
    model = nn.Sequential(Down(3, 4), HybridUp(4, 8), Residual(8), Output(8))
    before = {name: p.clone() for name, p in model.named_parameters()}
    Style(icnr_init=True).start(model)
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {"1.sharp.0.weight"}
    Style(conv_aware_init=True).start(model)
    kernels = {name for name, p in model.named_parameters() if p.ndim == 4}
    assert {name for name, p in model.named_parameters() if not torch.equal(p, before[name])} == kernels


def test_both_starts_together() -> None:
    up = Up(8, 4)
    Style(icnr_init=True, conv_aware_init=True).start(up)
    kernels = up[0].weight.view(4, 4, 8, 3, 3)
    assert torch.equal(kernels, kernels[:, :1].expand_as(kernels))
    assert abs(kernels.var(correction=0) / (2 / 72) - 1) < 1e-3
