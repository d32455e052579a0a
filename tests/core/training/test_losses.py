"""Losses against references in numpy, SciPy, scikit-image and FLIP's own program."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import structural_similarity

from understudy.core.options.rows import LOSS_FUNCTIONS
from understudy.core.training.losses import FaceLoss, Measure
from understudy.core.training.losses.detail import (
    focal_frequency,
    gradient_difference,
    gradient_dissimilarity,
    laplacian,
)
from understudy.core.training.losses.face import join, parse
from understudy.core.training.losses.perception import flip
from understudy.core.training.losses.pointwise import absolute_error, largest_error, log_cosh, smooth, squared_error
from understudy.core.training.losses.similarity import dissimilarity, fine_dissimilarity, multiscale_dissimilarity

NAMES = [row.name for row in LOSS_FUNCTIONS]
OF_WHOLE_PICTURES = ("l-inf-norm", "ffl")
Pictures = tuple[torch.Tensor, torch.Tensor]


def pictures(seed: int = 0, count: int = 2, size: int = 40) -> Pictures:
    rng = np.random.default_rng(seed)
    base = rng.random((count, 3, size, size))
    other = np.clip(base + rng.normal(0, 0.2, base.shape), 0, 1)
    return torch.tensor(base, dtype=torch.float32), torch.tensor(other, dtype=torch.float32)


def measure(target: torch.Tensor, mask: torch.Tensor | None = None, eyes: torch.Tensor | None = None,
            mouth: torch.Tensor | None = None) -> Measure:
    return Measure(target, torch.ones_like(target[:, :1]) if mask is None else mask, eyes, mouth)


def box(size: int, rows: slice, columns: slice, count: int = 2) -> torch.Tensor:
    mask = torch.zeros(count, 1, size, size)
    mask[:, :, rows, columns] = 1
    return mask


def each_channel(reference: Callable[[np.ndarray, np.ndarray], np.ndarray], x: torch.Tensor,
                 y: torch.Tensor) -> np.ndarray:
    """A reference for [H, W] float64 pictures, for every picture and channel."""
    return np.stack([np.stack([reference(a, b) for a, b in zip(of_x, of_y, strict=True)])
                     for of_x, of_y in zip(x.double().numpy(), y.double().numpy(), strict=True)])


def ssim_parts(x: np.ndarray, y: np.ndarray, window: int = 11, sigma: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Luminance and contrast-structure of two [H, W] pictures by plain sums over windows with reflected borders."""
    radius = window // 2
    weights = np.exp(-((np.arange(window) - radius) ** 2) / (2 * sigma**2))
    weights = np.outer(weights, weights) / weights.sum() ** 2

    def mean(z: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(z, radius, "reflect"), (window, window))
        return np.einsum("hwij,ij->hw", windows, weights)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    return (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4), (2 * cov + 9e-4) / (vx + vy + 9e-4)


def test_ssim_is_the_paper_s_with_reflected_borders() -> None:
    x, y = pictures()
    expected = each_channel(lambda a, b: 1 - np.prod(ssim_parts(a, b), axis=0), x, y)
    np.testing.assert_allclose(dissimilarity(x, y).numpy(), expected, atol=2e-5)
    expected = each_channel(lambda a, b: 1 - np.prod(ssim_parts(a, b, 5, 1.0), axis=0), x, y)
    np.testing.assert_allclose(fine_dissimilarity(x, y).numpy(), expected, atol=2e-5)


def test_ssim_agrees_with_scikit_image_away_from_the_border() -> None:
    x, y = pictures(1, 1)
    _, full = structural_similarity(x[0, 0].numpy(), y[0, 0].numpy(), gaussian_weights=True, sigma=1.5, win_size=11,
                                    use_sample_covariance=False, data_range=1.0, full=True)
    np.testing.assert_allclose(1 - dissimilarity(x, y)[0, 0].numpy()[5:-5, 5:-5], full[5:-5, 5:-5], atol=1e-4)


@pytest.mark.parametrize(("size", "window"), [(176, 11), (64, 3), (96, 5)])
def test_multiscale_ssim_multiplies_the_scales_place_by_place(size: int, window: int) -> None:
    x, y = pictures(2, 1, size)

    def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        product = np.ones(a.shape)
        for scale, exponent in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
            if scale:
                a, b = (z.reshape(len(z) // 2, 2, -1, 2).mean((1, 3)) for z in (a, b))
            luminance, contrast = ssim_parts(a, b, window)
            similarity = np.maximum(contrast if scale < 4 else luminance * contrast, 1e-4) ** exponent
            factor = size / len(a)
            places = np.clip((np.arange(size) + 0.5) / factor - 0.5, 0, len(a) - 1)
            product *= ndimage.map_coordinates(similarity, np.meshgrid(places, places, indexing="ij"), order=1)
        return 1 - product

    np.testing.assert_allclose(multiscale_dissimilarity(x, y).numpy(), each_channel(reference, x, y), atol=5e-4)


def test_pointwise_losses() -> None:
    x, y = pictures(3)
    error = (x - y).double().numpy()
    np.testing.assert_allclose(absolute_error(x, y).numpy(), np.abs(error), atol=1e-6)
    np.testing.assert_allclose(squared_error(x, y).numpy(), error**2, atol=1e-6)
    np.testing.assert_allclose(log_cosh(x, y).numpy(), np.log(np.cosh(error)), atol=1e-6)
    charbonnier = (np.sqrt((error * 255) ** 2 + 1) - 1) / 255  # the general loss has this closed form for alpha 1
    np.testing.assert_allclose(smooth(x, y).numpy(), charbonnier, atol=1e-6)
    np.testing.assert_allclose(largest_error(x, y).numpy(), np.abs(error).max((2, 3)).mean(1), atol=1e-6)


def test_differences_of_neighbours() -> None:
    x, y = pictures(4)

    def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        def general(z: np.ndarray) -> np.ndarray:  # Barron 2019, equation 1, times c = 1 / 255
            alpha = 1.9999
            bend = abs(alpha - 2)
            return bend / alpha * (((z * 255) ** 2 / bend + 1) ** (alpha / 2) - 1) / 255

        def along(z: np.ndarray, kernel: list[float], axis: int) -> np.ndarray:
            return ndimage.correlate1d(z, kernel, axis=axis, mode="nearest")

        d, first, second = a - b, [-0.5, 0, 0.5], [1, -2, 1]
        return (general(along(d, first, 0)) + general(along(d, first, 1)) + general(along(d, second, 0))
                + general(along(d, second, 1)) + 2 * general(along(along(d, first, 0), first, 1))) / 2

    np.testing.assert_allclose(gradient_difference(x, y).numpy(), each_channel(reference, x, y), rtol=1e-3, atol=1e-4)


def test_strengths_of_edges() -> None:
    x, y = pictures(5)
    upper = np.array([[0.0007, 0.0052, 0.0370, 0.0052, 0.0007], [0.0037, 0.1187, 0.2589, 0.1187, 0.0037]])
    kernel = np.vstack((-upper, np.zeros(5), upper[::-1]))

    def strength(z: np.ndarray) -> np.ndarray:
        return np.hypot(*(ndimage.correlate(z, k, mode="nearest") for k in (kernel, kernel.T)))

    def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        of_a, of_b = strength(a), strength(b)
        return 1 - (2 * of_a * of_b + 0.0025) / (of_a**2 + of_b**2 + 0.0025)

    np.testing.assert_allclose(gradient_dissimilarity(x, y).numpy(), each_channel(reference, x, y), atol=1e-5)


def test_the_laplacian_pyramid_is_that_of_both_pictures() -> None:
    x, y = pictures(6, 1, 64)
    weights = np.exp(-(np.arange(-2, 3) ** 2) / 2)
    weights /= weights.sum()

    def pyramid(z: np.ndarray) -> list[np.ndarray]:
        bands = []
        for _ in range(5):
            blurred = ndimage.correlate(z, np.outer(weights, weights), mode="nearest")
            bands.append(z - blurred)
            z = blurred.reshape(len(z) // 2, 2, -1, 2).mean((1, 3))
        return [*bands, z]

    def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        total = np.zeros(a.shape)
        for level, (of_a, of_b) in enumerate(zip(pyramid(a), pyramid(b), strict=True)):
            places = np.clip((np.arange(64) + 0.5) / 2**level - 0.5, 0, len(of_a) - 1)
            grid = np.meshgrid(places, places, indexing="ij")
            total += ndimage.map_coordinates(np.abs(of_a - of_b), grid, order=1) / 4**level
        return total

    np.testing.assert_allclose(laplacian(x, y).numpy(), each_channel(reference, x, y), atol=1e-5)


def test_the_spectrum() -> None:
    x, y = pictures(7)
    spectrum = np.abs(np.fft.fft2((x - y).double().numpy(), norm="ortho"))
    weight = spectrum / spectrum.max((2, 3), keepdims=True)
    expected = (weight * spectrum**2).mean((1, 2, 3))
    np.testing.assert_allclose(focal_frequency(x, y).numpy(), expected, rtol=1e-4)


def test_flip_is_what_its_authors_program_says() -> None:
    evaluator = pytest.importorskip("flip_evaluator")
    rng = np.random.default_rng(8)
    reference = ndimage.gaussian_filter(rng.random((72, 80, 3)), (3, 3, 0))
    reference = ((reference - reference.min()) / np.ptp(reference)).astype(np.float32)
    test = np.clip(reference + rng.normal(0, 0.1, reference.shape) + 0.1, 0, 1).astype(np.float32)
    expected = evaluator.evaluate(reference, test, "LDR", applyMagma=False)[0][..., 0]
    got = flip(*(torch.from_numpy(picture).permute(2, 0, 1)[None] for picture in (test, reference)))
    np.testing.assert_allclose(got[0, 0].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_is_nothing_for_equal_pictures_and_falls_towards_them(name: str) -> None:
    target, _ = pictures(9, 1, 32)
    loss = FaceLoss(name, penalized=True)
    y = target.clone().requires_grad_()
    equal = loss(y, measure(target))
    assert float(equal.sum().detach()) == pytest.approx(0, abs=1e-5)
    equal.sum().backward()
    assert torch.isfinite(y.grad).all()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(target.shape, generator=generator)
    far, near = (float(loss((target + amount * noise).clamp(0, 1), measure(target))) for amount in (0.3, 0.1))
    assert far > 1.2 * near > 0


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ffl"])  # its weights are constants to the gradient
def test_gradients_are_those_of_the_loss_also_on_flat_pictures(name: str) -> None:
    """A quotient, a root or a power breaks where nothing varies; a black face against a black target is real."""
    x, y = pictures(10, 3, 32)
    x[0], y[0] = 0, 0
    x[1], y[1] = 0.5, 0
    x.requires_grad_()
    FaceLoss(name, penalized=True)(x, measure(y)).sum().backward()
    assert torch.isfinite(x.grad).all()
    z, target = pictures(11, 1, 32)
    direction = torch.randn(z.shape, generator=torch.Generator().manual_seed(1)) * 1e-3

    def value(at: torch.Tensor) -> torch.Tensor:
        return FaceLoss(name, penalized=False)(at, measure(target)).sum()

    z.requires_grad_()
    slope = torch.autograd.grad(value(z), z)[0]
    with torch.no_grad():
        rise = float(value(z + direction) - value(z - direction)) / 2
    assert rise == pytest.approx(float((slope * direction).sum()), rel=0.1, abs=1e-6)


def test_the_penalised_loss_is_averaged_over_all_pixels() -> None:
    x, y = pictures(12)
    mask = box(40, slice(10, 30), slice(10, 20))
    error = np.abs(x.numpy() - y.numpy())
    loss = FaceLoss("mae", penalized=True)(x, measure(y, mask))
    np.testing.assert_allclose(loss.numpy(), error[:, :, 10:30, 10:20].sum((1, 2, 3)) / (3 * 40 * 40), rtol=1e-5)
    plain = FaceLoss("mae", penalized=False)(x, measure(y, mask))
    np.testing.assert_allclose(plain.numpy(), error.mean((1, 2, 3)), rtol=1e-5)


@pytest.mark.parametrize("name", ["mae", "mse", "l-inf-norm", "ffl"])
def test_outside_the_mask_nothing_is_learned(name: str) -> None:
    x, y = pictures(13)
    x.requires_grad_()
    FaceLoss(name, penalized=True)(x, measure(y, box(40, slice(None), slice(20)))).sum().backward()
    assert not x.grad[..., 20:].any()
    assert x.grad[..., :20].any()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_WHOLE_PICTURES])
def test_eyes_and_mouth_weigh_more_by_their_multipliers(name: str) -> None:
    x, y = pictures(14)
    face, eyes, mouth = (box(40, slice(first, last), slice(5, 35)) for first, last in ((5, 36), (8, 14), (24, 30)))
    loss = FaceLoss(name, penalized=True, eyes=3, mouth=2)(x, measure(y, face, eyes, mouth))
    weighed = FaceLoss(name, penalized=True)(x, measure(y, face * (1 + 3 * eyes) * (1 + 2 * mouth)))
    torch.testing.assert_close(loss, weighed)
    off = FaceLoss(name, penalized=True, eyes=1, mouth=1)(x, measure(y, face, eyes, mouth))
    torch.testing.assert_close(off, FaceLoss(name, penalized=True)(x, measure(y, face)))
    unmasked = FaceLoss(name, penalized=False, eyes=3, mouth=2)(x, measure(y, face, eyes, mouth))
    torch.testing.assert_close(unmasked, FaceLoss(name, penalized=False)(x, measure(y)))


@pytest.mark.parametrize("name", OF_WHOLE_PICTURES)
def test_losses_of_whole_pictures_see_each_part_by_itself(name: str) -> None:
    x, y = pictures(15)
    face, eyes = box(40, slice(5, 36), slice(5, 35)), box(40, slice(8, 14), slice(8, 32))
    loss = FaceLoss(name, penalized=True, eyes=3, mouth=2)(x, measure(y, face, eyes))
    of_face, of_eyes = (FaceLoss(name, penalized=False)(x * mask, measure(y * mask)) for mask in (face, eyes))
    torch.testing.assert_close(loss, of_face + 3 * of_eyes)


def test_sums() -> None:
    x, y = pictures(16)
    loss = FaceLoss("ssim+0.5*mae", penalized=True)(x, measure(y))
    torch.testing.assert_close(loss, dissimilarity(x, y).mean((1, 2, 3)) + 0.5 * (x - y).abs().mean((1, 2, 3)))
    assert parse("0.5*ms-ssim+mae") == [(0.5, "ms-ssim"), (1.0, "mae")]
    assert join([(1.0, "ssim"), (0.25, "flip")]) == "ssim+0.25*flip"


def test_unknown_functions_are_refused() -> None:
    with pytest.raises(KeyError):
        FaceLoss("mea", penalized=True)
    with pytest.raises(ValueError, match="much"):
        FaceLoss("much*mae", penalized=True)


def test_a_mask_floor_weighs_the_outside_a_little() -> None:
    x, y = pictures(17)
    loss = FaceLoss("mae", penalized=True, mask_floor=0.1)(x, measure(y, box(40, slice(None), slice(20))))
    error = (x - y).abs()
    expected = (error[..., :20].sum((1, 2, 3)) + 0.1 * error[..., 20:].sum((1, 2, 3))) / error[0].numel()
    torch.testing.assert_close(loss, expected)


def test_a_learned_mask_has_a_loss_of_its_own() -> None:
    made, mask = torch.full((2, 1, 8, 8), 0.5), box(8, slice(4), slice(None))
    torch.testing.assert_close(FaceLoss("mae", True).of_mask(made, mask), torch.full((2,), 0.25))
    torch.testing.assert_close(FaceLoss("mae", True, mask_loss="mae").of_mask(made, mask), torch.full((2,), 0.5))


@pytest.mark.parametrize("size", [32, 64, 96, 144])
@pytest.mark.parametrize("name", ["ms-ssim", "laploss", "flip"])
def test_losses_of_many_scales_take_every_trainer_s_size(name: str, size: int) -> None:
    x, y = pictures(18, 1, size)
    assert 0 < float(FaceLoss(name, penalized=True)(x, measure(y))) < 2
