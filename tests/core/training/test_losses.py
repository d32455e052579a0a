"""Losses against numpy and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from understudy.core.training.losses import FaceLoss, absolute_error, dissimilarity


def pictures(seed: int = 0, count: int = 2, size: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    base = rng.random((count, 3, size, size))
    other = np.clip(base + rng.normal(0, 0.2, base.shape), 0, 1)
    return torch.tensor(base, dtype=torch.float32), torch.tensor(other, dtype=torch.float32)


def ssim_map(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """SSIM of two [H, W] float64 pictures by plain sums over 11x11 windows with reflected borders."""
    window = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(window, window) / window.sum() ** 2

    def mean(z: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(z, 5, "reflect"), (11, 11))
        return np.einsum("hwij,ij->hw", windows, window)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    return (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))


def test_ssim_is_the_paper_s_with_reflected_borders() -> None:
    x, y = pictures()
    got = 1 - dissimilarity(x, y).numpy()
    for n in range(2):
        for c in range(3):
            expected = ssim_map(x[n, c].double().numpy(), y[n, c].double().numpy())
            np.testing.assert_allclose(got[n, c], expected, atol=2e-5)


def test_ssim_agrees_with_scikit_image_away_from_the_border() -> None:
    x, y = pictures(1, 1)
    _, full = structural_similarity(x[0, 0].numpy(), y[0, 0].numpy(), gaussian_weights=True, sigma=1.5, win_size=11,
                                    use_sample_covariance=False, data_range=1.0, full=True)
    np.testing.assert_allclose(1 - dissimilarity(x, y)[0, 0].numpy()[5:-5, 5:-5], full[5:-5, 5:-5], atol=1e-4)


def test_equal_pictures_cost_nothing() -> None:
    x, _ = pictures(2)
    assert dissimilarity(x, x).abs().max() < 1e-5
    assert absolute_error(x, x).max() == 0


def test_the_penalised_loss_is_averaged_over_all_pixels() -> None:
    x, y = pictures(3)
    mask = torch.zeros(2, 1, 40, 40)
    mask[:, :, 10:30, 10:20] = 1
    loss = FaceLoss("mae", penalized=True)(x, y, mask)
    expected = np.abs(x.numpy() - y.numpy())[:, :, 10:30, 10:20].sum((1, 2, 3)) / (3 * 40 * 40)
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-5)
    plain = FaceLoss("mae", penalized=False)(x, y, mask)
    np.testing.assert_allclose(plain.numpy(), np.abs(x.numpy() - y.numpy()).mean((1, 2, 3)), rtol=1e-5)


def test_outside_the_mask_nothing_is_learned_from_absolute_errors() -> None:
    x, y = pictures(4)
    x.requires_grad_()
    mask = torch.zeros(2, 1, 40, 40)
    mask[..., :20] = 1
    FaceLoss("mae", penalized=True)(x, y, mask).sum().backward()
    assert not x.grad[..., 20:].any()
    assert x.grad[..., :20].all()


@pytest.mark.parametrize("name", ["mae", "ssim", "ssim+mae", "ssim+0.5*mae"])
def test_sums_of_terms_and_finite_gradients(name: str) -> None:
    x, y = pictures(5)
    x[0] = 0  # flat and equal regions are where a quotient could break
    y[0] = 0
    x.requires_grad_()
    mask = torch.ones(2, 1, 40, 40)
    loss = FaceLoss(name, penalized=True)(x, y, mask)
    weights = {"mae": (0, 1), "ssim": (1, 0), "ssim+mae": (1, 1), "ssim+0.5*mae": (1, 0.5)}[name]
    expected = weights[0] * dissimilarity(x, y).mean((1, 2, 3)) + weights[1] * (x - y).abs().mean((1, 2, 3))
    torch.testing.assert_close(loss, expected)
    loss.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_unknown_terms_are_refused() -> None:
    with pytest.raises(KeyError):
        FaceLoss("mea", penalized=True)


def test_a_mask_floor_weighs_the_outside_a_little() -> None:
    x, y = pictures(6)
    mask = torch.zeros(2, 1, 40, 40)
    mask[..., :20] = 1
    loss = FaceLoss("mae", penalized=True, mask_floor=0.1)(x, y, mask)
    error = (x - y).abs()
    expected = (error[..., :20].sum((1, 2, 3)) + 0.1 * error[..., 20:].sum((1, 2, 3))) / error[0].numel()
    torch.testing.assert_close(loss, expected)


def test_the_fine_window_is_another_measure() -> None:
    x, y = pictures(7)
    fine = FaceLoss("0.5*ssim5", penalized=False)(x, y, torch.ones(2, 1, 40, 40))
    torch.testing.assert_close(fine, 0.5 * dissimilarity(x, y, 5, 1.0).mean((1, 2, 3)))
    assert (fine - 0.5 * dissimilarity(x, y).mean((1, 2, 3))).abs().max() > 1e-3
