"""A page of the browser as one picture: thumbnails in cells, each with its frame's number below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

THUMBNAIL, MARGIN, CAPTION = 96, 5, 18  # pixels
CELL = (THUMBNAIL + 2 * MARGIN, THUMBNAIL + MARGIN + CAPTION)
_SHAPE = 1.6  # width over height of the whole picture, about that of an editor
_BACKGROUND, _EMPTY, _TEXT, _FAINT = (40, 40, 40), (56, 56, 56), (225, 225, 225), (150, 150, 150)
_STATES = {"edited": (86, 152, 255), "added": (104, 204, 96), "removed": (228, 84, 84)}
_FONT = 12


@dataclass(frozen=True, eq=False)
class Cell:
    """One picture of a page.

    Attributes:
        pixels: uint8 [h, w, 3] RGB of any size; None where there is no picture.
        caption: below it, on the left.
        note: below it, on the right, fainter.
        state: of the face, as in the store; shown as the colour of its caption's line.
    """

    pixels: np.ndarray | None
    caption: str
    note: str = ""
    state: str = "machine"


def columns_for(count: int) -> int:
    """How many cells stand side by side, so that the whole looks like an editor's area."""
    return max(1, min(count, ceil(sqrt(max(count, 1) * _SHAPE * CELL[1] / CELL[0]))))


def draw(cells: Sequence[Cell]) -> np.ndarray:
    """uint8 [H, W, 3] RGB: cells of `CELL` pixels, row by row from the top, `columns_for` of them in a row."""
    columns = columns_for(len(cells))
    rows = max(1, ceil(len(cells) / columns))
    pixels = np.full((rows * CELL[1], columns * CELL[0], 3), _BACKGROUND, np.uint8)
    for number, cell in enumerate(cells):
        x, y = place_of(number, columns)
        inner = pixels[y:y + THUMBNAIL, x:x + THUMBNAIL]
        inner[:] = _EMPTY
        if cell.pixels is not None:
            _fit(inner, cell.pixels)
    image = Image.fromarray(pixels)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(_FONT)
    for number, cell in enumerate(cells):
        x, y = place_of(number, columns)
        if cell.state in _STATES:
            pen.rectangle((x, y + THUMBNAIL, x + THUMBNAIL - 1, y + THUMBNAIL + 1), _STATES[cell.state])
        baseline = y + THUMBNAIL + CAPTION - 4
        pen.text((x + 1, baseline), cell.caption, _TEXT, font, anchor="ls")
        room = THUMBNAIL - 6 - font.getlength(cell.caption)
        if cell.note:
            pen.text((x + THUMBNAIL - 1, baseline), _shortened(cell.note, room, font), _FAINT, font, anchor="rs")
    return np.asarray(image)


def place_of(number: int, columns: int) -> tuple[int, int]:
    """Left and top of a thumbnail in the picture, pixels from its left and top."""
    return number % columns * CELL[0] + MARGIN, number // columns * CELL[1] + MARGIN


def decoded(jpeg: bytes | None) -> np.ndarray | None:
    """A thumbnail as uint8 [h, w, 3] RGB; None for what is no picture."""
    found = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    return None if found is None else cv2.cvtColor(found, cv2.COLOR_BGR2RGB)


def encoded(pixels: np.ndarray) -> bytes:
    """The page as a JPEG file."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return data.tobytes()


def _fit(into: np.ndarray, pixels: np.ndarray) -> None:
    """Lay a picture over a square, as large as goes, in its middle."""
    height, width = pixels.shape[:2]
    scale = min(into.shape[0] / height, into.shape[1] / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size != (width, height):
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (into.shape[0] - size[1]) // 2, (into.shape[1] - size[0]) // 2
    into[top:top + size[1], left:left + size[0]] = pixels


def _shortened(text: str, room: float, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(f"{text}…") > room:
        text = text[:-1]
    return f"{text.rstrip()}…" if text else ""
