"""A page of the faces browser: which face is where on its picture (no bpy)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """A face (or with an empty uuid a frame) on the page; `person` is -2 where it is nobody's."""

    uuid: str
    frame: int
    position: int
    person: int
    state: str


@dataclass(frozen=True)
class Page:
    """What the service has answered, see `core.browsing.answers`, and the id of the strip whose faces they are."""

    store: str
    strip: str
    picture: str
    size: tuple[int, int]
    cell: tuple[int, int]
    columns: int
    cells: tuple[Cell, ...]
    number: int
    pages: int
    found: int
    counts: dict[str, int] = field(default_factory=dict)
    unmeasured: int = 0
    usual: dict[str, float] = field(default_factory=dict)

    def box(self, number: int) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of a cell in 0..1 of the picture, y up."""
        (width, height), (w, h) = self.size, self.cell
        column, row = number % self.columns, number // self.columns
        return column * w / width, 1 - (row + 1) * h / height, (column + 1) * w / width, 1 - row * h / height

    def at(self, x: float, y: float) -> int | None:
        """The number of the cell at a place in 0..1 of the picture."""
        (width, height), (w, h) = self.size, self.cell
        if not (0 <= x < 1 and 0 < y <= 1):
            return None
        column, row = int(x * width / w), int((1 - y) * height / h)
        number = row * self.columns + column
        return number if column < self.columns and number < len(self.cells) else None
