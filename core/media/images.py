"""Reading and writing single pictures.

OpenCV does the coding: it writes a PNG in about half of Pillow's time (level 1 with the `up` filter: 7 against 15 ms
of processor time for 640x360) and reads 16 bits per channel in every format we take, which Pillow reduces wrongly.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from ..errors import SourceError, writing
from ..partials import partial_path
from .depth import to_depth
from .provenance import insert_text

_READ = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
_FILTER = [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
_BITS_PER_SAMPLE = 258  # a TIFF tag
_HINT = "Replace the file or take it out of the folder"


def read_image(path: Path | str, depth: int = 8) -> np.ndarray:
    """A picture as [H, W, 3] RGB: uint8, uint16 or, scene-linear, float32 for a depth of 8, 16 or 32 (see `depth`).

    Grey becomes RGB, an alpha channel is dropped (straight, not multiplied), and the orientation that cameras note in
    EXIF is applied. Pictures of floating-point values (EXR, TIFF) are taken as scene-linear.

    Raises:
        SourceError: a missing, damaged or unsupported file.
    """
    return to_depth(load_image(path), depth)


def load_image(path: Path | str) -> np.ndarray:
    """A picture as the file holds it: uint8, uint16 or float32 [H, W, 3] RGB; see `read_image`."""
    if Path(path).suffix.lower() == ".exr":
        from .exr import read_exr  # imported here: few folders hold any

        return read_exr(path)
    try:
        # Not cv2.imread: that cannot open names outside the code page on Windows.
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise SourceError(f"Cannot read {path} ({error.strerror or error})", _HINT) from error
    try:
        bgr = _decoded(data) if data.size else None
    except cv2.error as error:
        raise SourceError(f"Cannot decode {path} ({error.err})", _HINT) from error
    if bgr is None:
        raise SourceError(f"Not a picture, or a damaged one: {path}", _HINT)
    if bgr.dtype == np.uint8 and (rgba := rgba_tiff(path)) is not None:
        return rgba[..., :3]
    if bgr.dtype == np.float64:
        bgr = bgr.astype(np.float32)
    if bgr.dtype not in (np.uint8, np.uint16, np.float32):
        raise SourceError(f"{path} holds {bgr.dtype} values; 8 and 16 bits per channel and floats can be read",
                          "Save the pictures as 16-bit PNG or TIFF")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def _decoded(data: np.ndarray) -> np.ndarray | None:
    bgr = cv2.imdecode(data, _READ)
    if bgr is None:  # OpenCV drops the alpha of all pictures but TIFFs of floats, which it refuses
        whole = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        return whole[..., :3] if whole is not None and whole.ndim == 3 and whole.shape[2] == 4 else None
    return bgr


def rgba_tiff(path: Path | str) -> np.ndarray | None:
    """A TIFF picture of 8 bits and four channels as the file holds it, uint8 [H, W, 4]; None for all others.

    OpenCV multiplies the colours of these, and only of these, by their alpha.
    """
    if Path(path).suffix.lower() not in (".tif", ".tiff"):
        return None
    from PIL import Image, ImageOps  # imported here: few folders hold any

    try:
        with Image.open(path) as picture:
            bits = getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE)
            return np.array(ImageOps.exif_transpose(picture)) if picture.mode == "RGBA" and bits == (8,) * 4 else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # OpenCV may read what Pillow does not


def encode_png(pixels: np.ndarray, text: dict[str, str] | None = None, level: int = 1) -> bytes:
    """A PNG file in memory: uint8 or uint16 [H, W], [H, W, 3] RGB or [H, W, 4] straight RGBA, `text` as iTXt entries.

    Args:
        level: zlib's effort, 0 to 9.
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[2] if pixels.ndim == 3 else 0
    if pixels.dtype not in (np.uint8, np.uint16) or channels not in (1, 3, 4):
        raise ValueError(f"expected uint8 or uint16 [H, W, 3 or 4], not {pixels.dtype} {pixels.shape}")
    if channels > 1:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if channels == 3 else cv2.COLOR_RGBA2BGRA)
    _, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, level, *_FILTER])
    return insert_text(data.tobytes(), text or {})


def write_png(path: Path | str, pixels: np.ndarray, text: dict[str, str] | None = None) -> None:
    """Write `encode_png` beside `path` and rename it into place; missing folders are made.

    Raises:
        OutputError: where the place cannot be written.
    """
    write_file(path, encode_png(pixels, text))


def write_file(path: Path | str, data: bytes) -> None:
    """Write bytes beside `path` and rename them into place, so that no reader ever sees half a file.

    Raises:
        OutputError: where the place cannot be written.
    """
    path = Path(path)
    # The process number keeps two writers of the same name apart.
    partial = partial_path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(data)
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
