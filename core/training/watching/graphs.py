"""Graphs of a training's history as pictures, in Blender's dark colours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from ...charts import BACKGROUND, COLD, FAINT, GREEN, GRID, PLOT, TEXT, WARM, dress
from . import series
from .history import SECONDS, History

TOTAL = "loss"  # what all parts of a side's loss together are called
SIDES = ("a", "b")
# A's are warm, B's cold; further outputs of a side are further shades.
_SHADES = {"a": (WARM, "#e0604f", "#f2d15c", "#d98bc9", "#b98a5a", "#ffc9a3"),
           "b": (COLD, "#4fd1c0", "#8fd14f", "#8f8cf2", "#5f87a8", "#b5e3ff"), "": (GREEN,)}
_DPI = 100
_MARGIN, _LINE = 18, 18  # pixels: around the graph, and between two labels
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


class _Kind(NamedTuple):
    """A line that a curve can be drawn by: its name, how its figures are found, how pale it is, its style."""

    name: str
    of: Callable[[np.ndarray], np.ndarray]
    pale: float
    style: dict[str, Any]


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
            label = side.upper() if outputs == [TOTAL] else f"{_worded(output)} {side.upper()}"
            yield f"{output}_{side}", label, _SHADES[side][number % len(_SHADES[side])]


def _worded(output: str) -> str:
    """ "face_64" and "face64" as "Face 64 px"."""
    return re.sub(r"[ _]?(\d+)$", r" \1 px", output).replace("_", " ").capitalize()


def draw(found: Sequence[Curve], sessions: Sequence[History], graph: Graph) -> np.ndarray:
    """The picture, uint8 [H, W, 3] RGB."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    # What is not above 0 has no logarithm.
    graph = replace(graph, logarithmic=graph.logarithmic and all((curve.values > 0).all() for curve in found))
    width, height = graph.size
    layout = ConstrainedLayoutEngine(w_pad=_MARGIN / _DPI, h_pad=_MARGIN / _DPI)
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, layout=layout, facecolor=BACKGROUND)
    axes = figure.add_subplot()
    _dress(axes, found, graph)
    seen = [values for curve in found for values in _plot(axes, curve, graph)]
    _limit(axes, found, seen, graph)
    _tell_levels(axes, found, graph)
    _mark_sessions(axes, sessions, found[0].iterations)
    _explain(axes, found, graph)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _dress(axes: Any, found: Sequence[Curve], graph: Graph) -> None:
    """Colours, grid, title and axes."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    dress(axes, labels=11)
    if graph.logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.grid(color=GRID, linewidth=0.5, which="minor")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=(1, 2, 2.5, 5, 10), integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("Iterations", color=FAINT, fontsize=12, labelpad=8)
    first, last = found[0].iterations[[0, -1]]
    axes.set_title("EG/s" if graph.of == "rate" else "Loss", loc="left", color=TEXT, fontsize=16, pad=14)
    told = [f"Iterations {first:,} to {last:,}", *(kind.name for kind in _kinds(graph) if kind.name)]
    told += ["outliers flattened"] if graph.flatten else []
    axes.set_title(" · ".join(told), loc="right", color=FAINT, fontsize=11, pad=14)


def _kinds(graph: Graph) -> list[_Kind]:
    """The lines of each curve, those drawn last on top."""
    strong = [
        _Kind(f"smoothed {graph.smoothing:g}", lambda values: series.smooth(values, graph.smoothing), 0.0,
              {"linewidth": 2.0}),
        _Kind(f"mean of {graph.window}", lambda values: series.rolling(values, graph.window), 0.45,
              {"linewidth": 1.6, "linestyle": (0, (6, 2))}),
        _Kind("trend", series.trend, 0.65, {"linewidth": 1.6, "linestyle": (0, (1.5, 1.5))}),
    ]
    kept = [kind for kind, is_drawn in zip(strong, (graph.smoothed, graph.rolling, graph.trend), strict=True)
            if is_drawn]
    if graph.raw or not kept:
        kept.insert(0, _Kind("", np.asarray, 0.0, {"alpha": 0.3 if kept else 0.9, "linewidth": 0.8}))
    return kept


def _plot(axes: Any, curve: Curve, graph: Graph) -> Iterator[np.ndarray]:
    """Draw a curve's lines; yields their figures."""
    for kind in _kinds(graph):
        shown = curve.shown(kind.of(curve.values))
        axes.plot(*series.thinned(curve.iterations, shown, graph.size[0]), color=_paled(curve.color, kind.pale),
                  solid_joinstyle="round", **kind.style)
        yield shown


def _paled(color: str, share: float) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    red, green, blue = (share + (1 - share) * part for part in to_rgb(color))
    return red, green, blue


def _tell_levels(axes: Any, found: Sequence[Curve], graph: Graph) -> None:
    """What each curve came to, by its smoothest line, beside its end; labels that would meet are pushed apart."""
    kinds = sorted(_kinds(graph), key=lambda kind: not kind.name)
    levels = [next((float(last) for kind in kinds if np.isfinite(last := curve.shown(kind.of(curve.values))[-1])),
                   float(curve.shown(curve.values)[-1])) for curve in found]
    places = [float(axes.transData.transform((0, level))[1]) for level in levels]
    free = -np.inf
    for index in np.argsort(places):
        free = max(places[index], free + _LINE)
        axes.annotate(_figure(levels[index]), (1, levels[index]), (8, free - places[index]),
                      xycoords=("axes fraction", "data"), textcoords="offset pixels", va="center",
                      color=found[index].color, fontsize=11, annotation_clip=False)


def _explain(axes: Any, found: Sequence[Curve], graph: Graph) -> None:
    """The legend: a colour for each curve and, where a curve has several lines, what each kind is."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=curve.color, linewidth=3, label=curve.label) for curve in found]
    handles = handles if len(found) > 1 else []
    kinds = [kind for kind in _kinds(graph) if kind.name]
    if len(kinds) > 1:
        color = found[0].color if len(found) == 1 else "#808080"
        handles += [Line2D([], [], color=_paled(color, kind.pale), label=kind.name.capitalize(), **kind.style)
                    for kind in kinds]
    if handles:
        axes.legend(handles=handles, loc="upper right", facecolor=PLOT, edgecolor=GRID, labelcolor=TEXT, fontsize=11,
                    handlelength=2.4)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _limit(axes: Any, found: Sequence[Curve], seen: Sequence[np.ndarray], graph: Graph) -> None:
    """Keep the axes to where the figures are: a few outliers, such as the first iterations, do not flatten the rest."""
    axes.set_xlim(*found[0].iterations[[0, -1]])
    shares = (0.02, 0.995) if graph.of == "rate" else (0.002, 0.985)
    known = [values[np.isfinite(values)] for values in seen]
    bounds = [np.quantile(values, shares if len(values) > 500 else (0, 1)) for values in known if len(values)]
    low, high = np.min(bounds, axis=0)[0], np.max(bounds, axis=0)[1]
    if graph.logarithmic and high > low:
        axes.set_ylim(low / (high / low) ** 0.05, high * (high / low) ** 0.05)
    elif high > low:
        margin = 0.06 * (high - low)
        axes.set_ylim(max(low - margin, 0.0) if low >= 0 else low - margin, high + margin)


def _mark_sessions(axes: Any, sessions: Sequence[History], iterations: np.ndarray) -> None:
    """Where each session but the first began."""
    begun = [s for s in sessions if iterations[0] < s.first < iterations[-1]]
    for session in begun:
        axes.axvline(session.first, color=FAINT, linewidth=0.8, alpha=0.6, linestyle=(0, (2, 3)))
        if len(begun) <= _MOST_SESSIONS:
            axes.annotate(f"Session {session.session}", (session.first, 1), (4, -6), xycoords=("data", "axes fraction"),
                          textcoords="offset points", va="top", color=FAINT, fontsize=9)
