"""The learning rate finder: train with ever larger rates for a while and see which serve (Smith 2017, "Cyclical
Learning Rates for Training Neural Networks", section 3.3).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..charts import BACKGROUND, COLD, FAINT, GRID, PLOT, TEXT, WARM, dress, png
from ..errors import ModelError, Stopped
from ..jobs.messages import Reporter
from .augmenting.batch import Batch
from .loop import Trainer

GRAPH_NAME = "lr_finder.png"
FIRST_RATE, LAST_RATE = 1e-10, 1e-1
# The rate of the lowest loss is on the edge of too high; training takes this part of it.
STRENGTHS = {"default": 1 / 10, "aggressive": 1 / 5, "extreme": 1 / 2.5}
LEAST_RATE = 1e-9  # what is found below it says that no rate lowered the loss
_SMOOTHING = 0.98
_GIVEN_UP = 4.0  # times the lowest loss


@dataclass(frozen=True)
class Trial:
    """What a finder saw.

    Attributes:
        rates: tried, rising.
        losses: of A and B added, smoothed, one for each.
        best: the rate of the lowest loss.
        found: the rate to train with.
    """

    rates: list[float]
    losses: list[float]
    best: float
    found: float


def find(trainer: Trainer, next_batch: Callable[[], Batch], iterations: int, strength: str,
         reporter: Reporter) -> Trial:
    """Try `iterations` rates from 1e-10 to 1e-1, one step each; the trainer is then as it was.

    The loss is smoothed exponentially (0.98, corrected for its start). The trial ends early when it is no number or
    more than four times the lowest.

    Args:
        trainer: of a new model.
        next_batch: gives one after the other.
        strength: one of `STRENGTHS`.

    Raises:
        ModelError: no rate lowered the loss.
        Stopped: the person asked to stop.
    """
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    average = [value.clone() for value in trainer.averages]
    rates: list[float] = []
    losses: list[float] = []
    smoothed = 0.0
    try:
        for step in range(iterations):
            if trainer.gradients.world.any(reporter.progress(step, iterations, "steps", "Finding the learning rate")):
                raise Stopped
            rate = FIRST_RATE * (LAST_RATE / FIRST_RATE) ** (step / (iterations - 1))
            made = trainer.compute(next_batch(), step)
            smoothed = _SMOOTHING * smoothed + (1 - _SMOOTHING) * (made.a + made.b)
            corrected = smoothed / (1 - _SMOOTHING ** (step + 1))
            if not math.isfinite(corrected) or (losses and corrected > _GIVEN_UP * min(losses)):
                break
            rates.append(rate)
            losses.append(corrected)
            trainer.update(step, rate)
        reporter.progress(iterations, iterations, "steps", "Finding the learning rate")
    finally:
        trainer.model.load_state_dict(before)
        for value, old in zip(trainer.averages, average, strict=True):
            value.copy_(old)
        trainer.start_optimizer()
    best = rates[losses.index(min(losses))] if losses else 0.0
    found = best * STRENGTHS[strength]
    if found < LEAST_RATE:
        raise ModelError("No learning rate lowered the loss", "Let the finder look longer or at larger batches, train "
                         "without it, or look whether the faces of both sides are what they should be")
    return Trial(rates, losses, best, found)


def graph(trial: Trial) -> bytes:
    """Loss over learning rate as a PNG file, the rate found marked."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.18, h_pad=0.18)  # inches
    figure = Figure(figsize=(12, 6.75), dpi=100, layout=layout, facecolor=BACKGROUND)
    axes = figure.add_subplot(xscale="log")
    dress(axes, labels=11)
    axes.plot(trial.rates, trial.losses, color=COLD, linewidth=2)
    axes.axvline(trial.found, color=WARM, linestyle="--", label=f"Found: {trial.found:.2g}")
    axes.axvline(trial.best, color=FAINT, linestyle=":", label=f"Lowest loss at {trial.best:.2g}")
    axes.set_title("Learning rate finder", loc="left", color=TEXT, fontsize=16, pad=14)
    axes.set_xlabel("Learning rate", color=FAINT, fontsize=12, labelpad=8)
    axes.set_ylabel("Loss (A and B, smoothed)", color=FAINT, fontsize=12, labelpad=8)
    axes.legend(facecolor=PLOT, edgecolor=GRID, labelcolor=TEXT, fontsize=11)
    return png(figure)
