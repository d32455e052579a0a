"""The lines, dots, areas and words that a frame's faces are drawn with, in frame pixels, as arrays (no bpy)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...core.faces.geometry import invert, transform
from .geometry import SEGMENTS, box_corners, dashed, outline, ring
from .reader import ShownFace, ShownFrame

Colour = tuple[float, float, float]
STATES = ("machine", "edited", "added", "misaligned", "selected")


@dataclass(frozen=True)
class Look:
    """What is drawn, and how.

    Attributes:
        colours: by state, see `STATES`.
        threshold: a face whose distance is greater counts as misaligned.
        selected: uuid of the face that buttons are about.
        show: whether anything is drawn at all.
        opacity, tint: 0 to 1, of lines and words, and of the mask's area.
    """

    colours: Mapping[str, Colour]
    threshold: float
    selected: str = ""
    show: bool = True
    opacity: float = 1.0
    tint: float = 0.25
    boxes: bool = True
    features: bool = True
    points: bool = True
    masks: bool = True
    crops: bool = False
    numbers: bool = True
    scores: bool = False
    people: bool = True


@dataclass(frozen=True, eq=False)
class Lines:
    """Pairs of points, and a colour for each.

    Attributes:
        points: float32 [2 * S, 3], frame pixels, z 0.
        colours: float32 [2 * S, 4].
    """

    points: np.ndarray
    colours: np.ndarray


@dataclass(frozen=True, eq=False)
class Area:
    """A mask to tint.

    Attributes:
        pixels: uint8 [S, S].
        corners: float32 [4, 3], of the whole picture in frame pixels: from its top left, clockwise.
        colour: with the opacity.
    """

    pixels: np.ndarray
    corners: np.ndarray
    colour: tuple[float, float, float, float]


@dataclass(frozen=True)
class Label:
    """Words at a place in frame pixels, above which they stand."""

    text: str
    corners: tuple[tuple[float, float], ...]
    colour: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Shapes:
    """All that is drawn of a frame: `thin` and `strong` lines, `dots` as points with colours, areas, words."""

    thin: Lines
    strong: Lines
    dots: Lines
    areas: tuple[Area, ...] = ()
    labels: tuple[Label, ...] = ()


def state_of(face: ShownFace, look: Look) -> str:
    """Which colour a face has: what a person has to look at comes first."""
    if face.uuid == look.selected:
        return "selected"
    if face.distance > look.threshold:
        return "misaligned"
    return face.state


def make_shapes(shown: ShownFrame, look: Look) -> Shapes:
    """What is drawn of a frame."""
    thin, strong, dots, areas, labels = _Collector(), _Collector(), _Collector(), [], []
    for face in shown.faces:
        rgb = look.colours[state_of(face, look)]
        colour = (*rgb, look.opacity)
        box = box_corners(face.box)
        if look.boxes:
            strong.add(ring(box), colour)
        if look.features:
            thin.add(face.landmarks[SEGMENTS].reshape(-1, 2), (*rgb, 0.75 * look.opacity))
        if look.points:
            dots.add(face.landmarks, colour)
        if look.crops and face.crop is not None:
            strong.add(dashed(face.crop), colour)
        if look.masks and face.mask is not None:
            back = invert(face.mask.matrix)
            thin.add(transform(outline(face.mask.pixels), back), colour)
            end = len(face.mask.pixels) - 0.5
            corners = transform(np.array([(-0.5, -0.5), (end, -0.5), (end, end), (-0.5, end)]), back)
            areas.append(Area(face.mask.pixels, _flat(corners), (*rgb, look.tint * look.opacity)))
        words = _words(face, look)
        if words:
            labels.append(Label(words, tuple(map(tuple, box.tolist())), colour))
    return Shapes(thin.lines(), strong.lines(), dots.lines(), tuple(areas), tuple(labels))


def _words(face: ShownFace, look: Look) -> str:
    parts = [str(face.number) if look.numbers else "", face.person if look.people else "",
             f"{face.score:.2f}" if look.scores and face.score else ""]
    return "  ".join(part for part in parts if part)


class _Collector:
    """Points of one kind, joined at the end."""

    def __init__(self) -> None:
        self._points: list[np.ndarray] = []
        self._colours: list[np.ndarray] = []

    def add(self, points: np.ndarray, colour: tuple[float, float, float, float]) -> None:
        self._points.append(_flat(points))
        self._colours.append(np.tile(np.float32(colour), (len(points), 1)))

    def lines(self) -> Lines:
        if not self._points:
            return Lines(np.zeros((0, 3), np.float32), np.zeros((0, 4), np.float32))
        return Lines(np.concatenate(self._points), np.concatenate(self._colours))


def _flat(points: np.ndarray) -> np.ndarray:
    """Points with a z of 0, float32 [N, 3]."""
    return np.column_stack([points, np.zeros(len(points))]).astype(np.float32)
