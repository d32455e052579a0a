"""The picture of where the faces of A and B look: one chart for each side, and one of what B lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...charts import BACKGROUND, COLD, FAINT, PLOT, RED, TEXT, WARM, dress, png
from .directions import Comparison, mirrored

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CELL = 5  # degrees
_LEAST_REACH = (45, 30)  # degrees of yaw and pitch that are always shown, either way
_MOST_REACH = (90, 90)
_SIZE, _DPI = (16.0, 9.0), 100  # inches
_CHARTS = ((0.035, 0.545, 0.29, 0.30), (0.035, 0.135, 0.29, 0.30), (0.405, 0.315, 0.57, 0.53))  # A, B, what B lacks
_MOST_LINES = 6  # directions that are listed
_DIM = "#7a5c38"
_HEAD = 28  # points, height of the little heads along the large chart
Reach = tuple[int, int]


def draw(a: np.ndarray, b: np.ndarray, comparison: Comparison, *, flip: bool) -> bytes:
    """The picture as a PNG file of 1600 x 900 px.

    Args:
        a, b: float [N, 2] and [M, 2], yaw and pitch in degrees.
        comparison: of the two.
        flip: as it was made.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor=BACKGROUND)
    reach = _reach(np.concatenate((a, b)))
    of_a, of_b, lacking = (figure.add_axes(place) for place in _CHARTS)
    top = max(_counts(a, reach).max(), _counts(b, reach).max(), 1)
    _prepare(of_a, f"A: {len(a):,} faces", reach)
    _fill(of_a, _counts(a, reach), top, WARM, reach)
    _prepare(of_b, f"B: {len(b):,} faces", reach)
    _fill(of_b, _counts(b, reach), top, COLD, reach)
    if flip:
        _outline(of_b, (_counts(mirrored(b), reach) > 0) & (_counts(b, reach) == 0), reach)
    _prepare(lacking, "What A shows and B lacks", reach, with_heads=True)
    _show_lacking(lacking, _counts(a, reach), _counts(a[comparison.lacking], reach), reach)
    _write(figure, comparison, flip=flip)
    return png(figure)


def _reach(angles: np.ndarray) -> Reach:
    """Degrees of yaw and pitch that the charts show either way: whole cells, the odd outlier left out."""
    if not len(angles):
        return _LEAST_REACH
    wanted = np.ceil(np.quantile(np.abs(angles), 0.999, axis=0) / 15) * 15
    yaw, pitch = np.clip(wanted, _LEAST_REACH, _MOST_REACH).astype(int).tolist()
    return yaw, pitch


def _counts(angles: np.ndarray, reach: Reach) -> np.ndarray:
    """Faces per cell, int [pitch cells, yaw cells], from the lowest and leftmost; what is beyond stands at the rim."""
    cells = []
    for values, most in zip(angles.T, reach, strict=True):
        half = most // _CELL
        # The middle of the middle cell is straight ahead.
        cells.append(np.clip(np.rint(values / _CELL).astype(int), -half, half) + half)
    counts = np.zeros((2 * (reach[1] // _CELL) + 1, 2 * (reach[0] // _CELL) + 1), int)
    np.add.at(counts, (cells[1], cells[0]), 1)
    return counts


def _prepare(axes: Axes, title: str, reach: Reach, *, with_heads: bool = False) -> None:
    dress(axes, labels=9)
    across, along = (_ticks(most) for most in reach)
    axes.set_xlim(-reach[0] - _CELL / 2, reach[0] + _CELL / 2)
    axes.set_ylim(-reach[1] - _CELL / 2, reach[1] + _CELL / 2)
    axes.set_title(title, color=TEXT, fontsize=15, loc="left", pad=10)
    axes.set_xticks(across, [f"{abs(v)}°" for v in across])
    axes.set_yticks(along, [f"{abs(v)}°" for v in along])
    words = (("up", 0.507, 0.94, "left", "top"), ("down", 0.507, 0.06, "left", "bottom"),
             ("left", 0.02, 0.51, "left", "bottom"), ("right", 0.98, 0.51, "right", "bottom"))
    for text, x, y, across_, along_ in words:
        axes.text(x, y, text, transform=axes.transAxes, color=FAINT, fontsize=10, ha=across_, va=along_, zorder=0.5)
    if with_heads:
        for value in across:
            _add_head(axes, (value, 0), (value, 0), ("data", "axes fraction"), (0, -34))
        for value in along:
            _add_head(axes, (0, value), (0, value), ("axes fraction", "data"), (-46, 0))


def _ticks(most: int) -> list[int]:
    step = 15 if most <= 60 else 30
    return list(range(-(most // step) * step, most + 1, step))


def _fill(axes: Axes, counts: np.ndarray, top: int, color: str, reach: Reach) -> None:
    """Cells, the fuller the brighter, on a logarithmic scale."""
    from matplotlib.colors import to_rgb

    for x, y, count in _cells(counts, reach):
        strength = 0.25 + 0.75 * np.log1p(count) / np.log1p(top)
        shade = np.array(to_rgb(PLOT)) * (1 - strength) + np.array(to_rgb(color)) * strength
        _square(axes, x, y, facecolor=shade)


def _outline(axes: Axes, which: np.ndarray, reach: Reach) -> None:
    for x, y, _ in _cells(which.astype(int), reach):
        _square(axes, x, y, facecolor="none", edgecolor=COLD, linewidth=0.9, alpha=0.55)


def _show_lacking(axes: Axes, counts: np.ndarray, lacking: np.ndarray, reach: Reach) -> None:
    for x, y, _ in _cells(counts, reach):
        _square(axes, x, y, facecolor=_DIM, alpha=0.5)
    for x, y, count in _cells(lacking, reach):
        _square(axes, x, y, facecolor=RED)
        axes.text(x, y, f"{count}" if count < 1000 else f"{count // 1000}k", color="white", fontsize=9, ha="center",
                  va="center_baseline", clip_on=True)


def _cells(counts: np.ndarray, reach: Reach) -> Sequence[tuple[int, int, int]]:
    """(yaw, pitch, count) of the cells that hold any."""
    rows, columns = np.nonzero(counts)
    half_yaw, half_pitch = reach[0] // _CELL, reach[1] // _CELL
    return [(int(c - half_yaw) * _CELL, int(r - half_pitch) * _CELL, int(counts[r, c]))
            for r, c in zip(rows, columns, strict=True)]


def _square(axes: Axes, x: float, y: float, **style: Any) -> None:
    from matplotlib.patches import FancyBboxPatch

    side = _CELL - 1.4
    axes.add_patch(FancyBboxPatch((x - side / 2, y - side / 2), side, side, boxstyle="round,pad=0.2,rounding_size=0.7",
                                  mutation_aspect=1, **({"edgecolor": "none"} | style)))


def _write(figure: Any, comparison: Comparison, *, flip: bool) -> None:
    """Heading, the directions that B lacks in words, and how to read the charts."""
    sentence = comparison.sentence.partition(" (")[0]
    figure.text(0.035, 0.932, sentence or "B looks wherever A does", color=RED if sentence else TEXT, fontsize=21)
    lines = [str(gap) for gap in comparison.gaps[:_MOST_LINES]]
    if len(comparison.gaps) > _MOST_LINES:
        lines[-1] = f"and {len(comparison.gaps) - _MOST_LINES + 1} directions more"
    for number, line in enumerate(lines):
        column, row = divmod(number, 3)
        figure.text(0.405 + 0.295 * column, 0.195 - 0.045 * row, line[0].upper() + line[1:], color=TEXT, fontsize=12)
    notes = ["Left and right are the picture's. Brighter: more faces."]
    notes += ["Outlined: B in the mirror only, as with flip."] if flip else []
    notes += ["Red: how many faces of A look where B hardly ever does."] if comparison.gaps else []
    figure.text(0.035, 0.03, "   ".join(notes), color=FAINT, fontsize=11)


def _add_head(axes: Axes, place: tuple[float, float], turn: tuple[float, float], frame: tuple[str, str],
              offset: tuple[float, float]) -> None:
    """A little head that looks in a direction, beside an axis."""
    from matplotlib.offsetbox import AnnotationBbox, DrawingArea

    area = DrawingArea(_HEAD, _HEAD, 0, 0)
    for patch in _head(*turn):
        area.add_artist(patch)
    box = AnnotationBbox(area, place, xybox=offset, xycoords=frame, boxcoords="offset points", frameon=False, pad=0,
                         annotation_clip=False)
    axes.add_artist(box)


def _head(yaw: float, pitch: float) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Ellipse

    # On a head of radius 1 that looks at the camera, x to the right, y up, z to the camera.
    eyes = np.array([(-0.36, 0.2, 0.85), (0.36, 0.2, 0.85)])
    nose = np.array([(0, 0.2, 0.95), (0.1, -0.18, 1.2), (-0.06, -0.18, 1.0)])
    mouth = np.array([(-0.28, -0.52, 0.78), (0, -0.58, 0.86), (0.28, -0.52, 0.78)])
    y, p = np.radians((yaw, pitch))
    turned = (np.array([(np.cos(y), 0, np.sin(y)), (0, 1, 0), (-np.sin(y), 0, np.cos(y))])
              @ np.array([(1, 0, 0), (0, np.cos(p), np.sin(p)), (0, -np.sin(p), np.cos(p))]))
    radius = _HEAD / 2

    def seen(points: np.ndarray) -> np.ndarray:
        return (points @ turned.T)[:, :2] * (0.74 * radius, 0.86 * radius) + radius

    parts: list[Any] = [Ellipse((radius, radius), 1.56 * radius, 1.96 * radius, facecolor="none", edgecolor=FAINT,
                                linewidth=1.1)]
    parts += [Line2D(*seen(points).T, color=FAINT, linewidth=1.1) for points in (nose, mouth)]
    depth = eyes @ turned.T
    parts += [Ellipse(tuple(place), 2.6, 2.6, color=FAINT) for place, (_, _, z) in zip(seen(eyes), depth, strict=True)
              if z > 0.25]
    return parts
