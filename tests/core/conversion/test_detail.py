"""Sharpening, grain and motion blur, each against its definition or against footage whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.linalg import expm, logm

from understudy.core.conversion import grain as grains
from understudy.core.conversion.composite import compose, full_frame, warp_back
from understudy.core.conversion.motion import Motion, blurred
from understudy.core.conversion.nouns import ConvertedFrame, Patch
from understudy.core.conversion.sharpening import sharpened
from understudy.core.media.frame import Frame
from understudy.core.options.convert_look import ConvertLookOptions

from .test_composite import similarity, smooth, soft_disc
from .test_mask import gaussian

WIDTH, HEIGHT = 320, 240


def textured(size: int = 64) -> np.ndarray:
    noise = np.random.default_rng(3).uniform(0, 1, (size, size, 3))
    return np.clip(ndimage.gaussian_filter(noise, (1.2, 1.2, 0)) * 1.8 - 0.4, 0, 1).astype(np.float32)


def filtered(rgb: np.ndarray, radius: int, kind: str) -> np.ndarray:
    width = 2 * radius + 1
    if kind == "box":
        return np.stack([ndimage.uniform_filter(c.astype(float), width, mode="mirror") for c in rgb.T], 0).T
    return np.stack([gaussian(c.astype(float), width) for c in rgb.T], 0).T


@pytest.mark.parametrize("kind", ["box", "gaussian", "unsharp-mask"])
@pytest.mark.parametrize(("amount", "percent", "threshold"), [(150.0, 0.3, 5.0), (100.0, 0.1, 1.0), (400.0, 1.0, 10.0)])
def test_sharpening_is_the_definition(kind: str, amount: float, percent: float, threshold: float) -> None:
    rgb = textured()
    scale = 0.5  # patch pixels per frame pixel
    look = ConvertLookOptions(sharpen=kind, sharpen_amount=amount, sharpen_radius=percent, sharpen_threshold=threshold)
    radius = max(1, round(max(1, round(1280 * percent / 100)) * scale))
    a = amount / 100
    soft = filtered(rgb, radius, kind)
    if kind == "box":
        kernel = np.zeros((2 * radius + 1,) * 2)
        kernel[radius, radius] = 1
        kernel += (kernel - 1 / kernel.size) * a
        expected = np.stack([ndimage.convolve(c.astype(float), kernel, mode="mirror") for c in rgb.T]).T
    elif kind == "gaussian":
        expected = rgb * (1 + 0.5 * a) - soft * 0.5 * a
    else:
        # Differences up to the threshold are left alone: the usual meaning.
        expected = np.where(np.abs(rgb - soft) > threshold / 255, rgb * (1 + a) - soft * a, rgb)
    result = sharpened(rgb, look, 1280, scale)
    difference = np.abs(result - np.clip(expected, 0, 1))
    if kind == "unsharp-mask":  # a pixel at the very threshold may fall to either side
        assert (difference > 1e-4).mean() < 1e-3
    else:
        assert difference.max() < 2e-5
    assert np.abs(result - rgb).mean() > 1 / 255


def test_without_sharpening_nothing_is_touched() -> None:
    rgb = textured()
    assert sharpened(rgb, ConvertLookOptions(), 1280, 1.0) is rgb


def test_unsharp_mask_leaves_smooth_skin_alone_and_sharpens_edges() -> None:
    rgb = np.full((64, 64, 3), 0.5, np.float32)
    rgb += np.random.default_rng(1).normal(0, 1 / 255, rgb.shape).astype(np.float32)
    rgb[:, 32:] += 0.3
    result = sharpened(rgb, ConvertLookOptions(sharpen="unsharp-mask", sharpen_threshold=10.0), 1280, 0.5)
    np.testing.assert_array_equal(result[:, :28], rgb[:, :28])
    assert result[:, 32].mean() > rgb[:, 32].mean() + 0.05


# Grain

def noisy_frame(strengths: tuple[float, float, float], blur: float, seed: int = 0) -> np.ndarray:
    """A smooth scene with noise of known spread (luma, R - Y, B - Y, in 255ths) and coarseness; uint8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    scene = 0.45 + 0.15 * np.sin(x / 90 + 1)[..., None] * np.array([1, .8, .6]) + (0.1 * y / HEIGHT)[..., None]
    channels = []
    for strength in strengths:
        white = ndimage.gaussian_filter(random.normal(0, 1, (HEIGHT, WIDTH)), blur) if blur else random.normal(
            0, 1, (HEIGHT, WIDTH))
        channels.append(white / white.std() * strength / 255)
    luma, red, blue = channels
    r, b = luma + red, luma + blue
    g = (luma - 0.299 * r - 0.114 * b) / 0.587
    return np.clip(np.rint((scene + np.stack([r, g, b], -1)) * 255), 0, 255).astype(np.uint8)


PLACE = similarity(0.4, 10.0, 160, 120, 64)  # a face of 160 frame pixels in a patch of 64


@pytest.mark.parametrize(("strengths", "blur"), [
    ((4.0, 1.0, 1.5), 0.0), ((6.0, 2.0, 2.0), 0.8), ((3.0, 3.0, 3.0), 1.5)])
def test_grain_is_measured_as_it_is(strengths: tuple[float, float, float], blur: float) -> None:
    found = grains.measured(noisy_frame(strengths, blur), PLACE, 64, (0, 0))
    assert found is not None
    rounding = np.array([0.17, 0.3, 0.3])  # of 8 bits, in 255ths
    expected = np.sqrt(np.square(strengths) + rounding ** 2)
    np.testing.assert_allclose(found.deviations * 255, expected, rtol=0.2)


def test_what_is_on_the_face_or_in_an_edge_is_no_grain() -> None:
    frame = noisy_frame((2.0, 0.5, 0.5), 0.0)
    loud = frame.copy()
    loud[80:160, 120:200] = np.random.default_rng(1).integers(0, 255, (80, 80, 3))  # the middle of the face
    loud[:, 40:44] = 250  # a post in the scene
    quiet, other = (grains.measured(picture, PLACE, 64, (0, 0)) for picture in (frame, loud))
    np.testing.assert_allclose(other.deviations, quiet.deviations, rtol=0.25)


def test_a_clean_or_clipped_picture_has_no_grain_to_add() -> None:
    clean = grains.measured(noisy_frame((0.0001, 0.0001, 0.0001), 0.0), PLACE, 64, (0, 0))
    assert clean is not None
    assert clean.deviations.max() * 255 < 0.5  # the steps of 8 bits
    assert grains.measured(np.zeros((HEIGHT, WIDTH, 3), np.uint8), PLACE, 64, (0, 0)) is None
    assert grains.measured(np.full((12, 12, 3), 128, np.uint8), PLACE, 64, (0, 0)) is None


def correlation(noise: np.ndarray) -> float:
    """Of horizontal neighbours."""
    return float((noise[:, 1:] * noise[:, :-1]).mean() / (noise ** 2).mean())


@pytest.mark.parametrize(("scale", "size"), [(0.4, 64), (0.83, 128), (1.3, 128), (2.6, 256)])
@pytest.mark.parametrize("blur", [0.0, 0.8, 1.5])
def test_the_face_gets_the_grain_of_its_surroundings(scale: float, size: int, blur: float) -> None:
    """Measured again in the finished frame: strength, coarseness and share of colour are those around the face."""
    frame = noisy_frame((5.0, 1.5, 1.5), blur)
    matrix = similarity(scale, 10.0, 160, 120, size)
    patch = Patch(np.full((size, size, 3), 0.5, np.float32), np.ones((size, size), np.float32), matrix)
    found = grains.measured(frame, matrix, size, (7, 0))
    done = grains.grainy(patch, found, 1.0)
    layer = compose((done,), WIDTH, HEIGHT)
    _, _, w, h = layer.box
    around = [(layer.rgb[h // 2 - 20:h // 2 + 20, w // 2 - 20:w // 2 + 20] - 0.5) * 255]
    clean = noisy_frame((1e-6, 1e-6, 1e-6), 0.0)
    around.append((frame.astype(float) - clean)[100:140, 20:60])
    spreads, correlations = [], []
    for noise in around:
        luma = noise @ [0.299, 0.587, 0.114]
        spreads.append([luma.std(), (noise[..., 0] - luma).std(), (noise[..., 2] - luma).std()])
        correlations.append(correlation(luma - luma.mean()))
    np.testing.assert_allclose(spreads[0], spreads[1], rtol=0.3)
    assert correlations[0] == pytest.approx(correlations[1], abs=0.25)


def test_grain_is_the_same_each_time_and_another_in_each_frame() -> None:
    frame = noisy_frame((5.0, 1.5, 1.5), 0.5)
    patch = Patch(smooth(64), soft_disc(64), PLACE, "uuid")
    done = [grains.grainy(patch, grains.measured(frame, PLACE, 64, seed), 1.0) for seed in ((1, 0), (1, 0), (2, 0))]
    np.testing.assert_array_equal(done[0].rgb, done[1].rgb)
    assert np.abs(done[0].rgb - done[2].rgb).mean() > 1 / 255
    assert done[0].face == "uuid"


def test_strength_scales_the_grain_and_nothing_else() -> None:
    frame = noisy_frame((4.0, 1.0, 1.0), 0.5)
    patch = Patch(np.full((64, 64, 3), 0.5, np.float32), soft_disc(64), PLACE)
    found = grains.measured(frame, PLACE, 64, (3, 0))
    once, twice = (grains.grainy(patch, found, strength) for strength in (1.0, 2.0))
    assert (twice.rgb - 0.5).std() == pytest.approx(2 * (once.rgb - 0.5).std(), rel=0.02)
    area = (60, 20, 200, 200)
    before, after = (warp_back(picture, area)[1] for picture in (patch, once))
    assert np.abs(before - after).max() < 0.02  # the enlarged mask covers what it did


# Motion blur

def seen(matrix: np.ndarray, point: tuple[float, float]) -> np.ndarray:
    return matrix[:, :2] @ point + matrix[:, 2]


@settings(max_examples=25, deadline=None)
@given(st.floats(-40, 40), st.floats(-40, 40), st.floats(-25, 25), st.floats(0.9, 1.1), st.floats(10, 360))
def test_instants_lie_on_the_faces_own_way(dx: float, dy: float, turn: float, growth: float, angle: float) -> None:
    """Against a face that moves steadily by a similarity: where its points are at each instant of the exposure."""
    size = 64
    now = similarity(0.8, 20.0, 160, 120, size)
    a = growth * np.exp(1j * np.radians(turn))
    step = np.array([[a.real, -a.imag, dx], [a.imag, a.real, dy]])  # frame -> frame: what one frame's time does

    generator = logm(np.vstack([step, [0, 0, 1]]))

    def along(time: float) -> np.ndarray:
        """The similarity applied `time` times, by scipy's logarithm and exponential of matrices."""
        return expm(generator * time).real

    def matrix_at(time: float) -> np.ndarray:
        return (np.vstack([now, [0, 0, 1]]) @ np.linalg.inv(along(time)))[:2]

    instants = Motion(matrix_at(-1.0), matrix_at(1.0)).instants(now, size, angle)
    count = len(instants)
    times = ((np.arange(count) + 0.5) / count * 2 - 1) * angle / 720
    for time, instant in list(zip(times, instants, strict=True))[::7]:
        for point in ((0, 0), (63, 10), (31.5, 31.5)):
            in_frame = along(time) @ [*seen(np.linalg.inv(np.vstack([now, [0, 0, 1]]))[:2], point), 1]
            np.testing.assert_allclose(seen(instant, point), seen(now, tuple(in_frame[:2])), atol=1e-4)


def test_one_side_is_enough_and_none_is_no_motion() -> None:
    now, before, after = (similarity(0.8, 0.0, 160 + x, 120, 64) for x in (0, -10, 10))
    both = Motion(before, after).instants(now, 64, 180)
    for one in (Motion(before, None), Motion(None, after)):
        np.testing.assert_allclose(one.instants(now, 64, 180), both, atol=1e-9)
    assert len(Motion(None, None).instants(now, 64, 180)) == 1
    assert len(Motion(now, now).instants(now, 64, 360)) == 1


@pytest.mark.parametrize("angle", [90.0, 180.0, 360.0])
def test_blur_is_as_long_as_the_shutter_lets_the_face_move(angle: float) -> None:
    """A dot on a face that glides 20 frame pixels a frame becomes a streak of 20 * angle / 360."""
    size, scale = 96, 0.8
    now, before, after = (similarity(scale, 0.0, 160 + x, 120, size) for x in (0, -20, 20))
    y, x = np.mgrid[:size, :size] - 48
    rgb = np.repeat(np.exp(-(x * x + y * y) / (2 * 1.5 ** 2))[..., None], 3, -1).astype(np.float32)
    motion = Motion(before, after)
    colour, _ = blurred(rgb, [np.ones((size, size), np.float32)], motion.instants(now, size, angle))
    row = colour[48, :, 0].astype(float)
    length = scale * 20 * angle / 360
    spread = np.sqrt((row * (np.arange(size) - 48.0) ** 2).sum() / row.sum())
    assert spread == pytest.approx(np.hypot(length / np.sqrt(12), 1.5), rel=0.03)  # an even streak of the dot
    assert (row * np.arange(size)).sum() / row.sum() == pytest.approx(48.0, abs=0.05)
    assert colour.sum() == pytest.approx(rgb.sum(), rel=0.01)
    assert colour[40].max() < 1e-5


def test_the_frame_shows_the_mean_of_sharp_frames() -> None:
    """Laid over a background, the blurred patch is what the mean over finely spaced sharp frames shows."""
    size, steps = 96, 32
    now, before, after = (similarity(0.8, 2.0 * t, 160 + 18 * t, 120 - 7 * t, size) for t in (0, -1, 1))
    rgb, mask = textured(size), soft_disc(size)
    pixels = np.random.default_rng(0).integers(60, 190, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    frame = Frame("x", 0, 0.0, pixels)

    def shown(*patches: Patch) -> np.ndarray:
        return full_frame(ConvertedFrame(frame, patches, compose(patches, WIDTH, HEIGHT))).astype(float)

    expected = np.mean([shown(Patch(rgb, mask, similarity(0.8, 2.0 * t, 160 + 18 * t, 120 - 7 * t, size)))
                        for t in (np.arange(steps) + 0.5) / steps * 0.5 - 0.25], axis=0)
    motion = Motion(before, after)
    colour, (soft,) = blurred(rgb, [mask], motion.instants(now, size, 180))
    result = shown(Patch(colour, soft, now))
    sharp = shown(Patch(rgb, mask, now))
    assert np.abs(result - expected).max() < 6
    assert np.abs(result - expected).mean() < 0.2 * np.abs(sharp - expected).mean()
