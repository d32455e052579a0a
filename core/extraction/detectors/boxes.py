"""Boxes that networks propose: what a score map's cells mean, how much boxes overlap, which of many is the face's.

Boxes are float [N, 4] left, top, right, bottom in canvas pixels, the canvas's top left pixel reaching from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

# How offsets are scaled in training (W. Liu et al., "SSD", ECCV 2016): centres by the first, logarithms of sides by the
# second.
VARIANCES = (0.1, 0.2)
_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """What a network says of a grid of anchors, for a batch of N pictures.

    Attributes:
        scores: float [N, H, W, K], 0 .. 1, of K anchors in each of H x W cells.
        offsets: float [N, H, W, K, 4]: of each face's box from its anchor (see `decode`).
        stride: canvas pixels from one cell to the next.
        sides: of the K square anchors, canvas pixels.
    """

    scores: Tensor
    offsets: Tensor
    stride: int
    sides: tuple[int, ...]

    def candidates(self, least: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """(boxes [M, 4], scores [M]) of each picture: those whose score is `least` or more."""
        chosen = self.scores >= least
        picture, row, column, anchor = (index.cpu().numpy() for index in chosen.nonzero(as_tuple=True))
        scores, offsets = self.scores[chosen].cpu().numpy(), self.offsets[chosen].cpu().numpy()
        sides = np.asarray(self.sides, np.float32)[anchor]
        anchors = np.column_stack([(column + 0.5) * self.stride, (row + 0.5) * self.stride, sides, sides])
        boxes = decode(offsets, anchors.astype(np.float32))
        return [(boxes[picture == n], scores[picture == n]) for n in range(len(self.scores))]


def decode(offsets: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Boxes from offsets (dx, dy, log width, log height) and anchors (centre x, y, width, height), all [N, 4]."""
    centres = anchors[:, :2] + offsets[:, :2] * VARIANCES[0] * anchors[:, 2:]
    halves = anchors[:, 2:] * np.exp(offsets[:, 2:] * VARIANCES[1]) / 2
    return np.concatenate([centres - halves, centres + halves], 1)


def overlaps(box: np.ndarray, boxes: np.ndarray, of: Literal["union", "smaller"] = "union") -> np.ndarray:
    """What a box shares with each of the others, as a part of the union of both or of the smaller one, 0 .. 1."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.prod(np.maximum(sides, 0), 1)
    area, areas = np.prod(box[2:] - box[:2]), np.prod(boxes[:, 2:] - boxes[:, :2], 1)
    whole = area + areas - shared if of == "union" else np.minimum(area, areas)
    return shared / np.maximum(whole, _TINY)


def suppress(boxes: np.ndarray, scores: np.ndarray, most: float,
             of: Literal["union", "smaller"] = "union") -> np.ndarray:
    """Indices of the boxes that remain, best first: one that overlaps a better one by more than `most` goes."""
    return np.array([group[0] for group in _groups(boxes, scores, most, of)], np.intp)


def vote(boxes: np.ndarray, scores: np.ndarray, most: float) -> tuple[np.ndarray, np.ndarray]:
    """As `suppress`, but those that go pull the one that remains to their mean, each with the weight of its score.

    S. Gidaris, N. Komodakis, "Object detection via a multi-region & semantic segmentation-aware CNN model", ICCV 2015,
    section 5.

    Returns:
        boxes [M, 4] and their scores [M], best first.
    """
    groups = _groups(boxes, scores, most, "union")
    means = [np.average(boxes[group], axis=0, weights=np.maximum(scores[group], _TINY)) for group in groups]
    best = np.array([group[0] for group in groups], np.intp)
    return np.array(means, boxes.dtype).reshape(-1, 4), scores[best]


def _groups(boxes: np.ndarray, scores: np.ndarray, most: float, of: Literal["union", "smaller"]) -> list[np.ndarray]:
    """Indices of each box that remains, followed by those of the boxes that it drives out."""
    remaining = np.argsort(-scores, kind="stable")
    groups = []
    while len(remaining):
        shares = overlaps(boxes[remaining[0]], boxes[remaining], of)
        shares[0] = np.inf  # also where it has no area
        groups.append(remaining[shares > most])
        remaining = remaining[shares <= most]
    return groups
