"""dlib's 68-point shape predictor: a cascade of regression trees.

V. Kazemi, J. Sullivan, "One millisecond face alignment with an ensemble of regression trees", CVPR 2014. The weights
were trained on iBUG 300-W, whose licence excludes commercial use.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import dlib
import numpy as np

from ...faces.nouns import Box
from ..dlib_models import weights_file
from .dlib_box import REACH, DlibBox
from .normalization import normalized

# Shifts of the box, as shares of its width: the predictor depends on where the detector's box happens to lie, and it
# answers in whole pixels. The mean over a small triangle trembles a quarter less from frame to frame, for 4 ms.
_SHIFTS = ((0.0, -0.03), (-0.026, 0.015), (0.026, 0.015))
_MARGIN = 0.2  # around the box, of its sides: what is evened out of the light
_loading = threading.Lock()


@lru_cache(maxsize=1)
def _loaded() -> dlib.shape_predictor:
    return _read(weights_file("shape_predictor_68_face_landmarks.dat"))


def _read(path: Path) -> dlib.shape_predictor:
    """dlib opens files by names of eight-bit characters, which Windows does not have for every path: where the path is
    not plain ASCII, dlib gets the file's contents, as from a pickle of its own.
    """
    if str(path).isascii():
        return dlib.shape_predictor(str(path))
    predictor = dlib.shape_predictor.__new__(dlib.shape_predictor)
    predictor.__setstate__((path.read_bytes(),))
    return predictor


def _predictor() -> dlib.shape_predictor:
    # 100 MB and most of a second to read; using it changes nothing in it, so that all threads share one.
    with _loading:
        return _loaded()


class Dlib68:
    """Places landmarks in the box of a detector, at the picture's own resolution."""

    batch_size = 1
    input_size = 0
    reach = REACH
    # Tighter than its detector's boxes (side 1.3): measured on turned and upright faces of the test clips.
    upright_box = (-0.065, -0.095, 1.15, 1.15)

    def __init__(self, device: str = "cpu", normalization: str = "none", decoding: str = "dark") -> None:
        self._predictor, self._box = _predictor(), DlibBox()
        self._normalization = normalization

    def align(self, pixels: Sequence[np.ndarray], boxes: Sequence[Box]) -> np.ndarray:
        landmarks = np.zeros((len(boxes), 68, 2), np.float32)
        for place, (picture, box) in enumerate(zip(pixels, boxes, strict=True)):
            landmarks[place] = self._align(picture, box)
        return landmarks

    def _align(self, pixels: np.ndarray, box: Box) -> np.ndarray:
        box = self._box.of(pixels, box)
        left, top = 0, 0
        if self._normalization != "none":
            left, top, right, bottom = self._seen(pixels, box)
            if left >= right or top >= bottom:
                left, top = 0, 0  # nothing of the face is in the picture
            else:
                pixels = normalized(pixels[top:bottom, left:right], self._normalization)
        x, y, w, h = box
        x, y = x - left, y - top
        pixels = np.ascontiguousarray(pixels)
        total = np.zeros((68, 2))
        for across, down in _SHIFTS:
            u, v = x + across * w, y + down * w
            rectangle = dlib.rectangle(round(u), round(v), round(u + w) - 1, round(v + h) - 1)
            total += [(point.x, point.y) for point in self._predictor(pixels, rectangle).parts()]
        return total / len(_SHIFTS) + (left, top)

    def _seen(self, pixels: np.ndarray, box: Box) -> tuple[int, int, int, int]:
        """What the predictor may look at around `box`, clipped to the picture: left, top, right, bottom."""
        x, y, w, h = box
        more_w, more_h = w * _MARGIN, h * _MARGIN
        height, width = pixels.shape[:2]
        return (max(0, round(x - more_w)), max(0, round(y - more_h)), min(width, round(x + w + more_w)),
                min(height, round(y + h + more_h)))
