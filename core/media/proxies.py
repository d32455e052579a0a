"""Where the pictures of a proxy lie over those of the footage.

Blender has films scaled by FFmpeg's fastest scaler, which puts the columns of a smaller picture a little too close: at
a quarter of the size up to six pixels of the footage at its right edge. How much depends on FFmpeg's version and on the
processor. So it is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import SourceError
from .frame import Frame
from .listing import list_images
from .source import open_source

_ITERATIONS, _PRECISION = 200, 1e-6  # of the search
_BLUR = 5  # pixels; evens out what the proxy's coding did
_LEAST = 0.9  # correlation below which the pictures do not show the same
_FURTHEST = 0.05  # of the picture's sides; whatever is further off is something else than scaling


@dataclass(frozen=True, eq=False)
class Registration:
    """Where a proxy's picture shows what the footage's picture shows.

    Attributes:
        matrix: float64 [2, 3], from the footage to the proxy, both counted from 0 to 1 over the picture, y down.
        agreement: correlation of the two pictures, once they are laid over each other, -1 .. 1.
    """

    matrix: np.ndarray
    agreement: float


def measure(frame: Frame, proxy: Path | str) -> tuple[Registration | None, tuple[int, int]]:
    """Where a proxy that Blender made lies over its footage, and the size of its pictures (w, h).

    Args:
        frame: any of the footage.
        proxy: a film, whose frames are the footage's, or the folder where Blender keeps the proxies of pictures.

    Raises:
        SourceError: no such proxy, or it cannot be read, or lacks the frame.
    """
    path, index = Path(proxy), frame.index
    if path.is_dir():
        source = Path(frame.source)
        name = list_images(source)[frame.index] if source.is_dir() else source.name
        path, index = path / f"{name}_proxy.jpg", 0
    with open_source(path) as opened:
        if index >= len(opened):
            raise SourceError(f"{path} has no frame {index}: it has {len(opened)}", "Rebuild the proxy")
        pixels = opened.read(index).pixels8
    return register(frame.pixels8, pixels), (pixels.shape[1], pixels.shape[0])


def register(footage: np.ndarray, proxy: np.ndarray) -> Registration | None:
    """Find where a proxy's picture lies over the footage's: shifted and scaled, each way by itself.

    By G. Evangelidis and E. Psarakis, "Parametric image alignment using enhanced correlation coefficient maximization",
    TPAMI 2008, as OpenCV has it.

    Args:
        footage, proxy: the same picture, uint8 [H, W, 3] RGB, in any two sizes.

    Returns:
        None where the pictures do not show the same, or too little to tell.
    """
    height, width = proxy.shape[:2]
    wanted = cv2.resize(_grey(footage), (width, height), interpolation=cv2.INTER_AREA)
    warp = np.eye(2, 3, dtype=np.float32)
    try:
        agreement, warp = cv2.findTransformECC(  # the stubs lack the call with how much to blur
            wanted, _grey(proxy), warp, cv2.MOTION_AFFINE,  # type: ignore[call-overload]
            (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ITERATIONS, _PRECISION), None, _BLUR)
    except cv2.error:  # no contrast, or no way to lay one over the other
        return None
    # Pixels with centres at integers -> 0 to 1: u = (x + 0.5) / size.
    (a, _, c), (_, e, f) = warp.astype(np.float64)
    found = np.array([[a, 0, (c + 0.5 - 0.5 * a) / width], [0, e, (f + 0.5 - 0.5 * e) / height]])
    corners = found @ np.array([(0, 1), (0, 1), (1, 1)])
    if agreement < _LEAST or np.abs(corners - (0, 1)).max() > _FURTHEST:
        return None
    return Registration(found, float(agreement))


def _grey(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
