"""Options of the tasks `models graph` and `models sessions`, which look back on a training (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option
from .models import model_dir_option


@dataclass(frozen=True)
class GraphOptions:
    """Draw how the losses or the speed of a training went, from its every iteration.

    Works while the model trains and at any time after.
    """

    model_dir: str = model_dir_option("Folder of the model")
    of: str = option("loss", label="Graph Of", help="What is drawn: the losses, or the speed in EG/s (faces of both "
                     "sides per second)", choices=("loss", "rate"), group="What")
    outputs: tuple[str, ...] = option((), label="Losses", help="Which losses: loss is a side's in all, others are what "
                                      "it adds up from, such as face and mask, of the trainers that have more than one "
                                      "output; all: every one; empty: loss", group="What")
    side: str = option("both", label="Side", help="Whose losses", choices=("both", "a", "b"), group="What")
    sessions: str = option("", label="Sessions", help="Numbers of sessions, such as 2 or 1-3,5; empty: all",
                           group="Range")
    first: int = option(0, label="First Iteration", help="Where the graph begins; 0: at the first", min=0,
                        group="Range")
    last: int = option(0, label="Last Iteration", help="Where the graph ends; 0: at the latest", min=0, group="Range")
    recent: int = option(0, label="Latest Only", help="Only so many iterations of these, the latest, which shows "
                         "whether a loss still falls; 0: all", min=0, group="Range")
    raw: bool = option(True, label="Raw", help="Draw every iteration, faintly", group="Lines")
    smoothed: bool = option(True, label="Smoothed", help="Draw an exponentially smoothed line", group="Lines")
    smoothing: float = option(0.9, label="Smoothing", help="How much each point of that line owes to those before it",
                              min=0.001, max=0.999, group="Lines")
    rolling: bool = option(False, label="Rolling Mean", help="Draw the mean of the iterations before each point, where "
                           "there are more than twice as many in all", group="Lines")
    window: int = option(500, label="Rolling Window", help="How many iterations that mean is taken of", min=2,
                         max=100_000, group="Lines", advanced=True)
    trend: bool = option(False, label="Trend", help="Draw the cubic polynomial that fits best", group="Lines")
    flatten: bool = option(False, label="Flatten Outliers", help="Draw what lies a standard deviation or more from the "
                           "mean as the mean", group="Lines", advanced=True)
    logarithmic: bool = option(False, label="Logarithmic", help="Draw losses on a logarithmic scale", group="Picture",
                               advanced=True)
    width: int = option(1600, label="Width", help="Width of the picture", min=400, max=8192, unit="px",
                        group="Picture", advanced=True)
    height: int = option(900, label="Height", help="Height of the picture", min=300, max=8192, unit="px",
                         group="Picture", advanced=True)
    output: str = option("", label="Picture", help="PNG file to draw into; empty: graph.png in the model folder",
                         kind="file", group="Picture", advanced=True)
    csv: str = option("", label="CSV", help="File for the figures of every drawn iteration as well; empty: none",
                      kind="file", group="Picture", advanced=True)


@dataclass(frozen=True)
class SessionsOptions:
    """List the sessions of a training: start, end, elapsed time, batch size, iterations and EG/s."""

    model_dir: str = model_dir_option("Folder of the model")
    csv: str = option("", label="CSV", help="File for the table as comma-separated values; empty: none", kind="file")
    output: str = option("", label="Picture", help="PNG file to draw the table into; empty: sessions.png in the model "
                         "folder", kind="file", advanced=True)
