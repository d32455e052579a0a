"""The picture of a report: each measure over the frames, the worst ones marked, in Blender's dark colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..charts import BACKGROUND, COLD, FAINT, RED, TEXT, dress, png
from .measures import MEASURES, Measured

_SIZE, _DPI = (16.0, 9.0), 100  # inches
_MARKED = 5  # worst frames of each measure
_TITLES = {"identity": "Likeness: distance from B's faces (one person's below 0.6)",
           "flicker": "Flicker: jump of colour against the frames around (2.3 is just noticeable)",
           "misalignment": "Fit: landmarks found again, away from their place (share of the distance of the eyes)"}


def draw(measured: Sequence[Measured], worst: Mapping[str, Sequence[int]]) -> bytes:
    """The picture as a PNG file of 1600 x 900 px: for each frame the worst of its faces."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor=BACKGROUND, layout="constrained")
    for place, measure in enumerate(MEASURES):
        axes = figure.add_subplot(len(MEASURES), 1, place + 1)
        dress(axes, labels=9)
        axes.set_title(_TITLES[measure], color=TEXT, fontsize=13, loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        frames, values = _by_frame(measured, measure)
        if not len(frames):
            axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, color=FAINT, fontsize=12, ha="center")
            continue
        axes.plot(*_with_gaps(frames, values), color=COLD, linewidth=1.2, marker="." if len(frames) < 60 else "")
        axes.set_ylim(0.0, float(values.max()) * 1.18 or 1.0)
        marked = list(worst.get(measure, ())[:_MARKED])
        heights = values[np.searchsorted(frames, marked)]
        axes.scatter(marked, heights, s=36, facecolors="none", edgecolors=RED, linewidths=1.4, zorder=3)
        for frame, height in zip(marked, heights, strict=True):
            axes.annotate(str(frame), (frame, float(height)), (0, 6), textcoords="offset points", color=TEXT,
                          fontsize=9, ha="center")
    figure.axes[-1].set_xlabel("frame", color=FAINT, fontsize=10)
    return png(figure)


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
