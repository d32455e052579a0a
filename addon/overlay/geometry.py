"""From the pixels of a frame to the pixels of an editor's region and back, and the lines that a face is drawn with.

Matrices are float64 [2, 3], applied to columns (x, y, 1). Frame pixels: x right, y down, pixel centres at integers.
View: what `View2D` counts in, y up; in the sequencer's preview pixels of the render at 100 %, from the middle of the
picture; in the Clip Editor 0 to 1 over the clip. Region: pixels of the region, from its bottom left corner, y up.
(No bpy.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, sin

import numpy as np

from ...core.faces.geometry import Alignment, compose, invert, transform

Size = tuple[float, float]

# The 68-point scheme (iBUG 300-W): ranges of points joined in order, and whether the last joins the first.
FEATURES: tuple[tuple[str, int, int, bool], ...] = (
    ("jaw", 0, 17, False), ("right brow", 17, 22, False), ("left brow", 22, 27, False),
    ("bridge", 27, 31, False), ("nostrils", 31, 36, False), ("right eye", 36, 42, True), ("left eye", 42, 48, True),
    ("outer lips", 48, 60, True), ("inner lips", 60, 68, True),
)


@dataclass(frozen=True)
class StripPlace:
    """Where a strip's picture stands in the sequencer's picture, as Blender's properties say it.

    Attributes:
        size: of the source in pixels.
        aspect: width by height of the scene's pixels.
    """

    size: Size
    offset: Size = (0.0, 0.0)
    scale: Size = (1.0, 1.0)
    rotation: float = 0.0
    origin: Size = (0.5, 0.5)
    flip: tuple[bool, bool] = (False, False)
    aspect: float = 1.0


@dataclass(frozen=True, eq=False)
class Rendering:
    """The picture that the sequencer's preview shows, which may be smaller than the render.

    Attributes:
        size: of the picture that it makes, in pixels.
        full: of the render at 100 %.
        factor: by which offsets, and pictures without a proxy, are scaled for it.
        picture: size of what is laid into it: the source's, or the proxy's.
        is_proxy: whether that is a proxy, which is laid there as large as it is.
        registration: where the proxy shows the source's picture; both from 0 to 1 over their edges, y up.
    """

    size: tuple[int, int]
    full: tuple[int, int]
    factor: float
    picture: tuple[int, int]
    is_proxy: bool = False
    registration: np.ndarray | None = None


def unit_square(frame_size: Size) -> np.ndarray:
    """Frame pixels -> 0 to 1 over the frame, y up; which is the Clip Editor's view, and a marker's `co`."""
    width, height = frame_size
    return np.array([[1 / width, 0, 0.5 / width], [0, -1 / height, 1 - 0.5 / height]])


def strip_view(frame_size: Size, place: StripPlace, rendering: Rendering | None = None) -> np.ndarray:
    """Frame pixels -> the view of the sequencer's preview.

    A crop hides parts of the picture and moves nothing. A flip mirrors the sequencer's whole picture.

    Args:
        frame_size: width and height that the frame pixels count in; Blender may count another number.
        rendering: what the preview is made of; the render at 100 % if None.
    """
    if rendering is not None:
        return _smaller_view(frame_size, place, rendering)
    return compose(_strip_matrix(place), unit_square(frame_size))


def _smaller_view(frame_size: Size, place: StripPlace, rendering: Rendering) -> np.ndarray:
    """As `strip_view`, by way of the pixels of the picture that the preview is made of."""
    factor = rendering.factor
    laid = rendering.picture if rendering.is_proxy else (place.size[0] * factor, place.size[1] * factor)
    # Blender moves pictures to the middle by whole pixels, towards 0, so that these stay as sharp as they are.
    slack = [int((whole - part) / 2) - (whole - part) / 2
             for whole, part in zip(rendering.size, rendering.picture, strict=True)]
    matrix = _strip_matrix(replace(place, size=laid, offset=(place.offset[0] * factor + slack[0],
                                                             place.offset[1] * factor + slack[1])))
    shown = unit_square(frame_size)
    if rendering.registration is not None:
        shown = compose(rendering.registration, shown)
    stretch = np.array([[rendering.full[0] / rendering.size[0], 0, 0], [0, rendering.full[1] / rendering.size[1], 0]])
    return compose(stretch, compose(matrix, shown))


def _strip_matrix(place: StripPlace) -> np.ndarray:
    """0 to 1 over a strip's picture -> the sequencer's picture, in its pixels from the middle, y up."""
    (width, height), (ox, oy) = place.size, place.origin
    c, s = cos(place.rotation), sin(place.rotation)
    scaled = np.array([[width * place.scale[0], 0, -ox * width * place.scale[0]],
                       [0, height * place.scale[1], -oy * height * place.scale[1]]])
    turned = np.array([[c, -s, (ox - 0.5) * width + place.offset[0]], [s, c, (oy - 0.5) * height + place.offset[1]]])
    flipped = np.array([[(-1.0 if place.flip[0] else 1.0) * place.aspect, 0, 0],
                        [0, -1.0 if place.flip[1] else 1.0, 0]])
    return compose(flipped, compose(turned, scaled))


def view_region(corner: Size, opposite: Size, region: tuple[int, int]) -> np.ndarray:
    """View -> region pixels, from what the view shows at the region's (0, 0) and at its (width, height)."""
    sx, sy = region[0] / (opposite[0] - corner[0]), region[1] / (opposite[1] - corner[1])
    return np.array([[sx, 0, -corner[0] * sx], [0, sy, -corner[1] * sy]])


# --- lines ------------------------------------------------------------------------------------------------------------


def feature_segments() -> np.ndarray:
    """Which landmarks are joined, int [S, 2]."""
    found = [(n, n + 1) for _, first, end, _ in FEATURES for n in range(first, end - 1)]
    found += [(end - 1, first) for _, first, end, closed in FEATURES if closed]
    return np.array(sorted(found))


SEGMENTS = feature_segments()


def box_corners(box: tuple[float, float, float, float]) -> np.ndarray:
    """The corners of (x, y, w, h) in order around it, float64 [4, 2]."""
    x, y, w, h = box
    return np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])


def ring(corners: np.ndarray) -> np.ndarray:
    """The edges of a closed polygon as pairs of points, [2 * N, 2]."""
    return np.stack([corners, np.roll(corners, -1, axis=0)], axis=1).reshape(-1, 2)


def dashed(corners: np.ndarray, dashes: int = 16) -> np.ndarray:
    """The edges of a closed polygon as dashes, each edge beginning and ending with one, [N, 2]."""
    steps = np.arange(2 * dashes) / (2 * dashes - 1)
    starts, ends = corners[:, None], np.roll(corners, -1, axis=0)[:, None]
    return (starts + (ends - starts) * steps[None, :, None]).reshape(-1, 2)


def crop_corners(alignment: Alignment, centering: str, coverage: float, vertical_offset: float) -> np.ndarray:
    """The corners, in frame pixels, of the area that a crop takes in, float64 [4, 2]; from its top left, clockwise.

    `Alignment.roi` gives the centres of its corner pixels, rounded; this is the edge around them.
    """
    size = 256
    end = size - 0.5
    matrix = alignment.matrix(size, centering, coverage, vertical_offset)
    return transform(np.array([(-0.5, -0.5), (end, -0.5), (end, end), (-0.5, end)]), invert(matrix))


def outline(mask: np.ndarray, level: float = 127.5) -> np.ndarray:
    """Where a mask passes a level: segments as pairs of points, float64 [2 * S, 2], in the mask's pixels.

    Marching squares (W. Lorensen and H. Cline, "Marching cubes", SIGGRAPH 1987, in two dimensions) over a mask that is
    taken to be 0 around its edges, so that outlines are closed.
    """
    field = np.pad(mask.astype(np.float64), 1) - level
    a, b, c, d = field[:-1, :-1], field[:-1, 1:], field[1:, 1:], field[1:, :-1]  # corners, clockwise from the top left
    inside = (a > 0) * 1 + (b > 0) * 2 + (c > 0) * 4 + (d > 0) * 8
    rows, columns = np.nonzero((inside > 0) & (inside < 15))
    case = inside[rows, columns]
    values = np.stack([one[rows, columns] for one in (a, b, c, d)], axis=1)
    after = np.roll(values, -1, axis=1)
    apart = np.where((values > 0) != (after > 0), values - after, 1.0)
    share = values / apart  # of the way from corner n to n + 1
    corner = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64)
    step = np.roll(corner, -1, axis=0) - corner
    crossing = corner + step * share[..., None] + np.stack([columns, rows], axis=1)[:, None] - 1  # less the padding
    found = []
    for number, pairs in _CROSSED.items():
        chosen = crossing[case == number]
        found += [chosen[:, pair].reshape(-1, 2) for pair in pairs]
    return np.concatenate(found)


# By corners inside (bits a, b, c, d): the edges (ab, bc, cd, da) that a line joins.
_CROSSED: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 0),), 2: ((0, 1),), 3: ((3, 1),), 4: ((1, 2),), 5: ((3, 0), (1, 2)), 6: ((0, 2),), 7: ((3, 2),),
    8: ((2, 3),), 9: ((2, 0),), 10: ((0, 1), (2, 3)), 11: ((2, 1),), 12: ((1, 3),), 13: ((1, 0),), 14: ((0, 3),),
}
