"""Laying back against an independent reference: exact positions, the blending equation, untouched pixels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.conversion.composite import compose, full_frame, overlay, reach, scaled, warp_back
from understudy.core.conversion.nouns import ConvertedFrame, Patch
from understudy.core.media.frame import Frame

WIDTH, HEIGHT = 160, 120


def similarity(scale: float, degrees: float, x: float, y: float, size: int) -> np.ndarray:
    """Frame -> patch: the patch's centre lies at frame position (x, y), `scale` patch pixels per frame pixel."""
    angle = np.radians(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, np.full(2, (size - 1) / 2) - linear @ (x, y)])


def smooth(size: int, seed: int = 0) -> np.ndarray:
    """A smooth colour picture, float32 [S, S, 3] in 0..1."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    waves = [0.5 + 0.45 * np.sin(2 * np.pi * (a * x + b * y + c)) for a, b, c in random.uniform(-1, 1, (3, 3))]
    return np.stack(waves, -1).astype(np.float32)


def soft_disc(size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.clip((0.4 * size - np.hypot(x, y)) / (0.15 * size) + 0.5, 0, 1).astype(np.float32)


def keys_weights(t: np.ndarray) -> np.ndarray:
    """Weights of the four neighbours at distance t past the second (Keys 1981, a = -0.75), [..., 4]."""
    a, weights = -0.75, []
    for d in (np.abs(t + 1), np.abs(t), np.abs(t - 1), np.abs(t - 2)):
        near = (a + 2) * d**3 - (a + 3) * d**2 + 1
        far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
        weights.append(np.where(d <= 1, near, far))
    return np.stack(weights, -1)


def sampled(image: np.ndarray, matrix: np.ndarray, fill: float | None) -> np.ndarray:
    """`image` [S, S, C] at every frame pixel by exact cubic convolution; `fill` None: the edge goes on."""
    size = image.shape[0]
    frame = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1).astype(np.float64)
    place = frame @ matrix[:, :2].T + matrix[:, 2]
    base = np.floor(place).astype(int)
    wx, wy = (keys_weights(place[..., i] - base[..., i]) for i in (0, 1))
    result = np.zeros((HEIGHT, WIDTH, image.shape[2]))
    for j in range(4):
        for i in range(4):
            x, y = base[..., 0] + i - 1, base[..., 1] + j - 1
            value = image[np.clip(y, 0, size - 1), np.clip(x, 0, size - 1)].astype(np.float64)
            if fill is not None:
                value[(x < 0) | (y < 0) | (x >= size) | (y >= size)] = fill
            result += value * (wx[..., i] * wy[..., j])[..., None]
    return np.clip(result, 0, 1)


def converted(patches: list[Patch], seed: int = 5) -> ConvertedFrame:
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    return ConvertedFrame(Frame("noise", 0, 0.0, pixels), tuple(patches), compose(tuple(patches), WIDTH, HEIGHT))


@pytest.mark.parametrize(("scale", "degrees", "x", "y"), [
    (0.5, 0.0, 80.0, 60.0), (0.61, 17.3, 71.37, 55.81), (0.9, -40.0, 90.2, 50.7), (0.4, 8.0, 12.3, 110.9)])
def test_frame_is_blended_by_the_definition(scale: float, degrees: float, x: float, y: float) -> None:
    patch = Patch(smooth(48), soft_disc(48), similarity(scale, degrees, x, y, 48))
    result = converted([patch])
    mask = sampled(patch.mask[..., None], patch.matrix, 0.0)
    expected = result.frame.pixels * (1 - mask) + 255 * sampled(patch.rgb, patch.matrix, None) * mask
    difference = np.abs(full_frame(result).astype(float) - expected)
    assert difference.max() < 3.0  # 1/64 patch pixel of OpenCV's, alpha in 255 steps, rounding
    assert difference.mean() < 0.4


def test_a_blob_comes_back_to_where_it_was() -> None:
    """Centroid of a gaussian blob drawn in the patch: exact to 0.03 frame pixels for any rotation and shift."""
    random = np.random.default_rng(3)
    for _ in range(12):
        scale, degrees = random.uniform(0.3, 3.0), random.uniform(-90, 90)
        centre = random.uniform((70, 50), (90, 70))
        matrix = similarity(scale, degrees, *centre, 64)
        y, x = np.mgrid[:64, :64] - 31.5
        blob = np.exp(-(x * x + y * y) / (2 * (3.0 * scale) ** 2)).astype(np.float32)
        rgb, _ = warp_back(Patch(np.repeat(blob[..., None], 3, -1), np.ones_like(blob), matrix), (40, 20, 80, 80))
        weight = rgb[..., 0] * (rgb[..., 0] > 0.05)
        found = np.array([(weight * axis).sum() / weight.sum() for axis in np.mgrid[20:100, 40:120][::-1]])
        assert np.abs(found - centre).max() < 0.03, (scale, degrees)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.2, 6.0), st.floats(-180, 180), st.floats(-60, 220), st.floats(-60, 180),
       st.sampled_from([32, 64, 75]))
def test_outside_the_mask_nothing_changes(scale: float, degrees: float, x: float, y: float, size: int) -> None:
    patch = Patch(smooth(size), soft_disc(size), similarity(scale, degrees, x, y, size))
    result = converted([patch])
    picture, layer = full_frame(result), overlay(result)
    assert picture.shape == result.frame.pixels.shape
    assert layer.shape == (HEIGHT, WIDTH, 4)
    zero = layer[..., 3] == 0
    np.testing.assert_array_equal(picture[zero], result.frame.pixels[zero])
    untouched = sampled(patch.mask[..., None], patch.matrix, 0.0)[..., 0] == 0 if scale < 1 else zero
    np.testing.assert_array_equal(picture[untouched], result.frame.pixels[untouched])


@pytest.mark.parametrize("scale", [0.5, 2.3])
def test_overlay_over_the_source_is_the_full_frame(scale: float) -> None:
    size = round(80 * scale)
    patches = [Patch(smooth(size, n), soft_disc(size), similarity(scale, 10 * n, 60 + 30 * n, 60, size))
               for n in range(2)]
    result = converted(patches)
    layer = overlay(result).astype(float)
    alpha = layer[..., 3:] / 255
    over = result.frame.pixels * (1 - alpha) + layer[..., :3] * alpha
    assert np.abs(over - full_frame(result)).max() <= 1.0
    assert (alpha == 0).any()
    assert (alpha == 1).any()


def test_several_faces_lie_over_each_other_in_order() -> None:
    patches = [Patch(smooth(64, n), soft_disc(64) * (1 - 0.3 * n), similarity(0.8, 25 * n, 60 + 20 * n, 60, 64))
               for n in range(3)]
    result = converted(patches)
    expected = result.frame.pixels.astype(float)
    for patch in patches:
        mask = sampled(patch.mask[..., None], patch.matrix, 0.0)
        expected = expected * (1 - mask) + 255 * sampled(patch.rgb, patch.matrix, None) * mask
    assert np.abs(full_frame(result) - expected).max() < 3.5
    turned = converted(patches[::-1])
    assert np.abs(full_frame(turned) - expected).max() > 30  # the order matters


def test_under_transparency_lies_the_colour_of_the_edge() -> None:
    """Scaling an overlay mixes neighbours: next to the mask there must be no black, far from it nothing at all."""
    patch = Patch(np.full((64, 64, 3), 0.8, np.float32), soft_disc(64), similarity(0.8, 0.0, 80, 60, 64))
    layer = overlay(converted([patch]))
    solid = layer[..., 3] > 0
    beside = np.zeros_like(solid)
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1)):
        beside |= np.roll(solid, (dy, dx), (0, 1))
    assert (np.abs(layer[beside][:, :3].astype(int) - 204) <= 1).all()
    assert not layer[:5].any()


def test_face_scale_enlarges_about_the_centre() -> None:
    matrix = similarity(0.5, 20.0, 80.0, 60.0, 64)
    for percent in (-10.0, 5.0, 10.0):
        larger = scaled(matrix, 64, percent)
        np.testing.assert_allclose(larger[:, :2] @ (80.0, 60.0) + larger[:, 2], [31.5, 31.5])  # the centre stays
        assert np.sqrt(np.linalg.det(larger[:, :2])) == pytest.approx(0.5 * (1 - percent / 100))
    np.testing.assert_array_equal(scaled(matrix, 64, 0.0), matrix)


def test_a_face_beyond_the_frame_leaves_it_alone() -> None:
    matrix = similarity(0.5, 0.0, 600.0, 60.0, 64)
    assert reach(matrix, 64, WIDTH, HEIGHT) is None
    result = converted([Patch(smooth(64), soft_disc(64), matrix)])
    assert result.layer is None
    np.testing.assert_array_equal(full_frame(result), result.frame.pixels)
    assert not overlay(result).any()


@pytest.mark.parametrize(("scale", "samples"), [(0.6, 2), (1.3, 3), (4.4, 2)])
def test_samples_are_the_mean_over_each_pixels_area(scale: float, samples: int) -> None:
    """Against exact cubic sampling of the patch at the places where the samples of each pixel lie, averaged."""
    patch = Patch(smooth(96), soft_disc(96), similarity(scale, 11.0, 80.3, 60.8, 96))
    colour, mask = np.zeros((HEIGHT, WIDTH, 3)), np.zeros((HEIGHT, WIDTH, 1))
    for row in range(samples):
        for column in range(samples):
            offset = (np.array([column, row]) + 0.5) / samples - 0.5
            moved = np.column_stack([patch.matrix[:, :2], patch.matrix[:, 2] + patch.matrix[:, :2] @ offset])
            weight = sampled(patch.mask[..., None], moved, 0.0)
            colour += sampled(patch.rgb, moved, None) * weight
            mask += weight
    rgb, weight = warp_back(replace(patch, samples=samples), (0, 0, WIDTH, HEIGHT))
    np.testing.assert_allclose(weight, mask[..., 0] / samples**2, atol=0.04)
    inside = mask[..., 0] > 0.05 * samples**2
    np.testing.assert_allclose(rgb[inside], (colour / np.maximum(mask, 1e-9))[inside], atol=0.02)


def test_samples_take_the_shimmer_out_of_a_fine_patch() -> None:
    """Stripes finer than frame pixels are grey; sampled at points only, they come out as coarse stripes."""
    x = np.arange(128)
    stripes = np.repeat(np.repeat((0.5 + 0.5 * np.cos(2 * np.pi * x / 2.6))[None, :, None], 128, 0), 3, -1)
    patch = Patch(stripes.astype(np.float32), np.ones((128, 128), np.float32), similarity(1.45, 0.0, 80, 60, 128))
    area = (60, 40, 40, 40)
    plain, fine = (warp_back(replace(patch, samples=samples), area)[0].std() for samples in (1, 3))
    assert fine < 0.65 * plain  # sinc(1.45 / 2.6) = 0.56 is what the mean over a pixel leaves of such a wave


def test_a_patch_of_the_frames_scale_comes_back_almost_unchanged() -> None:
    """What was cut cubically from a detailed frame is laid back to 46 dB, enlarged or shrunk by a few percent."""
    random = np.random.default_rng(2)
    frame = cv2.GaussianBlur(random.uniform(0, 1, (HEIGHT, WIDTH, 3)).astype(np.float32), (0, 0), 1.3)
    frame = np.clip((frame - frame.mean()) * 2 + 0.5, 0, 1)
    for scale in (0.97, 1.0, 1.04):
        matrix = similarity(scale, 7.0, 80.4, 60.2, 96)
        rgb = cv2.warpAffine(frame, matrix, (96, 96), flags=cv2.INTER_CUBIC)
        back, mask = warp_back(Patch(rgb, soft_disc(96), matrix), (0, 0, WIDTH, HEIGHT))
        error = ((back - frame)[mask > 0] ** 2).mean()
        assert -10 * np.log10(error) >= 46, scale


@pytest.mark.parametrize("depth", [16, 32])
def test_finer_frames_are_blended_by_the_definition(depth: int) -> None:
    """Over 16 bits in display values, over floats in linear light; untouched where alpha is 0, far beyond white too."""
    random = np.random.default_rng(7)
    if depth == 16:
        pixels = random.integers(0, 65536, (HEIGHT, WIDTH, 3)).astype(np.uint16)
    else:
        pixels = random.uniform(-0.5, 9, (HEIGHT, WIDTH, 3)).astype(np.float32)
        pixels[:4] = np.inf
    patches = (Patch(smooth(48), soft_disc(48), similarity(0.61, 17.3, 71.37, 55.81, 48)),)
    layer = compose(patches, WIDTH, HEIGHT, depth=depth)
    result = ConvertedFrame(Frame("noise", 0, 0.0, pixels), patches, layer)
    whole, over = full_frame(result), overlay(result)
    assert whole.dtype == over.dtype == pixels.dtype
    top = 65535.0 if depth == 16 else 1.0
    alpha = over[..., 3:].astype(float) / top
    np.testing.assert_array_equal(whole[alpha[..., 0] == 0], pixels[alpha[..., 0] == 0])
    mask = sampled(patches[0].mask[..., None], patches[0].matrix, 0.0)
    assert np.abs(alpha - mask).max() < 0.02  # OpenCV's 1/32 of a patch pixel
    colour = patches[0].rgb
    if depth == 32:
        colour = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    inside = alpha[..., 0] > 0
    assert len(np.unique(over[..., 3])) > 300  # finer than 8 bits
    below = pixels[inside].astype(float)
    mixed = below * (1 - alpha[inside]) + over[..., :3][inside].astype(float) * alpha[inside]
    np.testing.assert_allclose(whole[inside], mixed, atol=1.0 if depth == 16 else 1e-5)
    np.testing.assert_allclose(over[..., :3][inside] / top, sampled(colour, patches[0].matrix, None)[inside], atol=0.02)
