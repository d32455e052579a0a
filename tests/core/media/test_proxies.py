"""Proxies laid over their footage: against shifts that are known, and against FFmpeg's fastest scaler."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import SourceError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.jobs.requests import REQUESTS
from understudy.core.media.proxies import register
from understudy.core.media.writers import VideoWriter

WIDTH, HEIGHT = 640, 360
SPOTS = np.array([(x, y) for y in (60, 180, 300) for x in range(30, 620, 30)], np.float64)  # centres, pixels


def blots(width: int, height: int, sx: float = 1.0, dx: float = 0.0, sy: float = 1.0, dy: float = 0.0) -> np.ndarray:
    """Soft blots on grey, drawn by their formula at the places (s * u + d) of a picture that is 1 by 1."""
    rng = np.random.default_rng(3)
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    picture = np.full((height, width), 60.0)
    for u, v, radius, strength in rng.uniform((0, 0, 0.01, -50), (1, 1, 0.06, 150), (60, 4)):
        picture += strength * np.exp(-0.5 * ((y - sy * v - dy) / radius) ** 2)[:, None] \
            * np.exp(-0.5 * ((x - sx * u - dx) / radius) ** 2)
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([(160, 90), (320, 180), (480, 270)]), st.floats(0.985, 1.015), st.floats(-0.01, 0.01),
       st.floats(0.985, 1.015), st.floats(-0.01, 0.01))
def test_a_known_shift_is_found(size: tuple[int, int], sx: float, dx: float, sy: float, dy: float) -> None:
    """To a fifth of the proxy's pixel, at all four corners."""
    found = register(blots(WIDTH, HEIGHT), blots(*size, sx, dx, sy, dy))
    assert found is not None
    assert found.agreement > 0.95
    corners = np.array([(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)], np.float64)
    truth = np.array([[sx, 0, dx], [0, sy, dy]])
    assert np.abs((found.matrix - truth) @ corners.T * np.array(size)[:, None]).max() < 0.2


def test_other_pictures_and_flat_ones_are_not_taken() -> None:
    assert register(blots(WIDTH, HEIGHT), blots(320, 180)[::-1]) is None
    flat = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    assert register(flat, flat[::2, ::2]) is None
    assert register(blots(WIDTH, HEIGHT), blots(320, 180, dx=0.1)) is None


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames of white discs on grey."""
    pixels = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    for x, y in SPOTS.astype(int):
        cv2.circle(pixels, (int(x), int(y)), 6, (255, 255, 255), -1, cv2.LINE_AA)
    path = tmp_path_factory.mktemp("films") / "discs.mp4"
    with VideoWriter(path, None, rate=Fraction(25), crf=4) as writer:
        for number in range(3):
            writer.write(number, pixels)
    return path


def scaled(film: Path, path: Path, size: tuple[int, int]) -> Path:
    """A proxy as Blender makes it: with libswscale's fastest scaler."""
    with av.open(str(film)) as given, av.open(str(path), "w") as made:
        stream = made.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for frame in given.decode(video=0):
            small = frame.reformat(*size, format="yuv420p", interpolation=Interpolation.FAST_BILINEAR)
            small.pts, small.time_base = frame.pts, frame.time_base
            made.mux(stream.encode(small))
        made.mux(stream.encode())
    return path


@pytest.mark.parametrize("size", [(160, 90), (320, 180), (480, 270)])
def test_what_ffmpeg_scales_is_found_where_it_is(film: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    """The discs' centres in the proxy, which are measured apart, lie where the registration has them."""
    small = scaled(film, tmp_path / "small.mp4", size)
    answer = REQUESTS["proxy"]({"path": str(film), "frame": 1, "proxy": str(small)}, SilentReporter())
    assert answer["size"] == list(size)
    with av.open(str(small)) as container:
        grey = next(container.decode(video=0)).to_ndarray(format="gray").astype(np.float64)
    light = np.clip(grey - 60, 0, None)
    apart, plain = [], []
    for u, v in (SPOTS + 0.5) / (WIDTH, HEIGHT):
        expected = np.array(answer["matrix"]) @ (u, v, 1) * size - 0.5
        x0, y0 = np.round(expected).astype(int)
        reach = max(2, round(10 * size[0] / WIDTH))
        part = light[y0 - reach:y0 + reach + 1, x0 - reach:x0 + reach + 1]
        if part.shape != (2 * reach + 1,) * 2:
            continue
        rows, columns = np.mgrid[y0 - reach:y0 + reach + 1, x0 - reach:x0 + reach + 1]
        centre = np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()
        apart.append(np.abs(centre - expected).max())
        plain.append(np.abs(centre - (np.array([u, v]) * size - 0.5)).max())
    print(f"{size}: {np.mean(apart):.2f} of the proxy's pixels apart, at most {max(apart):.2f}; as if there were no "
          f"shift {np.mean(plain):.2f}, at most {max(plain):.2f}")
    assert len(apart) > 50
    assert np.mean(apart) < 0.25


def test_a_frame_that_the_proxy_lacks_is_said(film: Path, tmp_path: Path) -> None:
    small = scaled(film, tmp_path / "small.mp4", (160, 90))
    longer = film.with_name("longer.mp4")
    with VideoWriter(longer, None, rate=Fraction(25)) as writer:
        for number in range(8):
            writer.write(number, blots(WIDTH, HEIGHT))
    with pytest.raises(SourceError, match="has no frame 7"):
        REQUESTS["proxy"]({"path": str(longer), "frame": 7, "proxy": str(small)}, SilentReporter())


def test_the_proxies_of_pictures_are_found_by_their_names(tmp_path: Path) -> None:
    """As Blender keeps them: BL_proxy/images/50/a.png_proxy.jpg."""
    source, folder = tmp_path / "shots", tmp_path / "shots" / "BL_proxy" / "images" / "50"
    folder.mkdir(parents=True)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(source / name), blots(WIDTH, HEIGHT))
    cv2.imwrite(str(folder / "b.png_proxy.jpg"), blots(320, 180, dx=0.01))
    answer = REQUESTS["proxy"]({"path": str(source), "frame": 1, "proxy": str(folder)}, SilentReporter())
    assert answer["size"] == [320, 180]
    assert answer["matrix"][0][2] == pytest.approx(0.01, abs=0.001)
    with pytest.raises(SourceError, match=r"a\.png_proxy\.jpg"):
        REQUESTS["proxy"]({"path": str(source), "frame": 0, "proxy": str(folder)}, SilentReporter())
