"""Graphs of a training's history as pictures, in Blender's dark colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from . import series
from .history import SECONDS, History

TOTAL = "loss"  # what all parts of a side's loss together are called
SIDES = ("a", "b")
_BACKGROUND, _PLOT, _GRID, _TEXT, _FAINT = "#303030", "#232323", "#3a3a3a", "#e6e6e6", "#9a9a9a"
# A's are warm, B's cold; further outputs of a side are further shades.
_SHADES = {"a": ("#f5a142", "#e0604f", "#f2d15c", "#c98bdb"), "b": ("#56a8f5", "#4fd1c0", "#8fd14f", "#8f8cf2"),
           "": ("#8fd14f",)}
_DPI = 100
_MOST_SESSIONS = 12  # whose beginnings are marked by name


@dataclass(frozen=True)
class Graph:
    """What a graph shows.

    Attributes:
        of: the losses, or the rate in EG/s.
        outputs: which losses; (): all of a side together; ("all",): every one.
        sides: whose.
        sessions: their numbers; (): all.
        first, last: the range of iterations, counted from 1 in all; 0: from the beginning, to the end.
        recent: only so many iterations of what is left; 0: all.
        raw, smoothed, rolling, trend: which lines are drawn.
        smoothing: weight of what came before, 0.001 to 0.999.
        window: iterations of the rolling mean.
        flatten: replace outliers by the mean.
        logarithmic: the scale of the losses.
        size: width and height in pixels.
    """

    of: Literal["loss", "rate"] = "loss"
    outputs: tuple[str, ...] = ()
    sides: tuple[str, ...] = SIDES
    sessions: tuple[int, ...] = ()
    first: int = 0
    last: int = 0
    recent: int = 0
    raw: bool = True
    smoothed: bool = True
    rolling: bool = False
    trend: bool = False
    smoothing: float = 0.9
    window: int = series.ROLLING
    flatten: bool = False
    logarithmic: bool = False
    size: tuple[int, int] = (1600, 900)


@dataclass(frozen=True, eq=False)
class Curve:
    """One line's figures.

    Attributes:
        name: of the column; "rate" for EG/s.
        label: for a legend.
        color: as matplotlib takes it.
        iterations: int64 [N], ascending.
        values: float64 [N]; of the rate: seconds per face, whose means are right where a mean of rates is not.
    """

    name: str
    label: str
    color: str
    iterations: np.ndarray
    values: np.ndarray

    def shown(self, values: np.ndarray) -> np.ndarray:
        """Figures derived from `values` as the axis has them."""
        return 1 / np.maximum(values, 1e-12) if self.name == "rate" else values


def loss_graph(sessions: Sequence[History], graph: Graph = Graph(size=(1200, 675))) -> np.ndarray | None:
    """The graph that a training draws of itself; None while there is too little to draw."""
    found = curves(sessions, graph)
    return draw(found, sessions, graph) if found else None


def outputs_of(sessions: Sequence[History]) -> list[str]:
    """The names of the losses without their sides, the total first."""
    names = dict.fromkeys(name.rpartition("_")[0] for session in sessions for name in session.losses)
    return sorted(names, key=lambda name: name != TOTAL)


def curves(sessions: Sequence[History], graph: Graph) -> list[Curve]:
    """The curves that the graph shows; [] where fewer than two iterations are in its range."""
    chosen = [session for session in sessions if not graph.sessions or session.session in graph.sessions]
    if not chosen:
        return []
    iterations = np.concatenate([np.arange(s.first + 1, s.last + 1) for s in chosen])
    order = np.argsort(iterations, kind="stable")
    iterations = iterations[order]
    kept = np.flatnonzero((iterations >= graph.first) & (iterations <= (graph.last or np.inf)))
    kept = kept[-graph.recent:] if graph.recent else kept
    if len(kept) < 2:
        return []
    found = []
    for name, label, color in _wanted(chosen, graph):
        values = np.concatenate([_values(session, name) for session in chosen])[order][kept]
        if np.isfinite(values).any():
            values = series.without_outliers(values) if graph.flatten else series.filled(values)
            found.append(Curve(name, label, color, iterations[kept], values))
    return found


def _values(session: History, name: str) -> np.ndarray:
    if name == "rate":
        return session.column(SECONDS).astype(np.float64) / (2 * session.batch_size)
    return session.column(name).astype(np.float64)


def _wanted(sessions: Sequence[History], graph: Graph) -> Iterator[tuple[str, str, str]]:
    """Name, label and colour of each curve."""
    if graph.of == "rate":
        yield "rate", "EG/s", _SHADES[""][0]
        return
    known = outputs_of(sessions)
    outputs = known if graph.outputs == ("all",) else list(graph.outputs) or [TOTAL]
    for number, output in enumerate(outputs):
        for side in graph.sides:
            label = side.upper() if outputs == [TOTAL] else f"{output.replace('_', ' ').capitalize()} {side.upper()}"
            yield f"{output}_{side}", label, _SHADES[side][number % len(_SHADES[side])]


def draw(found: Sequence[Curve], sessions: Sequence[History], graph: Graph) -> np.ndarray:
    """The picture, uint8 [H, W, 3] RGB."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = graph.size
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, layout="constrained", facecolor=_BACKGROUND)
    axes = figure.add_subplot()
    _dress(axes, found, graph)
    seen = [values for curve in found for values in _plot(axes, curve, graph)]
    _limit(axes, found, seen, graph)
    _mark_sessions(axes, sessions, found[0].iterations)
    if len(found) > 1:
        axes.legend(loc="upper right", frameon=True, facecolor=_PLOT, edgecolor=_GRID, labelcolor=_TEXT, fontsize=11)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _dress(axes: Any, found: Sequence[Curve], graph: Graph) -> None:
    """Colours, grid, title and axes."""
    from matplotlib.ticker import StrMethodFormatter

    axes.set_facecolor(_PLOT)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_FAINT, labelsize=11, length=0, pad=6)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if graph.logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.grid(color=_GRID, linewidth=0.5, which="minor")
        axes.tick_params(colors=_FAINT, labelsize=11, length=0, pad=6, which="minor")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("Iterations", color=_FAINT, fontsize=12, labelpad=8)
    first, last = found[0].iterations[[0, -1]]
    axes.set_title("EG/s" if graph.of == "rate" else "Loss", loc="left", color=_TEXT, fontsize=16, pad=14)
    axes.set_title(f"Iterations {first:,} to {last:,}{_drawn(graph)}", loc="right", color=_FAINT, fontsize=11, pad=14)


def _drawn(graph: Graph) -> str:
    told = ((graph.smoothed, f"smoothed {graph.smoothing:g}"), (graph.rolling, f"mean of {graph.window}"),
            (graph.trend, "trend"), (graph.flatten, "outliers flattened"))
    return "".join(f" · {text}" for is_drawn, text in told if is_drawn)


def _plot(axes: Any, curve: Curve, graph: Graph) -> Iterator[np.ndarray]:
    """Draw a curve's lines; yields the figures that should be in sight."""
    columns = graph.size[0]
    lines: list[tuple[np.ndarray, dict[str, Any]]] = []
    strong = graph.smoothed or graph.rolling or graph.trend
    if graph.raw or not strong:
        lines.append((curve.values, {"alpha": 0.3 if strong else 0.9, "linewidth": 0.8}))
    if graph.smoothed:
        lines.append((series.smooth(curve.values, graph.smoothing), {"linewidth": 2.0}))
    if graph.rolling:
        lines.append((series.rolling(curve.values, graph.window), {"linewidth": 1.6, "linestyle": (0, (6, 2))}))
    if graph.trend:
        lines.append((series.trend(curve.values), {"linewidth": 1.6, "linestyle": (0, (1.5, 1.5))}))
    for number, (values, style) in enumerate(lines):
        shown = curve.shown(values)
        label = curve.label if number == len(lines) - 1 else None
        axes.plot(*series.thinned(curve.iterations, shown, columns), color=curve.color, label=label,
                  solid_joinstyle="round", **style)
        yield shown
    level = series.smooth(curve.values, graph.smoothing)[-1:]
    axes.annotate(_figure(float(curve.shown(level)[0])), (curve.iterations[-1], curve.shown(level)[0]), (8, 0),
                  textcoords="offset points", va="center", color=curve.color, fontsize=11, annotation_clip=False)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _limit(axes: Any, found: Sequence[Curve], seen: Sequence[np.ndarray], graph: Graph) -> None:
    """Keep the axes to where the figures are: a few outliers, such as the first iterations, do not flatten the rest."""
    first, last = found[0].iterations[[0, -1]]
    axes.set_xlim(first, last)
    axes.margins(x=0)
    bounds = []
    for values in seen:
        known = values[np.isfinite(values)]
        if len(known):
            shares = (0.002, 0.995) if len(known) > 500 else (0.0, 1.0)
            bounds.append(np.quantile(known, shares))
    low, high = np.min(bounds, axis=0)[0], np.max(bounds, axis=0)[1]
    if graph.logarithmic and low > 0:
        axes.set_ylim(low / (high / low) ** 0.05, high * (high / low) ** 0.05)
    elif high > low:
        margin = 0.06 * (high - low)
        axes.set_ylim(max(low - margin, 0.0) if low >= 0 else low - margin, high + margin)


def _mark_sessions(axes: Any, sessions: Sequence[History], iterations: np.ndarray) -> None:
    """Where each session but the first began."""
    begun = [s for s in sessions if iterations[0] < s.first < iterations[-1]]
    for session in begun:
        axes.axvline(session.first, color=_FAINT, linewidth=0.8, alpha=0.6, linestyle=(0, (2, 3)))
        if len(begun) <= _MOST_SESSIONS:
            axes.annotate(f"Session {session.session}", (session.first, 1), (4, -6), xycoords=("data", "axes fraction"),
                          textcoords="offset points", va="top", color=_FAINT, fontsize=9)
