"""Several looks at one face: re-feed (boxes a little beside, averaged) and re-align (once more, upright).

Both work over any aligner and are aligners themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from ...faces.crop import warp
from ...faces.geometry import MEAN_FACE, compose, invert, mean_scale, transform, umeyama
from ...faces.nouns import Box
from ...options.rows import ALIGNERS, find
from ..protocols import Aligner

_SEED = 68
_DRIFT = 0.05  # how far re-feed moves and scales what an aligner looks at, as a share of its side
_MARGIN = 0.08  # around it in the upright picture: half of one drift (scale) and a whole one (shift), a little rounded
_LARGEST = 512  # pixels across an upright picture of an aligner that takes every size: more shows it nothing new


def make_aligner(name: str, device: str = "cpu", normalization: str = "none", decoding: str = "dark",
                 re_feed: int = 0, re_align: bool = False) -> Aligner:
    """The aligner of a row with all that was chosen for it.

    Args:
        name: of a row of ALIGNERS.
        device: torch's name of it.
        normalization: "none", "mean", "hist" or "clahe".
        decoding: of heatmaps, "dark" or "neighbour"; aligners without heatmaps ignore it.
        re_feed: how many further boxes the landmarks are averaged over, 0 .. 10.
        re_align: whether a second pass looks at the face turned upright; re-feed then belongs to that pass.

    Raises:
        WeightsError: if its weights are missing or damaged.
    """
    aligner: Aligner = find(ALIGNERS, name).load()(device, normalization, decoding)
    last = ReFeed(aligner, re_feed) if re_feed else aligner
    return ReAlign(aligner, last) if re_align else last


class ReFeed:
    """The mean over an aligner's answers for a box and for `times` boxes of another size a little beside it.

    The boxes differ from face to face only as the faces' own boxes do: an answer depends neither on chance nor on what
    else is in the batch, and does not tremble from one frame to the next because of other boxes.
    """

    def __init__(self, aligner: Aligner, times: int) -> None:
        self._aligner = aligner
        self.batch_size, self.input_size = aligner.batch_size, aligner.input_size
        self.reach, self.upright_box = aligner.reach, aligner.upright_box
        drawn = np.random.default_rng(_SEED).uniform(-_DRIFT, _DRIFT, (times, 3))
        self._changes = np.concatenate([np.zeros((1, 3)), drawn])  # scale, right, down; the box itself first

    def align(self, pixels: Sequence[np.ndarray], boxes: Sequence[Box]) -> np.ndarray:
        if not boxes:
            return np.zeros((0, 68, 2), np.float32)
        looks = [self._changed(box, change) for box in boxes for change in self._changes]
        repeated = [picture for picture in pixels for _ in self._changes]
        answers = self._aligner.align(repeated, looks)
        return answers.reshape(len(boxes), len(self._changes), 68, 2).mean(1, dtype=np.float64).astype(np.float32)

    def _changed(self, box: Box, change: np.ndarray) -> Box:
        x, y, w, h = box
        scale = 1 + change[0]
        side = self.reach * (w + h) / 2
        return (float(x + (w - w * scale) / 2 + change[1] * side), float(y + (h - h * scale) / 2 + change[2] * side),
                float(w * scale), float(h * scale))


class ReAlign:
    """A second pass over the face as the first pass found it: cut out upright, at the size that suits the aligner.

    Args:
        first: for the first pass, over the detector's boxes.
        second: for the second one: the same, or `first` with re-feed.
    """

    def __init__(self, first: Aligner, second: Aligner) -> None:
        self._first, self._second = first, second
        self.batch_size, self.input_size = second.batch_size, second.input_size
        self.reach, self.upright_box = second.reach, second.upright_box

    def align(self, pixels: Sequence[np.ndarray], boxes: Sequence[Box]) -> np.ndarray:
        landmarks = self._first.align(pixels, boxes)
        # A first pass that put all points into one place shows no upright face; its answer stands.
        usable = [n for n, points in enumerate(landmarks) if np.ptp(points[17:], 0).max() > 1]
        if not usable:
            return landmarks
        places = [self._place(landmarks[n]) for n in usable]
        pictures = [warp(pixels[n], matrix, size) for n, (matrix, size, _) in zip(usable, places, strict=True)]
        answers = self._second.align(pictures, [box for _, _, box in places])
        for n, answer, (matrix, _, _) in zip(usable, answers, places, strict=True):
            landmarks[n] = transform(answer, invert(matrix))
        return landmarks

    def _place(self, landmarks: np.ndarray) -> tuple[np.ndarray, int, Box]:
        """The matrix frame -> upright picture, the picture's size, and the face's box in it."""
        to_unit = umeyama(landmarks[17:], MEAN_FACE)
        x, y, w, h = self.upright_box
        side = self.reach * (w + h) / 2
        seen = self.input_size or min(_LARGEST, max(1, round(side / mean_scale(to_unit))))
        # An even number of pixels more: an aligner of this input size then cuts whole pixels, without resampling.
        size = seen + 2 * ceil(_MARGIN * seen)
        scale, middle = seen / side, (size - 1) / 2
        to_picture = np.array([(scale, 0, middle - scale * (x + w / 2)), (0, scale, middle - scale * (y + h / 2))])
        box = (middle + 0.5 - scale * w / 2, middle + 0.5 - scale * h / 2, scale * w, scale * h)
        return compose(to_picture, to_unit), size, box
