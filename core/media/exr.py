"""OpenEXR pictures, through the library of the format's makers: reading one as a frame, writing any layers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

from ..errors import SourceError, writing
from ..partials import partial_path

COMPRESSIONS = {"none": OpenEXR.NO_COMPRESSION, "rle": OpenEXR.RLE_COMPRESSION, "zips": OpenEXR.ZIPS_COMPRESSION,
                "zip": OpenEXR.ZIP_COMPRESSION, "piz": OpenEXR.PIZ_COMPRESSION, "dwaa": OpenEXR.DWAA_COMPRESSION}
_HINT = "Replace the file or take it out of the folder"
# Corners and white of sRGB and BT.709, CIE x and y; what EXR assumes where nothing is said.
_CHROMATICITIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)


def read_exr(path: Path | str, *, alpha: bool = False) -> np.ndarray:
    """The picture in an EXR file: float32 [H, W, 3], scene-linear RGB, in the size of its display window.

    Of a file with layers it is the main one, else the first that has R, G and B; Y alone becomes grey. Alpha is
    dropped, and with it nothing is divided: what is stored stands over black.

    Args:
        alpha: give RGBA, [H, W, 4], where that layer has alpha; it is multiplied into the colours.

    Raises:
        SourceError: missing, damaged, or without a picture that could be shown.
    """
    try:
        with open(path, "rb") as stream:
            part = OpenEXR.File(stream, separate_channels=True).parts[0]
            header, channels = part.header, {name: c.pixels for name, c in part.channels.items()}
    except OSError as error:
        raise SourceError(f"Cannot read {path} ({error.strerror or error})", _HINT) from error
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise SourceError(f"Not an EXR picture that can be read, or a damaged one: {path}", _HINT) from error
    planes = _main_layer(channels, alpha)
    shapes = {plane.shape for plane in planes}
    if not planes or len(shapes) != 1 or any(plane.dtype.kind != "f" for plane in planes):
        raise SourceError(f"{path} has no channels R, G and B (it has {', '.join(sorted(channels)) or 'none'})",
                          "Save the picture as RGB")
    return _displayed(np.stack([plane.astype(np.float32) for plane in planes], -1), header)


def _main_layer(channels: Mapping[str, np.ndarray], alpha: bool) -> list[np.ndarray]:
    heads = sorted({name[:-1] for name in channels if name[-1:] in ("R", "Y")}, key=lambda head: (head != "", head))
    for head in heads:
        behind = [channels[head + "A"]] if alpha and head + "A" in channels else []
        if all(head + colour in channels for colour in "RGB"):
            return [channels[head + colour] for colour in "RGB"] + behind
        if head + "Y" in channels and head + "RY" not in channels:
            return [channels[head + "Y"]] * 3 + behind
    return []


def _displayed(pixels: np.ndarray, header: Mapping[str, Any]) -> np.ndarray:
    """The pixels of the display window, black where the data window does not reach."""
    (x0, y0), _ = (np.asarray(corner, int) for corner in header["dataWindow"])
    (left, top), (right, bottom) = (np.asarray(corner, int) for corner in header["displayWindow"])
    height, width = int(bottom - top + 1), int(right - left + 1)
    if (x0, y0) == (left, top) and pixels.shape[:2] == (height, width):
        return pixels
    result = np.zeros((height, width, pixels.shape[2]), np.float32)
    x, y = int(x0 - left), int(y0 - top)
    part = pixels[max(0, -y):max(0, height - y), max(0, -x):max(0, width - x)]
    result[max(0, y):max(0, y) + part.shape[0], max(0, x):max(0, x) + part.shape[1]] = part
    return result


def write_exr(path: Path | str, channels: Mapping[str, np.ndarray], text: Mapping[str, str], *, half: bool = True,
              compression: str = "zip") -> None:
    """Write channels, float [H, W] each by its name ("R", "patch.A" …), beside `path` and rename them into place.

    Args:
        text: attributes of the header.
        half: 16-bit floats, else 32-bit.
        compression: one of `COMPRESSIONS`; all but dwaa are lossless.

    Raises:
        OutputError: where the place cannot be written.
    """
    path = Path(path)
    kind = np.float16 if half else np.float32
    header = {"compression": COMPRESSIONS[compression], "type": OpenEXR.scanlineimage,
              "chromaticities": _CHROMATICITIES, **text}
    planes = {name: np.ascontiguousarray(plane, kind) for name, plane in channels.items()}
    partial = partial_path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.touch()  # the library's own refusals do not say why
            try:
                OpenEXR.File(header, planes).write(str(partial))
            except RuntimeError as error:
                raise OSError(*_reason(partial.parent)) from error
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def _reason(folder: Path) -> tuple[int, str]:
    """Why a file that could be made could not be filled: the library does not say, a full disk is the usual reason."""
    import errno
    import shutil

    code = errno.ENOSPC if shutil.disk_usage(folder).free < 1 << 20 else errno.EIO
    return code, os.strerror(code)


def read_attributes(path: Path | str) -> dict[str, str]:
    """The textual attributes of an EXR file's header; reads no pixels.

    Raises:
        SourceError: no EXR file, or a damaged one.
    """
    try:
        with open(path, "rb") as stream:
            header = OpenEXR.File(stream, header_only=True).header()
    except OSError as error:
        raise SourceError(f"Cannot read {path} ({error.strerror or error})", _HINT) from error
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise SourceError(f"Not an EXR picture: {path}", _HINT) from error
    return {name: value for name, value in header.items() if isinstance(value, str)}
