"""What conversion may have made, seen as it would lie over the footage: alpha of every kind, and every scale."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core.conversion.writers.choices import scaled
from understudy.core.errors import SourceError, UsageError
from understudy.core.media.depth import to_depth
from understudy.core.media.encoding import Encoding
from understudy.core.media.images import write_png
from understudy.core.media.pictures import Coding, write_picture
from understudy.core.media.source import Source, open_source
from understudy.core.media.writers import VideoWriter
from understudy.core.reporting.results import Results

COUNT, WIDTH, HEIGHT = 4, 322, 182
DISC = (160, 90, 50)


def background(frame: int) -> np.ndarray:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([x * 0.6 + 20, y + 30, (x + y) * 0.3 + 8 * frame], -1).astype(np.uint8)


def layer(frame: int, depth: int = 8) -> np.ndarray:
    """A soft red disc with straight alpha, of a depth; float32 is scene-linear."""
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    x, y, radius = DISC
    cv2.circle(alpha, (x + 6 * frame, y), radius, 1.0, -1)
    alpha = np.ascontiguousarray(cv2.GaussianBlur(alpha, (0, 0), 4))
    colour = to_depth(np.full((HEIGHT, WIDTH, 3), (230, 60, 40), np.uint8), depth)
    alpha = {8: np.rint(alpha * 255).astype(np.uint8), 16: np.rint(alpha * 65535).astype(np.uint16), 32: alpha}[depth]
    return np.concatenate([colour, alpha[..., None]], -1)


def laid(frame: int, linear: bool = False) -> np.ndarray:
    """The disc over the background by the formula, in display values or in linear light; float 0..255."""
    rgba = layer(frame, 32)
    alpha = rgba[..., 3:].astype(np.float64)
    colour, below = np.array((230, 60, 40)) / 255.0, background(frame) / 255.0
    if not linear:
        return (below * (1 - alpha) + colour * alpha) * 255.0

    def light(v: np.ndarray) -> np.ndarray:
        return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)

    mixed = light(below) * (1 - alpha) + light(colour) * alpha
    return np.where(mixed <= 0.0031308, 12.92 * mixed, 1.055 * mixed ** (1 / 2.4) - 0.055) * 255.0


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("footage")
    for frame in range(COUNT):
        write_png(folder / f"p_{frame}.png", background(frame))
    return open_source(folder)


def seen(path: Path, source: Source) -> list[np.ndarray]:
    with Results(path, source, list(range(COUNT))) as results:
        pairs = list(results.pairs())
    assert [index for index, _, _ in pairs] == list(range(COUNT))
    for index, before, after in pairs:
        np.testing.assert_array_equal(before, background(index))
        assert (after.shape, after.dtype) == (before.shape, np.uint8)
    return [after for _, _, after in pairs]


@pytest.mark.parametrize("percent", [100.0, 50.0, 25.0, 200.0])
@pytest.mark.parametrize(("kind", "depth"), [("png", 8), ("png", 16), ("tiff", 8), ("tiff", 32), ("webp", 8),
                                             ("exr", 16), ("exr", 32)])
def test_overlays_are_laid_over_the_footage(source: Source, tmp_path: Path, kind: str, depth: int,
                                            percent: float) -> None:
    coding = Coding(kind, depth)
    for frame in range(COUNT):
        pixels = scaled(layer(frame, 32 if kind == "exr" or depth == 32 else depth), percent)
        write_picture(tmp_path / f"p_{frame}{coding.suffix}", pixels, coding)
    for frame, after in enumerate(seen(tmp_path, source)):
        apart = np.abs(after - laid(frame, linear=kind == "exr" or depth == 32))
        # Lossy colours, and an edge of 4 pixels that was made a quarter as large.
        assert apart.mean() < (0.6 if percent >= 100 else 1.2), (frame, apart.mean())
        assert apart.max() < (3 if percent == 100 and kind != "webp" else 30)
        assert np.abs(after[:20].astype(int) - background(frame)[:20]).max() <= 1  # the footage's own pixels


@pytest.mark.parametrize(("codec", "name"), [("prores", "a.mov"), ("ffv1", "a.mkv"), ("vp9", "a.webm")])
@pytest.mark.parametrize("percent", [100.0, 50.0])
def test_transparent_films_are_laid_over_the_footage(source: Source, tmp_path: Path, codec: str, name: str,
                                                     percent: float) -> None:
    bits = 10 if codec == "prores" else 8
    encoding = Encoding(codec, bits, alpha=True, crf=4, preset="ultrafast")
    with VideoWriter(tmp_path / name, None, rate=Fraction(25), encoding=encoding) as writer:
        for frame in range(COUNT):
            writer.write(frame, scaled(layer(frame), percent))
    for frame, after in enumerate(seen(tmp_path / name, source)):
        apart = np.abs(after - laid(frame))
        assert apart.mean() < 3, apart.mean()
        assert np.abs(after[:20].astype(int) - background(frame)[:20]).mean() < 0.5  # alpha is coded with loss, too


@pytest.mark.parametrize("percent", [50.0, 60.0, 150.0, 400.0])
def test_whole_frames_are_scaled_back(source: Source, tmp_path: Path, percent: float) -> None:
    for frame in range(COUNT):
        whole = np.rint(laid(frame)).astype(np.uint8)
        write_png(tmp_path / f"p_{frame}.png", scaled(whole, percent))
    for frame, after in enumerate(seen(tmp_path, source)):
        assert np.abs(after - laid(frame)).mean() < 1


def test_masks_that_were_written_apart_count(source: Source, tmp_path: Path) -> None:
    for frame in range(COUNT):
        rgba = layer(frame)
        write_png(tmp_path / f"p_{frame}.png", np.ascontiguousarray(rgba[..., :3]))
        write_png(tmp_path / "masks" / f"p_{frame}.png", np.ascontiguousarray(rgba[..., 3]))
    for frame, after in enumerate(seen(tmp_path, source)):
        assert np.abs(after - laid(frame)).max() < 2


def test_another_shape_is_no_scale(source: Source, tmp_path: Path) -> None:
    for frame in range(COUNT):
        write_png(tmp_path / f"p_{frame}.png", np.zeros((90, 180, 3), np.uint8))
    with pytest.raises(SourceError, match="180 x 90 pixels, the source's 322 x 182"):
        seen(tmp_path, source)
    for frame in range(COUNT):
        write_png(tmp_path / f"p_{frame}.png", np.zeros((20, 36, 3), np.uint8))
    with pytest.raises(SourceError, match="25 to 400 %"):
        seen(tmp_path, source)


def test_patches_are_refused_in_words(source: Source, tmp_path: Path) -> None:
    write_png(tmp_path / "shot_0_000000.png", np.zeros((64, 64, 4), np.uint8))
    (tmp_path / "matrices.json").write_text("{}")
    with pytest.raises(UsageError, match="holds patches"):
        seen(tmp_path, source)
