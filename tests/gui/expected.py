"""What a rendered frame of the sequence must look like, computed from the files on the disk by numpy alone.

The strip's picture over black and the converted picture over it, both cropped and moved by whole pixels, blended as
they are displayed, in 8 bits, as the sequencer blends sRGB: our strips, their elements, handles and transforms have
no part in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from understudy.core.media.source import Source

TOLERANCE = 1.0  # of 255, at any pixel: half is rounding
APART = 5.0  # of 255, at some pixel: what a wrong picture differs by at least


def read(path: Path) -> np.ndarray:
    """uint8 [H, W, 3 or 4]"""
    with Image.open(path) as image:
        return np.asarray(image)


def placed(pixels: np.ndarray, crop: Mapping[str, int], offset: tuple[int, int]) -> np.ndarray:
    """float64 [H, W, 4] RGBA in 0..255, clear where nothing is shown; `offset` right and up, the frame as large."""
    height, width = pixels.shape[:2]
    layer = np.zeros((height, width, 4))
    layer[..., 3] = 255
    layer[..., :pixels.shape[2]] = pixels
    shown = np.zeros((height, width), bool)
    shown[crop.get("max_y", 0):height - crop.get("min_y", 0), crop.get("min_x", 0):width - crop.get("max_x", 0)] = True
    layer[~shown] = 0
    canvas = np.zeros_like(layer)
    right, down = offset[0], -offset[1]
    canvas[max(0, down):height + min(0, down), max(0, right):width + min(0, right)] = layer[
        max(0, -down):height - max(0, down), max(0, -right):width - max(0, right)]
    return canvas


def frame(source: Source, index: int, converted: Path, other: int | None = None, crop: Mapping[str, int] = {},
          offset: tuple[int, int] = (0, 0)) -> np.ndarray:
    """float64 [H, W, 3] in 0..255: frame `index` of the source with its swapped face, or with that of frame `other`."""
    below = placed(source.read(index).pixels, crop, offset)
    name = source.name(index if other is None else other)
    above = placed(read(converted / f"{name}.png"), crop, offset)
    alpha = above[..., 3:] / 255
    return above[..., :3] * alpha + below[..., :3] * below[..., 3:] / 255 * (1 - alpha)


def check(rendered: Path, source: Source, index: int, converted: Path, crop: Mapping[str, int] = {},
          offset: tuple[int, int] = (0, 0)) -> None:
    """The rendered file is that frame, and the tolerance would have told a frame too late, a swap of another frame,
    swapped channels, a shift by a pixel and a missing swap.
    """
    seen = read(rendered)[..., :3].astype(float)
    wanted = frame(source, index, converted, None, crop, offset)
    assert np.abs(seen - wanted).max() <= TOLERANCE, f"{rendered.name}: {np.abs(seen - wanted).max():.1f} of 255 apart"
    bare = placed(source.read(index).pixels, crop, offset)
    wrong = {
        "a frame late": frame(source, index + 1, converted, None, crop, offset),
        "the swap of another frame": frame(source, index, converted, index + 1, crop, offset),
        "blue for red": wanted[..., ::-1],
        "a pixel to the right": frame(source, index, converted, None, crop, (offset[0] + 1, offset[1])),
        "a pixel less": frame(source, index, converted, None, {**crop, "min_y": crop.get("min_y", 0) + 1}, offset),
        "not swapped": bare[..., :3] * bare[..., 3:] / 255}
    for what, other in wrong.items():
        assert np.abs(seen - other).max() > APART, f"{rendered.name}: as well {what}"


def swapped(rendered: Path, source: Source, index: int, converted: Path) -> float:
    """How much the face differs from the source's, of 255 on average, where the swap covers it; of a strip that is
    neither cropped nor moved.
    """
    face = read(converted / f"{source.name(index)}.png")[..., 3] > 127
    difference = read(rendered)[..., :3].astype(float) - source.read(index).pixels
    return float(np.abs(difference)[face].mean())
