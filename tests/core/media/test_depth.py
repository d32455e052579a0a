"""Depth: 16 bits of video against H.273's equations, all depths of one source alike, EXR as others write it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import av
import cv2
import numpy as np
import OpenEXR
import pytest

from understudy.core.errors import SourceError
from understudy.core.media.depth import alpha_to_depth, decode, encode, to_depth
from understudy.core.media.exr import read_attributes, write_exr
from understudy.core.media.source import open_source

RNG = np.random.default_rng(4)
_SHARES = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


def reference(y: np.ndarray, u: np.ndarray, v: np.ndarray, bits: int, matrix: int, full: bool) -> np.ndarray:
    """R', G', B' 0..1 by H.273, equations 8.3: E'Y = Kr R + Kg G + Kb B, solved for each."""
    y, u, v = (plane.astype(float) for plane in (y, u, v))
    step, top = 2 ** (bits - 8), 2**bits - 1
    luma = y / top if full else (y / step - 16) / 219
    cb, cr = ((p - 128 * step) / top if full else (p / step - 128) / 224 for p in (u, v))
    red, blue = _SHARES[matrix]
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    return np.clip(np.stack([r, (luma - red * r - blue * b) / (1 - red - blue), b], -1), 0, 1)


@pytest.mark.parametrize(("pix_fmt", "bits"), [("yuv420p10le", 10), ("yuv422p10le", 10), ("yuv444p12le", 12)])
@pytest.mark.parametrize(("matrix", "full"), [(1, False), (6, False), (9, True)])
def test_deep_video_is_converted_by_the_equations(tmp_path: Path, pix_fmt: str, bits: int, matrix: int,
                                                  full: bool) -> None:
    width, height = 64, 32
    across, down = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[pix_fmt[3:6]]
    step = 2 ** (bits - 8)
    y = RNG.integers(16 * step, 235 * step, (height, width)).astype(np.uint16)
    u, v = (RNG.integers(80 * step, 176 * step, (height // down, width // across)).astype(np.uint16) for _ in "uv")
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        context = stream.codec_context
        context.colorspace, context.color_range = matrix, 2 if full else 1
        frame = av.VideoFrame(width, height, pix_fmt)
        for plane, values in zip(frame.planes, (y, u, v), strict=True):
            row = np.zeros((plane.height, plane.line_size // 2), np.uint16)
            row[:, :values.shape[1]] = values
            plane.update(row.tobytes())
        frame.pts = 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with open_source(tmp_path / "a.mkv") as source:
        assert (source.bits, source.depth, source.read(0).pixels.dtype) == (bits, 8, np.uint8)
        coarse = source.read(0).pixels
        source.depth = 16
        fine = source.read(0)
        assert np.array_equal(fine.pixels, next(iter(source.frames())).pixels)
        source.depth = 32
        linear = source.read(0).pixels
    expected = reference(y, *(np.repeat(np.repeat(p, down, 0), across, 1) for p in (u, v)), bits, matrix, full)
    assert fine.pixels.dtype == np.uint16
    assert np.abs(fine.pixels / 65535 - expected).max() <= 1.5 / 65535
    assert np.abs(fine.pixels8.astype(int) - coarse).max() <= 1
    assert np.abs(encode(linear) - expected).max() < 1e-4


def test_8_bit_footage_shows_the_same_at_every_depth(tmp_path: Path, clips: ModuleType) -> None:
    for path in (clips.video(tmp_path / "a.mp4", 2), clips.images(tmp_path / "shot", [3, 4])):
        with open_source(path) as source:
            assert source.bits == 8
            plain = source.read(1).pixels
            for depth in (16, 32):
                source.depth = depth
                deep = source.read(1)
                assert np.array_equal(deep.pixels8, plain)
                assert np.array_equal(to_depth(deep.pixels, 8), plain)
            assert np.array_equal(to_depth(deep.pixels.astype(np.float16).astype(np.float32), 8), plain)  # halfs


def test_16_bits_come_back_from_linear_light() -> None:
    values = np.arange(65536, dtype=np.uint16)
    linear = to_depth(values, 32)
    # IEC 61966-2-1, at its knee, in the middle and at white.
    for value, light in ((0, 0.0), (2650, 2650 / 65535 / 12.92), (32768, ((32768 / 65535 + 0.055) / 1.055) ** 2.4),
                         (65535, 1.0)):
        assert linear[value] == pytest.approx(light, rel=1e-6)
    assert np.array_equal(to_depth(linear, 16), values)
    assert np.array_equal(to_depth(linear, 8), np.round(values / 257).astype(np.uint8))
    np.testing.assert_allclose(decode(encode(np.float32([-2, -0.5, 0, 0.5, 7]))), [-2, -0.5, 0, 0.5, 7], rtol=1e-5)
    for depth in (8, 16):
        coverage = np.arange(256 if depth == 8 else 65536).astype(f"uint{depth}")
        assert np.array_equal(alpha_to_depth(alpha_to_depth(coverage, 32), depth), coverage)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_pictures_keep_their_bits(tmp_path: Path, suffix: str) -> None:
    deep = RNG.integers(0, 65536, (20, 30, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), deep[..., ::-1])
    with open_source(tmp_path) as source:
        assert source.bits == 16
        source.depth = 16
        assert np.array_equal(source.read(0).pixels, deep)


@pytest.mark.parametrize("suffix", [".exr", ".tif"])
def test_floating_point_pictures_are_scene_linear(tmp_path: Path, suffix: str) -> None:
    light = RNG.uniform(0, 1, (20, 30, 3)).astype(np.float32)
    light[0, 0] = (4.0, -0.25, 0.0)  # brighter than white, and out of gamut
    if suffix == ".exr":
        OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": light}).write(str(tmp_path / "a.exr"))
    else:
        cv2.imwrite(str(tmp_path / "a.tif"), light[..., ::-1])
    with open_source(tmp_path) as source:
        assert (source.bits, source.size) == (32, (30, 20))
        shown = np.clip(np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.clip(light, 0, 9) ** (1 / 2.4) - 0.055),
                        0, 1)
        assert np.array_equal(source.read(0).pixels, np.rint(shown * 255).astype(np.uint8))
        source.depth = 32
        assert np.array_equal(source.read(0).pixels, light)


def test_exr_of_many_kinds_is_read(tmp_path: Path) -> None:
    light = RNG.uniform(0, 1, (6, 8, 4)).astype(np.float16)
    kinds = {
        "layers.exr": ({}, {"ViewLayer.Combined.RGBA": light, "ViewLayer.Depth.Z": np.ones((6, 8), np.float32)}),
        "alpha.exr": ({}, {"RGBA": light}),
        "grey.exr": ({}, {"Y": np.ascontiguousarray(light[..., 0])}),
        "window.exr": ({"displayWindow": ((-2, -1), (9, 6)), "dataWindow": ((0, 0), (7, 5))}, {"RGBA": light}),
    }
    for name, (header, channels) in kinds.items():
        OpenEXR.File({"type": OpenEXR.scanlineimage, **header}, channels).write(str(tmp_path / name))
        with open_source(tmp_path / name) as source:
            source.depth = 32
            picture = source.read(0).pixels
        expected = np.repeat(light[..., :1], 3, -1) if name == "grey.exr" else light[..., :3]
        if name == "window.exr":
            assert picture.shape == (8, 12, 3)
            assert picture.sum() == pytest.approx(expected.astype(np.float32).sum(), rel=1e-5)
            picture = picture[1:7, 2:10]
        assert np.array_equal(picture, expected.astype(np.float32)), name
    write_exr(tmp_path / "depth.exr", {"Z": np.ones((4, 4), np.float32)}, {})
    with pytest.raises(SourceError, match=r"depth\.exr has no channels R, G and B"):
        open_source(tmp_path / "depth.exr")
    (tmp_path / "torn.exr").write_bytes((tmp_path / "layers.exr").read_bytes()[:200])
    with pytest.raises(SourceError, match=r"torn\.exr"):
        open_source(tmp_path / "torn.exr")


def test_exr_is_written_whole_with_its_text(tmp_path: Path) -> None:
    plane = RNG.uniform(0, 1, (5, 7)).astype(np.float32)
    write_exr(tmp_path / "new" / "ä.exr", {"R": plane, "mask.A": plane}, {"comments": "naïve"}, half=False)
    read = OpenEXR.File(str(tmp_path / "new" / "ä.exr"), separate_channels=True)
    assert np.array_equal(read.channels()["mask.A"].pixels, plane)
    assert read_attributes(tmp_path / "new" / "ä.exr")["comments"] == "naïve"
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["ä.exr"]
