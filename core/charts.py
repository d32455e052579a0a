"""What all charts share: Blender's own greys, so that they sit well in its Image Editor, and A warm beside B cold."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BACKGROUND, PLOT, GRID, TEXT, FAINT = "#303030", "#232323", "#3a3a3a", "#e6e6e6", "#9a9a9a"
WARM, COLD, RED, GREEN = "#f5a142", "#56a8f5", "#f04f46", "#8fd14f"


def dress(axes: Axes, labels: float) -> None:
    """A dark ground with a faint grid behind what is drawn, no frame, no ticks.

    Args:
        labels: size of the figures beside the axes, in points.
    """
    axes.set_facecolor(PLOT)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelsize=labels, length=0, pad=6, which="both")
    for spine in axes.spines.values():
        spine.set_visible(False)


def png(figure: Figure) -> bytes:
    """The chart as a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    file = BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()
