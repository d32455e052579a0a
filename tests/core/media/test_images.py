from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from PIL import Image

from understudy.core.errors import OutputError, SourceError
from understudy.core.media import alpha, images, provenance
from understudy.core.media.source import open_source

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("channels", [3, 4])
def test_png_comes_back_bit_for_bit_with_its_text(tmp_path: Path, channels: int) -> None:
    pixels = RNG.integers(0, 256, (37, 51, channels), np.uint8)
    images.write_png(tmp_path / "new" / "ä b.png", pixels, {"Comment": "naïve ✓", "Other": "x" * 5000})
    assert np.array_equal(np.asarray(Image.open(tmp_path / "new" / "ä b.png")), pixels)
    assert np.array_equal(images.read_image(tmp_path / "new" / "ä b.png"), pixels[..., :3])
    assert provenance.read_text(tmp_path / "new" / "ä b.png") == {"Comment": "naïve ✓", "Other": "x" * 5000}
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["ä b.png"]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_are_rounded_to_8(tmp_path: Path, suffix: str) -> None:
    deep = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    cv2.imwrite(str(tmp_path / f"deep{suffix}"), np.stack([deep] * 3, axis=-1))
    read = images.read_image(tmp_path / f"deep{suffix}")
    assert np.array_equal(read[..., 1], np.round(deep / 257).astype(np.uint8))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_transparent_tiff_keeps_its_colours(tmp_path: Path, compression: str | None) -> None:
    rgba = RNG.integers(0, 256, (20, 30, 4), np.uint8)
    Image.fromarray(rgba).save(tmp_path / "a.tif", compression=compression)
    assert np.array_equal(images.read_image(tmp_path / "a.tif"), rgba[..., :3])
    colours, opacity = alpha.read_rgba(tmp_path / "a.tif")
    assert np.array_equal(colours, rgba[..., :3])
    assert opacity is not None
    assert np.array_equal(opacity, rgba[..., 3])


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
@pytest.mark.parametrize("compression", [1, 5, 32946])  # none, LZW, deflate
def test_so_does_a_deep_one(tmp_path: Path, kind: type, compression: int) -> None:
    rgba = RNG.integers(0, 256, (20, 30, 4)).astype(kind) / kind(4) if kind is np.float32 else \
        RNG.integers(0, 65536, (20, 30, 4), np.uint16)
    cv2.imwrite(str(tmp_path / "a.tif"), rgba[..., [2, 1, 0, 3]], [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    colours, opacity = alpha.read_rgba(tmp_path / "a.tif")
    assert np.array_equal(images.load_image(tmp_path / "a.tif"), rgba[..., :3])
    assert np.array_equal(colours, rgba[..., :3])
    assert opacity is not None
    assert np.array_equal(opacity, rgba[..., 3])


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".jpg"])
def test_every_format_gives_rgb(tmp_path: Path, suffix: str) -> None:
    picture = np.full((32, 48, 3), (200, 100, 30), np.uint8)
    Image.fromarray(picture).save(tmp_path / f"x{suffix}", **({"lossless": True} if suffix == ".webp" else {}))
    assert np.abs(images.read_image(tmp_path / f"x{suffix}").astype(int) - picture).max() <= 3


def test_grey_palette_and_transparent_pictures_give_rgb(tmp_path: Path) -> None:
    grey = RNG.integers(0, 256, (8, 9), np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(images.read_image(tmp_path / "grey.png"), np.stack([grey] * 3, axis=-1))
    Image.fromarray(grey).convert("RGB").quantize(16).save(tmp_path / "palette.png")
    assert images.read_image(tmp_path / "palette.png").shape == (8, 9, 3)
    rgba = np.zeros((8, 9, 4), np.uint8)
    rgba[..., 0] = 77
    Image.fromarray(rgba).save(tmp_path / "clear.png")
    assert (images.read_image(tmp_path / "clear.png")[..., 0] == 77).all()


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    picture = Image.fromarray(np.vstack([np.full((16, 16, 3), 250, np.uint8), np.zeros((16, 16, 3), np.uint8)]))
    exif = picture.getexif()
    exif[0x0112] = 6  # to be turned clockwise: the top becomes the right side
    picture.save(tmp_path / "turned.jpg", exif=exif)
    read = images.read_image(tmp_path / "turned.jpg")
    assert read.shape == (16, 32, 3)
    assert read[:, 20:].mean() > 200
    assert read[:, :12].mean() < 20


def test_bad_pictures_are_told(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    cv2.imwrite(str(tmp_path / "whole.tif"), np.ones((4, 4, 3), np.int32))
    for name in ("text.png", "empty.png", "missing.png", "whole.tif"):
        with pytest.raises(SourceError, match=name) as refusal:
            images.read_image(tmp_path / name)
        assert refusal.value.hint


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="folder"):
        images.write_png(tmp_path / "file" / "a.png", np.zeros((2, 2, 3), np.uint8))


def test_the_old_picture_stays_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.png"
    images.write_png(target, np.zeros((2, 2, 3), np.uint8))
    before = target.read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(images.os, "replace", full_disk)
    with pytest.raises(OutputError, match="disk is full"):
        images.write_png(target, np.ones((2, 2, 3), np.uint8))
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_folder_is_read_in_natural_order_with_gaps(tmp_path: Path, clips: ModuleType,
                                                  read_number: Callable[[np.ndarray], int]) -> None:
    numbers = [1, 2, 9, 10, 11, 100, 1001]
    folder = clips.images(tmp_path / "shot", numbers, pattern="img_{}.png")
    (folder / "notes.txt").write_text("x")
    (folder / "._img_3.png").write_text("what a Mac leaves behind")
    with open_source(folder) as source:
        assert (source.kind, len(source), source.size, source.has_audio) == ("images", 7, (168, 96), False)
        assert [read_number(f.pixels) for f in source.frames()] == numbers
        assert source.name(3) == "img_10"
        assert [f.index for f in source.frames([2, 5])] == [2, 5]
        assert read_number(source.read(6).pixels) == 1001
        with pytest.raises(IndexError):
            source.read(7)
        with pytest.raises(ValueError, match="ascend"):
            list(source.frames([3, 2]))


def test_stems_that_clash_are_told_apart(tmp_path: Path, clips: ModuleType) -> None:
    clips.images(tmp_path, [1])
    clips.images(tmp_path, [1], pattern="shot_{:04d}.jpg")
    source = open_source(tmp_path)
    assert len({source.name(0), source.name(1)}) == 2


def test_one_image_is_a_source(tmp_path: Path, clips: ModuleType) -> None:
    clips.images(tmp_path, [5, 6])
    assert len(open_source(tmp_path / "shot_0005.png")) == 1
