"""Every colour method keeps shape and range; each against its definition, written here with numpy and scikit-image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve
from skimage import color

from understudy.core.conversion.protocols import Statistics
from understudy.core.options import Row, find, make
from understudy.core.options.convert_look import ConvertLookOptions
from understudy.core.options.rows import COLOURS


def pictures(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    new = random.uniform(0.3, 0.6, (48, 48, 3)).astype(np.float32)
    old = random.uniform(0.2, 0.8, (48, 48, 3)).astype(np.float32)
    mask = random.uniform(0, 1, (48, 48)).astype(np.float32) ** 2
    return new, old, mask


def hard(mask: np.ndarray) -> np.ndarray:
    return (mask > 0.4).astype(np.float32)


def smooth_pictures(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces have no white noise: two soft pictures, the second brighter, and a disc."""
    random = np.random.default_rng(seed)
    new, old = (ndimage.gaussian_filter(random.uniform(0, 1, (48, 48, 3)), (3, 3, 0)) * 2 - 0.5 for _ in range(2))
    y, x = np.mgrid[:48, :48] - 23.5
    return (np.clip(new, 0.05, 0.7).astype(np.float32), np.clip(old + 0.15, 0.1, 0.9).astype(np.float32),
            (np.hypot(x, y) < 17).astype(np.float32))


def method(name: str, **values: Any) -> Any:
    return find(COLOURS, name).load()(make(ConvertLookOptions, {"color": name, **values}))


@pytest.mark.parametrize("row", COLOURS, ids=lambda row: row.name)
def test_every_method_gives_a_picture(row: Row) -> None:
    adjust = row.load()(ConvertLookOptions(color=row.name))
    for mask in (pictures()[2], np.zeros((48, 48), np.float32), np.ones((48, 48), np.float32)):
        new, old, _ = pictures()
        before = (new.copy(), old.copy(), mask.copy())
        statistics = adjust.measure(new, old, mask)
        for result in (adjust.adjusted(new, old, mask), adjust.adjusted(new, old, mask, statistics)):
            assert result.shape == new.shape
            assert result.dtype == np.float32
            assert result.min() >= 0.0
            assert result.max() <= 1.0
        for given, kept in zip((new, old, mask), before, strict=True):
            np.testing.assert_array_equal(given, kept)


@pytest.mark.parametrize("row", COLOURS, ids=lambda row: row.name)
def test_own_statistics_change_nothing_and_others_count(row: Row) -> None:
    new, old, mask = smooth_pictures(4)
    adjust = row.load()(ConvertLookOptions(color=row.name, transfer_paper=False))
    own = adjust.measure(new, old, mask)
    plain = adjust.adjusted(new, old, mask)
    np.testing.assert_allclose(adjust.adjusted(new, old, mask, own), plain, atol=1e-6)
    if own is not None:
        brighter = adjust.measure(new, np.clip(old + 0.06, 0, 1), mask)
        shifted = adjust.adjusted(new, old, mask, Statistics(own.new, brighter.old))
        inside = mask > 0
        assert shifted[inside].mean() - plain[inside].mean() > 0.02


def test_avg_color_is_the_definition() -> None:
    new, old, mask = pictures(1)
    expected = new.astype(np.float64)
    for _ in range(2):
        for channel in range(3):
            difference = (old[..., channel] - expected[..., channel]) * mask
            expected[..., channel] += difference.sum() / mask.sum(dtype=np.float64)
    np.testing.assert_allclose(method("avg-color").adjusted(new, old, mask), np.clip(expected, 0, 1), atol=1e-5)


def test_avg_color_matches_the_mean_inside_the_mask_only() -> None:
    new, old, _ = pictures(2)
    mask = np.zeros((48, 48), np.float32)
    mask[10:30, 12:40] = 1.0
    old[mask == 0] = 0.0  # what lies outside must not count
    result = method("avg-color").adjusted(new, old, mask)
    np.testing.assert_allclose(result[mask > 0].mean(0), old[mask > 0].mean(0), atol=1e-4)


def test_none_changes_nothing() -> None:
    new, old, mask = pictures(3)
    np.testing.assert_array_equal(method("none").adjusted(new, old, mask), new)


@pytest.mark.parametrize("paper", [True, False])
@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_color_transfer_is_the_definition(paper: bool, clip: bool, seed: int) -> None:
    """In scikit-image's LAB, over all pixels of the masked pictures; compared where the mask is 1."""
    new, old, mask = smooth_pictures(seed)
    old = np.clip(old * 1.3, 0, 1)  # so that something leaves the range
    target, source = (color.rgb2lab(picture.astype(np.float64) * mask[..., None]) for picture in (new, old))
    span, zero = np.array([2.55, 1, 1]), np.array([0, 128, 128])
    target, source = ((lab + zero) * span for lab in (target, source))  # 0..255 each
    changed = np.empty_like(target)
    for channel in range(3):
        t, s = target[..., channel], source[..., channel]
        x = (t - t.mean()) * (t.std() / s.std() if paper else s.std() / t.std()) + s.mean()
        if clip:
            x = np.clip(x, 0, 255)
        elif x.min() < 0 or x.max() > 255:
            low, high = max(x.min(), 0), min(x.max(), 255)
            x = (high - low) * (x - x.min()) / (x.max() - x.min()) + low
        changed[..., channel] = x
    expected = color.lab2rgb(changed / span - zero)
    result = method("color-transfer", transfer_paper=paper, transfer_clip=clip).adjusted(new, old, mask)
    inside = mask > 0
    assert np.abs(result - expected)[inside].max() < 3 / 255  # OpenCV's LAB reads tables
    assert np.abs(result - expected)[inside].mean() < 0.5 / 255
    assert np.abs(result - new)[inside].mean() > 2 / 255


def test_color_transfer_by_the_originals_spread_reaches_its_means() -> None:
    new, old, mask = smooth_pictures(7)
    result = method("color-transfer", transfer_paper=False).adjusted(new, old, mask)
    before, after = (np.abs(picture[mask > 0].mean(0) - old[mask > 0].mean(0)).max() for picture in (new, result))
    assert after < 0.25 * before


@pytest.mark.parametrize("threshold", [90.0, 99.0, 100.0])
def test_match_hist_is_the_definition(threshold: float) -> None:
    new, old, mask = pictures(5)
    mask = hard(mask)
    old = np.rint(old * 255).astype(np.float32) / 255  # pictures from files
    inside = mask > 0
    expected = new.copy()
    for channel in range(3):
        _, back, counts = np.unique(new[inside][:, channel], return_inverse=True, return_counts=True)
        there, theirs = np.unique(old[inside][:, channel], return_counts=True)
        share = np.cumsum(counts) / counts.sum() * (threshold / 100)
        expected[inside, channel] = np.interp(share, np.cumsum(theirs) / theirs.sum(), there)[back]
    result = method("match-hist", histogram_threshold=threshold).adjusted(new, old, mask)
    assert np.abs(result - expected)[inside].max() < 1.0 / 255
    assert np.abs(result - expected)[inside].mean() < 0.2 / 255


def test_match_hist_gives_the_originals_distribution() -> None:
    new, old, mask = smooth_pictures(6)
    inside = mask > 0
    result = method("match-hist", histogram_threshold=100.0).adjusted(new, old, mask)
    for channel in range(3):
        steps = np.linspace(1, 99, 25)
        np.testing.assert_allclose(np.percentile(result[inside][:, channel], steps),
                                   np.percentile(old[inside][:, channel], steps), atol=1.5 / 255)


def space(rgb: np.ndarray, name: str, back: bool) -> np.ndarray:
    """To and from 0..1 for each axis, by scikit-image and by BT.601 written out."""
    if name == "hsv":
        return color.hsv2rgb(rgb) if back else color.rgb2hsv(rgb)
    if name == "lab":
        low, span = np.array([0, -128, -128]), np.array([100, 255, 255])
        return color.lab2rgb(rgb * span + low) if back else (color.rgb2lab(rgb) - low) / span
    if name == "ycrcb":
        y, r, g, b = (rgb[..., 0], *(rgb[..., i] for i in range(3)))
        if not back:
            luma = 0.299 * r + 0.587 * g + 0.114 * b
            return np.stack([luma, (r - luma) * 0.713 + 0.5, (b - luma) * 0.564 + 0.5], -1)
        cr, cb = rgb[..., 1] - 0.5, rgb[..., 2] - 0.5
        return np.stack([y + 1.403 * cr, y - 0.714 * cr - 0.344 * cb, y + 1.773 * cb], -1)
    return rgb


def sliders() -> Iterator[dict[str, float]]:
    for name in ("balance_1", "balance_2", "balance_3", "balance_contrast", "balance_brightness"):
        yield from ({name: 12.0}, {name: -12.0})
    yield from ({"balance_contrast": 100.0}, {"balance_contrast": -100.0}, {"balance_brightness": -100.0})
    yield {"balance_1": -20.0, "balance_2": 15.0, "balance_3": 10.0, "balance_contrast": 25.0,
           "balance_brightness": -12.0}


@pytest.mark.parametrize("name", ["hsv", "rgb", "lab", "ycrcb"])
@pytest.mark.parametrize("values", list(sliders()), ids=str)
def test_manual_balance_is_the_definition(name: str, values: dict[str, float]) -> None:
    new, old, mask = smooth_pictures(8)
    axes = space(new.astype(np.float64), name, back=False)
    for channel in range(3):
        b = values.get(f"balance_{channel + 1}", 0.0) / 100
        x = axes[..., channel]
        axes[..., channel] = x + (1 - x) * b if b >= 0 else x * (1 + b)
    expected = np.clip(space(axes, name, back=True), 0, 1) * 255
    contrast, brightness = (max(-126, round(1.27 * values.get(f"balance_{what}", 0.0)))
                            for what in ("contrast", "brightness"))
    expected = np.clip(expected * (contrast / 127 + 1) - contrast + brightness, 0, 255) / 255
    result = method("manual-balance", balance_space=name, **values).adjusted(new, old, mask)
    assert np.abs(result - expected).max() < 3 / 255
    assert np.abs(result - expected).mean() < 0.5 / 255
    assert np.abs(result - new).mean() > 1 / 255  # every slider does something


def poisson(new: np.ndarray, old: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Pérez et al., equation 4: f = old at the edge of the mask and outside, and inside its Laplacian is new's."""
    inside = mask > 0
    number = np.full(mask.shape, -1)
    number[inside] = np.arange(inside.sum())
    rows, columns = np.nonzero(inside)
    system = sparse.lil_matrix((len(rows), len(rows)))
    right = np.zeros((len(rows), new.shape[2]))
    for row, (y, x) in enumerate(zip(rows, columns, strict=True)):
        system[row, row] = 4
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            right[row] += new[y, x].astype(float) - new[v, u]
            if inside[v, u]:
                system[row, number[v, u]] = -1
            else:
                right[row] += old[v, u]
    solved = spsolve(system.tocsr(), right)
    result = old.astype(np.float64)
    result[inside] = solved
    return np.clip(result, 0, 1)


@pytest.mark.parametrize("seed", [1, 2])
def test_seamless_clone_solves_the_poisson_equation(seed: int) -> None:
    new, old, _ = smooth_pictures(seed)
    mask = np.zeros((48, 48), np.float32)
    mask[7:40, 9:38] = 1.0
    mask[7:12, 9:14] = 0.0
    new = np.clip(new, 0.25, 0.6)
    old = np.clip(old, 0.3, 0.7)
    expected = poisson(new, old, mask)
    result = method("seamless-clone").adjusted(new, old, mask)
    np.testing.assert_array_equal(result[mask == 0], old[mask == 0])
    inside = mask > 0
    core = ndimage.binary_erosion(inside, iterations=5)
    # OpenCV takes the original's gradients in a rim of 3 pixels and solves over the bounding rectangle.
    assert np.abs(result - expected)[core].mean() < 0.15 * np.abs(new - expected)[core].mean()
    laplacian = [ndimage.laplace(picture[..., 0].astype(np.float64))[core] for picture in (result, new)]
    assert np.abs(laplacian[0] - laplacian[1]).mean() < 2 / 255  # both pictures were rounded to 255 steps
    edge = inside & ~ndimage.binary_erosion(inside)
    assert np.abs(result - old)[edge].mean() < 0.35 * np.abs(new - old)[edge].mean()


def test_seamless_clone_stays_in_place_whatever_the_mask() -> None:
    """A mask that touches the picture's edges is not shifted, and no black seeps in from beyond it."""
    new, _, _ = smooth_pictures(3)
    for part in (np.s_[:, :], np.s_[:, 11:40], np.s_[0:31, 0:20], np.s_[20:48, 13:48], np.s_[10:13, 10:13]):
        mask = np.zeros((48, 48), np.float32)
        mask[part] = 0.01
        result = method("seamless-clone").adjusted(new, new, mask)  # a face cloned into itself stays as it is
        assert np.abs(result - new).max() <= 2.01 / 255
