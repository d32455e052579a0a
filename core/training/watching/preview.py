"""The preview sheet: per face the original, its own reconstruction and the swap, pasted into their surroundings."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...errors import FacesError, UsageError
from ...jobs.messages import Reporter
from ..faces.data import read_some
from ..faces.reading import UNMASKED, Cut

LEAST_CELL = 128  # pixels; smaller models' faces are enlarged, so that header and faces can be read
COLUMNS = {"a": ("A", "A > A", "A > B"), "b": ("B", "B > B", "B > A")}
_LEAST_HEADING = 16  # pixels
_HEADER, _TEXT = (42, 42, 42), (235, 235, 235)
Predict = Callable[[np.ndarray, str], np.ndarray]


@dataclass(frozen=True)
class Look:
    """How a sheet is drawn.

    Attributes:
        opacity: of the tint over what the mask leaves out, 0 to 1.
        color: RGB of the tint and of the frame around what the model sees.
        scale: size of the sheet; 1: the model's own pixels, enlarged by a whole factor to `LEAST_CELL` or more.
    """

    opacity: float = 0.3
    color: tuple[int, int, int] = (255, 0, 0)
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class PreviewFaces:
    """One side's faces for the sheet.

    Attributes:
        feed: float32 [N, input, input, 3] RGB in [0, 1], what the model sees.
        surroundings: uint8 [N, S, S, 3] RGB, the whole crop at the scale of the model's output.
        masks: uint8 [N, S, S], 255 inside the face; None from a model that is trained without a mask.
    """

    feed: np.ndarray
    surroundings: np.ndarray
    masks: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Shown:
    """What the model makes of one side's faces: float32 [N, output, output, 3 or 4] in [0, 1] for each decoder."""

    faces: PreviewFaces
    own: np.ndarray
    swapped: np.ndarray


def parse_color(text: str) -> tuple[int, int, int]:
    """ "#ff0000" as RGB.

    Raises:
        UsageError: it is something else.
    """
    match = re.fullmatch(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no colour", "Write it as red, green and blue in hexadecimal, such as #ff0000")
    return int(match[1], 16), int(match[2], 16), int(match[3], 16)


def cell_size(output_size: int, coverage: float) -> int:
    """Side of the surroundings, so that the model's picture covers `coverage` of it; even like the model's."""
    return 2 * round(output_size / coverage / 2)


def order(among: int, first: int, seed: int) -> np.ndarray:
    """All of `among` faces at random, the first ones in order; always the same, so that sheets can be compared."""
    shuffled = np.random.default_rng([seed, 3]).permutation(among)
    return np.concatenate((np.sort(shuffled[:first]), shuffled[first:]))


def read_faces(paths: Sequence[Path], count: int, cut: Cut, sizes: tuple[int, int], reporter: Reporter,
               alignments: Sequence[str] = ()) -> PreviewFaces:
    """The first `count` of these faces that can be read, without augmentation.

    Args:
        cut: how the training cuts them.
        sizes: the model's input and output size.
        alignments: files whose landmarks and masks count rather than those in the pictures' headers.

    Raises:
        FacesError: none can be read.
    """
    around = cell_size(sizes[1], cut.settings.coverage)
    cuts = (replace(cut, size=sizes[0], parts=False),
            replace(cut, size=around, parts=False, settings=replace(cut.settings, coverage=1.0)))
    _, (feed, surroundings) = read_some(paths, count, cuts, reporter, alignments)
    if not len(feed):
        raise FacesError(f"No face in {paths[0].parent} can be read for previews", "Choose another folder")
    masks = None if cut.settings.mask_type == UNMASKED else surroundings[..., 3]
    return PreviewFaces(feed[..., :3].astype(np.float32) / 255, surroundings[..., :3], masks)


def look_through(predict: Predict, faces_a: PreviewFaces, faces_b: PreviewFaces, at_once: int = 16) -> list[Shown]:
    """Run the model over both sides' faces, `at_once` of them at a time.

    Args:
        predict: float32 [N, input, input, 3] and side -> float32 [N, output, output, 3 or 4], in [0, 1].
    """
    def run(feed: np.ndarray, side: str) -> np.ndarray:
        return np.concatenate([predict(feed[i: i + at_once], side) for i in range(0, len(feed), at_once)])

    return [Shown(faces, run(faces.feed, side), run(faces.feed, other))
            for faces, side, other in ((faces_a, "a", "b"), (faces_b, "b", "a"))]


def sheet(shown: Sequence[Shown], look: Look = Look(), tinted: bool = True) -> np.ndarray:
    """The sheet of what `look_through` gave, uint8 [H, W, 3] RGB.

    Where it would be taller than wide its lower half is moved to the right: of 14 faces, 7 rows of 12 columns.

    Args:
        tinted: show what the mask leaves out.
    """
    count = min(len(one.faces.feed) for one in shown)
    columns = [column[:count] for one in shown for column in _columns(one, look if tinted else None, look.color)]
    side = _side(columns[0].shape[1], look.scale)
    rows = [np.hstack([_resized(column[row], side) for column in columns]) for row in range(count)]
    header = np.hstack([title(text, side) for text in (*COLUMNS["a"], *COLUMNS["b"])])
    if count * side + header.shape[0] > header.shape[1] and count > 1:
        upper = -(-count // 2)
        lower = rows[upper:] + [np.full_like(rows[0], _HEADER[0])] * (2 * upper - count)
        rows = [np.hstack(pair) for pair in zip(rows[:upper], lower, strict=True)]
        header = np.hstack((header, header))
    return np.vstack([header, *rows])


def _columns(shown: Shown, look: Look | None, frame: tuple[int, int, int]) -> list[np.ndarray]:
    """The original, its reconstruction and the swap, uint8 [N, S, S, 3] each."""
    around = shown.faces.surroundings.copy()
    size = shown.own.shape[1]
    _draw_corners(around, size, frame)
    columns = []
    for predicted in (None, shown.own, shown.swapped):
        column = around.copy()
        if predicted is not None:
            _middle(column, size)[:] = np.rint(np.clip(predicted[..., :3], 0, 1) * 255).astype(np.uint8)
        else:
            _middle(column, size)[:] = _middle(shown.faces.surroundings, size)
        if look is not None:
            column = tint(column, _mask(shown.faces, predicted), look)
        columns.append(column)
    return columns


def _mask(faces: PreviewFaces, predicted: np.ndarray | None) -> np.ndarray | None:
    """What tints a column, float32 [N, S, S] in [0, 1]: the learned mask where there is one, else the face's own."""
    if predicted is not None and predicted.shape[-1] == 4:
        mask = np.zeros(faces.surroundings.shape[:3], np.float32)
        _middle(mask, predicted.shape[1])[:] = np.clip(predicted[..., 3], 0, 1)
        return mask
    return None if faces.masks is None else faces.masks.astype(np.float32) / 255


def tint(pictures: np.ndarray, mask: np.ndarray | None, look: Look) -> np.ndarray:
    """Lay the colour over what the mask leaves out, at `opacity` times one minus the mask.

    Args:
        pictures: uint8 [N, S, S, 3].
        mask: float32 [N, S, S] in [0, 1]; None: nothing is tinted.
    """
    if mask is None or not look.opacity:
        return pictures
    amount = look.opacity * (1 - mask[..., None])
    return np.rint(pictures * (1 - amount) + np.array(look.color) * amount).astype(np.uint8)


def _middle(pictures: np.ndarray, size: int) -> np.ndarray:
    """The part of [N, S, S, …] that the model sees, as a view."""
    start = (pictures.shape[1] - size) // 2
    return pictures[:, start: start + size, start: start + size]


def _draw_corners(pictures: np.ndarray, size: int, color: tuple[int, int, int]) -> None:
    """Mark the corners of what the model sees: squares of a quarter of its side, of which its picture will later
    leave a rim to be seen. Nothing where the model sees the whole crop.
    """
    start = (pictures.shape[1] - size) // 2
    rim = min(start, max(1, size // 64))
    if not rim:
        return
    near = slice(start - rim, start - rim + size // 4)
    far = slice(start + size + rim - size // 4, start + size + rim)
    for rows in (near, far):
        for columns in (near, far):
            pictures[:, rows, columns] = color


def _side(cell: int, scale: float) -> int:
    """Side of a cell on the sheet in pixels."""
    return max(16, round(cell * max(1, -(-LEAST_CELL // cell)) * scale))


def _resized(picture: np.ndarray, side: int) -> np.ndarray:
    if picture.shape[0] == side:
        return picture
    how = cv2.INTER_CUBIC if side > picture.shape[0] else cv2.INTER_AREA
    return cv2.resize(picture, (side, side), interpolation=how)


def title(text: str, width: int) -> np.ndarray:
    """A column's heading, uint8 [width / 4.5, width, 3], or higher where that could not be read."""
    height = max(_LEAST_HEADING, round(width / 4.5))
    image = Image.new("RGB", (width, height), _HEADER)
    font = ImageFont.load_default(min(height * 0.55, width * 0.28))
    ImageDraw.Draw(image).text((width / 2, height / 2), text, _TEXT, font, anchor="mm")
    return np.asarray(image)
