"""The picture of a report: each measure over the frames, the worst ones marked, in Blender's dark colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np

from .measures import MEASURES, Measured

_BACKGROUND, _PLOT, _GRID, _TEXT, _FAINT = "#303030", "#232323", "#3a3a3a", "#e6e6e6", "#9a9a9a"
_LINE, _MARK = "#56a8f5", "#f04f46"
_SIZE, _DPI = (16.0, 9.0), 100  # inches
_MARKED = 5  # worst frames of each measure
_TITLES = {"identity": "Likeness: distance from B's faces (one person's below 0.6)",
           "flicker": "Flicker: jump of colour against the frames around (2.3 is just noticeable)",
           "misalignment": "Fit: landmarks found again, away from their place (share of the distance of the eyes)"}


def draw(measured: Sequence[Measured], worst: Mapping[str, Sequence[int]]) -> bytes:
    """The picture as a PNG file of 1600 x 900 px: for each frame the worst of its faces."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor=_BACKGROUND, layout="constrained")
    for place, measure in enumerate(MEASURES):
        axes = figure.add_subplot(len(MEASURES), 1, place + 1)
        axes.set_facecolor(_PLOT)
        axes.set_title(_TITLES[measure], color=_TEXT, fontsize=13, loc="left")
        axes.tick_params(colors=_FAINT, labelsize=9, length=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color=_GRID, linewidth=0.8)
        for spine in axes.spines.values():
            spine.set_visible(False)
        frames, values = _by_frame(measured, measure)
        if not len(frames):
            axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, color=_FAINT, fontsize=12, ha="center")
            continue
        axes.plot(*_with_gaps(frames, values), color=_LINE, linewidth=1.2, marker="." if len(frames) < 60 else "")
        axes.set_ylim(0.0, float(values.max()) * 1.18 or 1.0)
        marked = list(worst.get(measure, ())[:_MARKED])
        heights = values[np.searchsorted(frames, marked)]
        axes.scatter(marked, heights, s=36, facecolors="none", edgecolors=_MARK, linewidths=1.4, zorder=3)
        for frame, height in zip(marked, heights, strict=True):
            axes.annotate(str(frame), (frame, float(height)), (0, 6), textcoords="offset points", color=_TEXT,
                          fontsize=9, ha="center")
    figure.axes[-1].set_xlabel("frame", color=_FAINT, fontsize=10)
    file = BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()


def _by_frame(measured: Sequence[Measured], measure: str) -> tuple[np.ndarray, np.ndarray]:
    """Frames with a figure, ascending, and the worst figure of each."""
    worst: dict[int, float] = {}
    for one in measured:
        value = getattr(one, measure)
        if value is not None:
            worst[one.frame] = max(value, worst.get(one.frame, 0.0))
    frames = sorted(worst)
    return np.array(frames, int), np.array([worst[frame] for frame in frames])


def _with_gaps(frames: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same with a break wherever frames are missing, so that no line is drawn across."""
    breaks = np.flatnonzero(np.diff(frames) > 1) + 1
    return np.insert(frames.astype(float), breaks, np.nan), np.insert(values, breaks, np.nan)
