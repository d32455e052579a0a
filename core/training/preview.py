"""The preview sheet: per face the original, its own reconstruction and the swap, pasted into their surroundings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ..models.folder import Settings
from .data import FaceSet, read_face

LEAST_CELL = 128  # pixels; smaller models' faces are enlarged, so that header and faces can be read
COLUMNS = {"a": ("A", "A > A", "A > B"), "b": ("B", "B > B", "B > A")}
_HEADER, _TEXT = (42, 42, 42), (235, 235, 235)
Predict = Callable[[np.ndarray, str], np.ndarray]


@dataclass(frozen=True, eq=False)
class PreviewFaces:
    """One side's faces for the sheet.

    Attributes:
        feed: float32 [N, input, input, 3] RGB in [0, 1], what the model sees.
        surroundings: uint8 [N, S, S, 3] RGB, the whole crop at the scale of the model's output.
    """

    feed: np.ndarray
    surroundings: np.ndarray


def cell_size(output_size: int, coverage: float) -> int:
    """Side of the surroundings, so that the model's picture covers `coverage` of it; even like the model's."""
    return 2 * round(output_size / coverage / 2)


def choose(faces: FaceSet, count: int, seed: int, input_size: int, output_size: int,
           settings: Settings) -> PreviewFaces:
    """A random choice of faces, the same for the whole session, so that one sheet can be compared with the next."""
    picked = np.sort(np.random.default_rng([seed, 3]).permutation(len(faces))[:count])
    size = cell_size(output_size, settings.coverage)
    feed = np.stack([read_face(faces.paths[i], input_size, settings).crop[..., :3] for i in picked])
    surroundings = np.stack([read_face(faces.paths[i], size, settings, coverage=1.0).crop[..., :3] for i in picked])
    return PreviewFaces(feed.astype(np.float32) / 255, surroundings)


def sheet(predict: Predict, faces_a: PreviewFaces, faces_b: PreviewFaces) -> np.ndarray:
    """The sheet, uint8 [H, W, 3] RGB.

    Args:
        predict: float32 [N, input, input, 3] and side -> float32 [N, output, output, 3 or 4], in [0, 1].
    """
    count = min(len(faces_a.feed), len(faces_b.feed))
    columns = []
    for side, faces, other in (("a", faces_a, "b"), ("b", faces_b, "a")):
        columns.append(faces.surroundings[:count])
        columns += [_paste(predict(faces.feed[:count], to), faces.surroundings[:count]) for to in (side, other)]
    titles = COLUMNS["a"] + COLUMNS["b"]
    cell = columns[0].shape[1]
    factor = -(-LEAST_CELL // cell)
    side = cell * factor
    rows = [np.hstack([_enlarge(column[row], side) for column in columns]) for row in range(count)]
    header = np.hstack([_title(title, side) for title in titles])
    if count * side + header.shape[0] > header.shape[1] and count > 1:  # taller than wide: the lower half goes right
        upper = -(-count // 2)
        lower = rows[upper:] + [np.full_like(rows[0], _HEADER[0])] * (2 * upper - count)
        rows = [np.hstack(pair) for pair in zip(rows[:upper], lower, strict=True)]
        header = np.hstack((header, header))
    return np.vstack([header, *rows])


def _paste(predicted: np.ndarray, surroundings: np.ndarray) -> np.ndarray:
    """The model's pictures into the middle of their surroundings."""
    out = surroundings.copy()
    size = predicted.shape[1]
    start = (out.shape[1] - size) // 2
    out[:, start: start + size, start: start + size] = np.rint(np.clip(predicted[..., :3], 0, 1) * 255).astype(np.uint8)
    return out


def _enlarge(picture: np.ndarray, side: int) -> np.ndarray:
    return picture if picture.shape[0] == side else cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)


def _title(text: str, width: int) -> np.ndarray:
    """A column's heading, uint8 [width / 4.5, width, 3]."""
    height = round(width / 4.5)
    out = np.full((height, width, 3), _HEADER, np.uint8)
    scale, thickness = height / 42, max(1, round(height / 28))
    (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    cv2.putText(out, text, ((width - w) // 2, (height + h) // 2), cv2.FONT_HERSHEY_SIMPLEX, scale, _TEXT, thickness,
                cv2.LINE_AA)
    return out


def encode_png(picture: np.ndarray) -> bytes:
    """uint8 [H, W, 3] RGB as the bytes of a PNG file."""
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
