"""Writers of picture folders: nothing but the face changes, every kind says what it is, a second run finds its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from understudy.core.conversion.composite import full_frame, overlay
from understudy.core.conversion.writers.choices import scaled
from understudy.core.errors import OutputError, UsageError
from understudy.core.media.depth import encode
from understudy.core.media.images import read_image
from understudy.core.media.source import open_source

from .writing import Written

SIZE = (160, 96)
RNG = np.random.default_rng(8)


def noise(bits: int) -> np.ndarray:
    if bits == 32:
        return RNG.uniform(-0.2, 6, (SIZE[1], SIZE[0], 3)).astype(np.float32)
    return RNG.integers(0, 2**bits, (SIZE[1], SIZE[0], 3)).astype(f"uint{bits}")


def footage(place: Path, kind: str) -> Path:
    """Three frames of noise: PNGs of 8 or 16 bits, EXRs, or a lossless video of 8 or 10 bits."""
    if kind in ("png8", "png16", "exr"):
        folder = place / "shot"
        folder.mkdir()
        for number in (3, 4, 9):
            if kind == "exr":
                OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": noise(32)}).write(str(folder / f"f{number}.exr"))
            else:
                cv2.imwrite(str(folder / f"f{number}.png"), noise(int(kind[3:])))
        return folder
    path = place / "clip.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv422p" if kind == "video8" else "yuv422p10le"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(noise(16), format="rgb48le").reformat(format=stream.pix_fmt)
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def decoded(path: Path, depth: int) -> list[np.ndarray]:
    with open_source(path) as source:
        source.depth = depth
        return [frame.pixels for frame in source.frames()]


LOSSLESS = [
    ("png8", 8, {"writer": "images", "image_format": "png"}),
    ("png8", 8, {"writer": "images", "image_format": "tiff"}),
    ("png8", 8, {"writer": "images", "image_format": "exr"}),  # halfs hold 8 bits
    ("png8", 16, {"writer": "images", "image_format": "png", "depth": "16"}),
    ("png8", 8, {"writer": "images", "image_format": "webp", "quality": 100}),
    ("png8", 8, {"writer": "layers"}),
    ("png16", 16, {"writer": "images", "image_format": "png"}),
    ("png16", 16, {"writer": "images", "image_format": "tiff", "tiff_compression": "none"}),
    ("png16", 16, {"writer": "images", "image_format": "exr"}),
    ("png16", 16, {"writer": "images", "image_format": "tiff", "depth": "32"}),
    ("png16", 16, {"writer": "video", "video_codec": "ffv1"}),
    ("png8", 8, {"writer": "video", "video_codec": "ffv1"}),
    ("video8", 8, {"writer": "images", "image_format": "png", "png_level": 9}),
    ("video8", 8, {"writer": "video", "video_codec": "ffv1"}),
    ("video10", 16, {"writer": "images", "image_format": "png"}),
    ("video10", 16, {"writer": "images", "image_format": "tiff"}),
    ("video10", 16, {"writer": "video", "video_codec": "ffv1"}),
    ("video10", 16, {"writer": "images", "image_format": "exr", "depth": "32", "exr_compression": "piz"}),
    ("exr", 32, {"writer": "images", "image_format": "exr"}),
    ("exr", 32, {"writer": "images", "image_format": "tiff", "depth": "32"}),
    ("exr", 32, {"writer": "layers"}),
]


@pytest.mark.parametrize(("kind", "depth", "values"), LOSSLESS,
                         ids=["-".join([k, *map(str, v.values())]) for k, _, v in LOSSLESS])
def test_where_the_mask_is_0_nothing_changes(kind: str, depth: int, values: dict[str, Any], tmp_path: Path) -> None:
    """Source and result, both as core.media decodes them, bit for bit; and inside the mask there is the face."""
    source = footage(tmp_path, kind)
    output = tmp_path / ("out.mkv" if values["writer"] == "video" else "out")
    written = Written(source, output, **values)
    before, after = decoded(source, depth), decoded(output, depth)
    assert len(after) == 3
    for index, (one, other) in enumerate(zip(before, after, strict=True)):
        layer = written.frames[index].layer
        clear = np.ones(one.shape[:2], bool)
        if layer is not None:
            x, y, w, h = layer.box
            clear[y:y + h, x:x + w] = layer.alpha == 0
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(other[clear], one[clear])
        assert clear.all() == (index == 1)
        if index != 1:
            assert (other[~clear] != one[~clear]).mean() > 0.9


def test_halfs_hold_10_bits_of_display_values(tmp_path: Path) -> None:
    """What auto goes by: every 10-bit value comes back from a half, and not every 12-bit value does."""
    for bits, all_come_back in ((10, True), (12, False)):
        display = np.arange(2**bits) / (2**bits - 1)
        linear = np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)
        back = encode(linear.astype(np.float16).astype(np.float32)) * (2**bits - 1)
        assert np.array_equal(np.rint(back), np.arange(2**bits)) == all_come_back


KINDS = [("png", ".png"), ("jpg", ".jpg"), ("tiff", ".tif"), ("webp", ".webp"), ("exr", ".exr")]


@pytest.mark.parametrize(("kind", "suffix"), KINDS)
def test_every_kind_says_that_it_is_altered(kind: str, suffix: str, tmp_path: Path) -> None:
    """By readers that are not ours."""
    Written(footage(tmp_path, "png8"), tmp_path / "out", frames=[0], writer="images", image_format=kind)
    (path,) = (tmp_path / "out").iterdir()
    assert path.name == f"f3{suffix}"
    if kind == "exr":
        header = OpenEXR.File(str(path), header_only=True).header()
        assert header["software"] == "Understudy"
        assert "lgorithmically altered" in header["comments"]
        assert "compositeWithTrainedAlgorithmicMedia" in header["xmp"]
        return
    with Image.open(path) as picture:
        picture.load()
        assert picture.size == SIZE
        if kind == "png":
            xmp, software, description = (picture.text[key] for key in ("XML:com.adobe.xmp", "Software", "Comment"))
        elif kind == "tiff":
            xmp, software, description = bytes(picture.tag_v2[700]).decode(), picture.tag_v2[305], picture.tag_v2[270]
        else:
            xmp = picture.info["xmp"].decode()
            software, description = picture.getexif()[305], picture.getexif()[270]
    assert ElementTree.fromstring(xmp.encode()).tag.endswith("xmpmeta")
    assert software == "Understudy"
    assert "lgorithmically altered" in description
    assert "digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in xmp


@pytest.mark.parametrize(("kind", "suffix"), KINDS)
def test_a_second_run_finds_its_own(kind: str, suffix: str, tmp_path: Path) -> None:
    source, out = footage(tmp_path, "png8"), tmp_path / "out"
    values = {"writer": "images", "image_format": kind}
    assert Written(source, out, **values).missing == [0, 1, 2]
    assert Written(source, out, **values).missing == []
    torn = out / f"f4{suffix}"
    torn.write_bytes(torn.read_bytes()[:-30])  # a machine that lost power
    if kind == "webp":  # says at its very end whose it is: what is torn might be anybody's
        with pytest.raises(OutputError, match=r"f4\.webp is there already"):
            Written(source, out, **values)
        torn.unlink()
    (out / f".f9{suffix}.999999999.partial").write_bytes(b"half")  # what a killed process left
    (out / f".other{suffix}.999999999.partial").write_bytes(b"half")  # perhaps another machine's
    again = Written(source, out, **values)
    assert again.missing == [1]
    assert sorted(p.name for p in out.iterdir()) == sorted(
        [f"f{n}{suffix}" for n in (3, 4, 9)] + [f".other{suffix}.999999999.partial"])
    assert Written(source, out, key="another", **values).missing == [0, 1, 2]
    foreign = out / f"f9{suffix}"
    if kind == "exr":
        OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": noise(32)}).write(str(foreign))
    else:
        Image.fromarray(noise(8)).save(foreign)
    kept = foreign.read_bytes()
    with pytest.raises(OutputError, match=rf"f9\{suffix} is there already and was not written"):
        Written(source, out, **values)
    foreign.write_bytes(b"a person's work")
    with pytest.raises(OutputError, match=rf"f9\{suffix} is there already"):
        Written(source, out, **values)
    assert foreign.read_bytes() == b"a person's work" != kept


@pytest.mark.parametrize(("kind", "top"), [("png", 255), ("tiff", 255), ("webp", 255), ("exr", 1)])
def test_transparent_pictures_and_separate_masks(kind: str, top: int, tmp_path: Path) -> None:
    source = footage(tmp_path, "png8")
    values = {"writer": "images", "image_format": kind, "quality": 100}
    clear = Written(source, tmp_path / "clear", transparent=True, **values)
    apart = Written(source, tmp_path / "apart", separate_mask=True, **values)
    suffix = clear.made["suffix"]
    for index, number in ((0, 3), (1, 4)):
        expected = overlay(clear.frames[index])
        if kind == "exr":
            read = OpenEXR.File(str(tmp_path / "clear" / f"f{number}.exr")).channels()["RGBA"].pixels
            straight = expected[..., :3] * expected[..., 3:]  # multiplied in, as EXR has it
            np.testing.assert_allclose(read, np.dstack([straight, expected[..., 3]]), atol=1e-3)
            mask = OpenEXR.File(str(tmp_path / "apart" / "masks" / f"f{number}.exr")).channels()["Y"].pixels
            np.testing.assert_allclose(mask, expected[..., 3], atol=1e-3)
        else:
            with Image.open(tmp_path / "clear" / f"f{number}{suffix}") as picture:
                assert picture.mode == "RGBA"
                assert np.array_equal(np.asarray(picture), expected)
            mask = np.asarray(Image.open(tmp_path / "apart" / "masks" / f"f{number}{suffix}"))
            assert np.array_equal(mask if mask.ndim == 2 else mask[..., 0], expected[..., 3])
    whole = decoded(tmp_path / "apart" / f"f3{suffix}", 8 if top == 255 else 32)[0]
    np.testing.assert_allclose(whole, full_frame(apart.frames[0]), atol=0 if top == 255 else 1e-3)
    assert apart.made["masks"] == str(tmp_path / "apart" / "masks")
    assert (clear.made["shows"], clear.made["alpha"]) == ("overlay", "premultiplied" if kind == "exr" else "straight")
    (tmp_path / "apart" / "masks" / f"f4{suffix}").unlink()
    assert Written(source, tmp_path / "apart", separate_mask=True, **values).missing == [1]


def test_layers_mix_to_the_result(tmp_path: Path) -> None:
    """R = patch.R + original.R (1 - mask.A), with another program's arithmetic, in every channel."""
    source = footage(tmp_path, "exr")
    Written(source, tmp_path / "out", writer="layers", exr_compression="zips")
    for number in (3, 4, 9):
        read = {name: channel.pixels for name, channel in OpenEXR.File(
            str(tmp_path / "out" / f"f{number}.exr"), separate_channels=True).channels().items()}
        assert set(read) == {*"RGB", "result.R", "result.G", "result.B", "patch.R", "patch.G", "patch.B", "patch.A",
                             "mask.A", "original.R", "original.G", "original.B"}
        assert read["R"].dtype == np.float32  # as fine as the source
        original = OpenEXR.File(str(source / f"f{number}.exr")).channels()["RGB"].pixels
        for n, name in enumerate("RGB"):
            np.testing.assert_array_equal(read[f"original.{name}"], original[..., n])
            np.testing.assert_array_equal(read[name], read[f"result.{name}"])
            mixed = read[f"patch.{name}"] + original[..., n] * (1 - read["mask.A"])
            np.testing.assert_allclose(read[name], mixed, atol=1e-5)
        np.testing.assert_array_equal(read["mask.A"], read["patch.A"])
        assert read["mask.A"].any() == (number != 4)


@pytest.mark.parametrize("percent", [25.0, 50.0, 150.0, 400.0])
def test_output_scale_gives_the_size_and_the_picture(percent: float, tmp_path: Path) -> None:
    """round(side / 2 * s) * 2; the middle of a smooth picture stays where it is, and alpha leaves no dark fringe."""
    y, x = np.mgrid[:97, :61]
    blob = np.exp(-((x - 30.0) ** 2 + (y - 48.0) ** 2) / 200)
    picture = np.dstack([255 * blob] * 3).round().astype(np.uint8)
    small = scaled(picture, percent)
    factor = percent / 100
    assert small.shape[:2] == (round(97 / 2 * factor) * 2, round(61 / 2 * factor) * 2)
    weight = small[..., 0].astype(float)
    rows, columns = np.mgrid[:small.shape[0], :small.shape[1]]
    found = [((weight * axis).sum() / weight.sum() + 0.5) / side for axis, side in
             ((rows, small.shape[0]), (columns, small.shape[1]))]
    np.testing.assert_allclose(found, [48.5 / 97, 30.5 / 61], atol=2e-3)
    rgba = np.zeros((97, 61, 4), np.uint16)
    rgba[..., :3] = np.where((blob > 0.1)[..., None], (60000, 30000, 10000), 0)
    rgba[..., 3] = np.where(blob > 0.1, 65535, 0)
    edge = scaled(rgba, percent)
    part = edge[edge[..., 3] > 0.1 * 65535]
    np.testing.assert_allclose(part[:, :3] / 65535, np.broadcast_to(np.array([60000, 30000, 10000]) / 65535,
                                                                    (len(part), 3)), atol=0.02)
    assert np.array_equal(scaled(picture, 100.0), picture)


def test_pictures_of_each_depth_have_it(tmp_path: Path) -> None:
    source = footage(tmp_path, "video10")
    for name, values, dtype in (("a", {}, np.uint16), ("b", {"depth": "8"}, np.uint8),
                                ("c", {"image_format": "tiff", "depth": "32"}, np.float32),
                                ("d", {"image_format": "jpg"}, np.uint8)):
        written = Written(source, tmp_path / name, frames=[0], writer="overlay" if name == "a" else "images", **values)
        (path,) = (tmp_path / name).iterdir()
        assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).dtype == dtype
        assert written.made["depth"] == {np.uint8: 8, np.uint16: 16, np.float32: 32}[dtype]
    Written(source, tmp_path / "e", frames=[0], writer="images", image_format="exr")
    assert OpenEXR.File(str(tmp_path / "e" / "clip_000000.exr")).channels()["RGB"].pixels.dtype == np.float16


@pytest.mark.parametrize(("values", "told"), [
    ({"writer": "images", "image_format": "jpg", "depth": "16"}, "jpg cannot have 16 bits"),
    ({"writer": "images", "image_format": "png", "depth": "32"}, "png cannot have 32 bits"),
    ({"writer": "images", "image_format": "jpg", "transparent": True}, "jpg cannot be transparent"),
    ({"writer": "overlay", "image_format": "jpg"}, "jpg cannot be transparent"),
    ({"writer": "patch", "image_format": "webp"}, "not as webp"),
    ({"writer": "layers", "depth": "8"}, "exr cannot have 8 bits"),
    ({"writer": "video", "video_codec": "vp9", "depth": "10"}, "vp9 cannot have 10 bits"),
    ({"writer": "video", "video_codec": "prores", "depth": "8"}, "prores cannot have 8 bits"),
])
def test_what_does_not_go_together_is_told_before_anything_is_written(values: dict[str, Any], told: str,
                                                                      tmp_path: Path) -> None:
    source = footage(tmp_path, "png8")
    with pytest.raises(UsageError, match=told) as refusal:
        Written(source, tmp_path / "out", **values)
    assert refusal.value.hint
    assert not (tmp_path / "out").exists()


def test_pictures_are_small_where_wanted(tmp_path: Path) -> None:
    source = footage(tmp_path, "png8")
    sizes = []
    for quality in (30, 95):
        Written(source, tmp_path / str(quality), frames=[0], writer="images", image_format="jpg", quality=quality)
        sizes.append((tmp_path / str(quality) / "f3.jpg").stat().st_size)
    assert sizes[0] < 0.5 * sizes[1]
    assert read_image(tmp_path / "95" / "f3.jpg").shape == (SIZE[1], SIZE[0], 3)
