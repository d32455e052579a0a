"""Picture files of the kinds that conversion writes: coding, what their headers say, whether they are whole.

PNG, TIFF and EXR are lossless. What a picture's entries say (what it was made from, where it belongs) stands where
the format keeps text, beside the mark of `provenance`: PNG iTXt, TIFF and JPEG and WebP XMP, EXR attributes.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import tifffile
from PIL import Image

from ..errors import SourceError
from .depth import alpha_to_depth, depth_of, to_depth
from .exr import read_attributes, write_exr
from .images import encode_png, write_file
from .provenance import (
    SOFTWARE,
    SOURCE_TYPE,
    STATEMENT,
    XMP_KEY,
    png_mark,
    read_text,
    xmp_entries,
    xmp_packet,
)

SUFFIXES = {"png": ".png", "jpg": ".jpg", "tiff": ".tif", "exr": ".exr", "webp": ".webp"}
DEPTHS = {"png": (8, 16), "jpg": (8,), "tiff": (8, 16, 32), "exr": (16, 32), "webp": (8,)}
_PREFIX = "Understudy-"  # of entries in PNG text and EXR attributes
_XMP_TAG, _BYTES = 700, 1


@dataclass(frozen=True)
class Coding:
    """How pictures are written.

    Attributes:
        kind: a key of `SUFFIXES`.
        depth: bits of a channel, one of `DEPTHS`; of EXR 16 is half, 32 float.
        quality: 1 to 100, of jpg and webp; webp of 100 is lossless.
        png_level: 0 to 9.
        tiff_compression: "deflate" or "none".
        exr_compression: a key of `exr.COMPRESSIONS`.
    """

    kind: str = "png"
    depth: int = 8
    quality: int = 92
    png_level: int = 1
    tiff_compression: str = "deflate"
    exr_compression: str = "zip"

    @property
    def suffix(self) -> str:
        return SUFFIXES[self.kind]

    @property
    def frame_depth(self) -> int:
        """The depth of frames that lose nothing by it: floating-point files hold scene-linear light."""
        return 32 if self.kind == "exr" else self.depth


def write_picture(path: Path, pixels: np.ndarray, coding: Coding, entries: dict[str, str] | None = None) -> None:
    """Write a picture with the mark, beside `path` and renamed into place; missing folders are made.

    Args:
        pixels: uint8, uint16 or scene-linear float32 (see `depth`): [H, W] (a mask), [H, W, 3] RGB or [H, W, 4] RGBA
            with straight alpha. EXR alpha is written multiplied into the colours, as that format wants it.
        entries: names (letters only) and texts for the header; `read_entries` gives them back.

    Raises:
        OutputError: where the place cannot be written.
    """
    pixels = _at_depth(pixels, coding.frame_depth)
    entries = entries or {}
    if coding.kind == "exr":
        write_exr(path, exr_channels(pixels), exr_text(entries), half=coding.depth == 16,
                  compression=coding.exr_compression)
        return
    encode = {"png": _png, "jpg": _jpg, "tiff": _tiff, "webp": _webp}[coding.kind]
    write_file(path, encode(pixels, coding, entries))


def _at_depth(pixels: np.ndarray, depth: int) -> np.ndarray:
    if depth_of(pixels) == depth:
        return pixels
    if pixels.ndim == 2:
        return alpha_to_depth(pixels, depth)
    alpha = alpha_to_depth(pixels[..., 3:], depth)
    return np.concatenate([to_depth(pixels[..., :3], depth), alpha], -1)


def exr_channels(pixels: np.ndarray, layer: str = "") -> dict[str, np.ndarray]:
    """float32 [H, W], RGB or straight RGBA as EXR's channels, alpha multiplied in; `layer`: "patch." and the like."""
    if pixels.ndim == 2:
        return {f"{layer}A" if layer else "Y": pixels}
    planes = {name: pixels[..., n] for n, name in enumerate("RGBA"[:pixels.shape[2]])}
    if "A" in planes:
        planes = {name: plane if name == "A" else plane * planes["A"] for name, plane in planes.items()}
    return {layer + name: plane for name, plane in planes.items()}


def exr_text(entries: dict[str, str]) -> dict[str, str]:
    """Attributes of an EXR file: the mark and entries."""
    return {"software": SOFTWARE, "comments": STATEMENT, "xmp": xmp_packet(),
            **{_PREFIX + name: text for name, text in entries.items()}}


def _png(pixels: np.ndarray, coding: Coding, entries: dict[str, str]) -> bytes:
    return encode_png(pixels, {**png_mark(), **{_PREFIX + name: text for name, text in entries.items()}},
                      coding.png_level)


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0131], exif[0x010E] = SOFTWARE, STATEMENT
    return exif


def _jpg(pixels: np.ndarray, coding: Coding, entries: dict[str, str]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=coding.quality, subsampling=0 if coding.quality >= 90 else 2,
                                 exif=_exif(), xmp=xmp_packet(entries).encode())
    return file.getvalue()


def _webp(pixels: np.ndarray, coding: Coding, entries: dict[str, str]) -> bytes:
    file = io.BytesIO()
    picture = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels
    lossless = coding.quality == 100
    Image.fromarray(picture).save(file, "WEBP", quality=50 if lossless else coding.quality, lossless=lossless,
                                  exact=True, exif=_exif(), xmp=xmp_packet(entries).encode())
    return file.getvalue()


def _tiff(pixels: np.ndarray, coding: Coding, entries: dict[str, str]) -> bytes:
    file = io.BytesIO()
    deflate = coding.tiff_compression == "deflate"
    packet = xmp_packet(entries).encode()
    tifffile.imwrite(
        file, pixels, photometric="minisblack" if pixels.ndim == 2 else "rgb", metadata=None, software=SOFTWARE,
        extrasamples=["unassalpha"] if pixels.shape[2:] == (4,) else None, description=STATEMENT,
        compression="zlib" if deflate else None, compressionargs={"level": 1} if deflate else None,
        predictor=deflate and pixels.dtype != np.float32,  # that for floats takes another package
        extratags=[(_XMP_TAG, _BYTES, len(packet), packet, True)])
    return file.getvalue()


def read_entries(path: Path) -> dict[str, str] | None:
    """The entries of a picture that carries the mark; None of one that does not, which then is not ours.

    Raises:
        SourceError: no picture of the kind that its name says, or a damaged header.
        OSError: it cannot be read.
    """
    kind = path.suffix.lower()
    if kind == ".png":
        return _named(read_text(path), XMP_KEY)
    if kind == ".exr":
        return _named(read_attributes(path), "xmp")
    try:
        if kind == ".tif":
            with tifffile.TiffFile(path) as file:
                tag = file.pages.first.tags.get(_XMP_TAG)
                packet = b"" if tag is None else tag.value
        else:
            with Image.open(path) as picture:
                packet = picture.info.get("xmp", b"")
    except OSError as error:
        if error.errno is not None:
            raise
        raise SourceError(f"Not a picture, or a damaged one: {path}", "Move it away") from error  # Pillow's own
    except (ValueError, SyntaxError, IndexError, KeyError, struct.error) as error:
        raise SourceError(f"Not a picture, or a damaged one: {path}", "Move it away") from error
    text = bytes(packet).decode("utf-8", "replace")
    return xmp_entries(text) if SOURCE_TYPE in text else None


def _named(texts: dict[str, str], packet: str) -> dict[str, str] | None:
    if SOURCE_TYPE not in texts.get(packet, ""):
        return None
    return {name.removeprefix(_PREFIX): text for name, text in texts.items() if name.startswith(_PREFIX)}


def is_whole(path: Path) -> bool:
    """Whether the file goes on to its end; a machine that loses power may leave a part. Reads no pixels.

    Raises:
        OSError: it cannot be read.
    """
    check: Callable[[BinaryIO, int], bool] = {
        ".png": _ends(b"IEND\xaeB`\x82"), ".jpg": _ends(b"\xff\xd9"), ".webp": _riff, ".tif": _strips,
        ".exr": _chunks}[path.suffix.lower()]
    with path.open("rb") as file:
        try:
            return check(file, path.stat().st_size)
        except (ValueError, IndexError, struct.error, tifffile.TiffFileError):
            return False


def _ends(with_: bytes) -> Callable[[BinaryIO, int], bool]:
    def check(file: BinaryIO, size: int) -> bool:
        file.seek(-min(len(with_), size), os.SEEK_END)
        return file.read() == with_

    return check


def _riff(file: BinaryIO, size: int) -> bool:
    return int.from_bytes(file.read(8)[4:], "little") + 8 == size


def _strips(file: BinaryIO, size: int) -> bool:
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        return max(a + b for a, b in zip(page.dataoffsets, page.databytecounts, strict=True)) <= size


def _chunks(file: BinaryIO, size: int) -> bool:
    """EXR, scan lines in one part: the header's attributes end with an empty name; then the table of the chunks."""
    data = file.read(1 << 20)
    at, lines, first, compression = 8, 0, 0, 0
    while data[at]:
        name = data[at:data.index(b"\0", at)]
        at = data.index(b"\0", data.index(b"\0", at) + 1) + 1
        length = int.from_bytes(data[at:at + 4], "little")
        value = data[at + 4:at + 4 + length]
        at += 4 + length
        if name == b"dataWindow":
            _, first, _, last = struct.unpack("<4i", value)
            lines = last - first + 1
        elif name == b"compression":
            compression = value[0]
    each = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}[compression]
    file.seek(at + 1)
    offset = max(struct.unpack(f"<{-(-lines // each)}Q", file.read(8 * -(-lines // each))))
    file.seek(offset + 4)
    return offset + 8 + struct.unpack("<I", file.read(4))[0] == size
