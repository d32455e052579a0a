"""Whether a training's loss has flattened: a hint, no verdict (stdlib + numpy; both sides).

The rule: of the latest fifth of all iterations (2,000 at least, 50,000 at most), the sum of both sides' losses is
averaged in twenty blocks, and a straight line is laid through the averages by least squares. The loss counts as flat
where the line's fall over the stretch, plus twice its standard error (that of a regression's slope, N. R. Draper and
H. Smith, "Applied Regression Analysis", ch. 1), is below three per cent of the mean: then it is fairly sure that it has
fallen by less than that. A loss that rises is flat as well. Before 2,000 iterations nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .history import History, read

LEAST, MOST, SHARE, BLOCKS = 2_000, 50_000, 0.2, 20
FALL = 0.03  # part of the loss below which a fall is none
PREVIEW_DECIDES = ("The preview decides: a loss can stand still while faces still gain detail, and fall while they no "
                   "longer do")


@dataclass(frozen=True)
class Trend:
    """What the latest losses did.

    Attributes:
        iterations: over how many.
        fall: part of the mean by which the loss fell, by the line; below 0: it rose.
        error: standard error of `fall`.
    """

    iterations: int
    fall: float
    error: float

    @property
    def is_flat(self) -> bool:
        return self.fall + 2 * self.error < FALL

    @property
    def sentence(self) -> str:
        """For a person; "" where the loss is not flat."""
        if not self.is_flat:
            return ""
        count = f"{self.iterations:,}"
        what = (f"Over the last {count} iterations the loss fell by {self.fall:.1%}" if self.fall > 5e-4 else
                f"Over the last {count} iterations the loss rose by {-self.fall:.1%}" if self.fall < -5e-4 else
                f"Over the last {count} iterations the loss did not fall")
        return f"{what}. {PREVIEW_DECIDES}"


def trend(losses: np.ndarray) -> Trend | None:
    """The trend at the end of a training.

    Args:
        losses: float [N], of every iteration; NaN where one is not known.

    Returns:
        None where there are too few to say anything.
    """
    window = int(min(MOST, max(LEAST, SHARE * len(losses))))
    if len(losses) < window:
        return None
    blocks = np.array_split(np.asarray(losses[-window:], np.float64), BLOCKS)
    if any(np.isfinite(block).sum() < len(block) / 2 for block in blocks):
        return None
    means = np.array([np.nanmean(block) for block in blocks])
    if not means.mean() > 0:
        return None
    at = (np.arange(BLOCKS) + 0.5) / BLOCKS
    slope, start = np.polyfit(at, means, 1)
    rest = means - (slope * at + start)
    error = np.sqrt((rest**2).sum() / (BLOCKS - 2) / ((at - at.mean())**2).sum())
    return Trend(window, float(-slope / means.mean()), float(error / means.mean()))


def trend_of(model_dir: Path, iterations: int) -> Trend | None:
    """The trend of a model's history; reads no more of it than the rule looks at.

    Args:
        iterations: of the model, about.

    Raises:
        ModelError: the history is damaged.
    """
    return trend(total_losses(read(model_dir, int(min(MOST, max(LEAST, SHARE * iterations)))), iterations))


def total_losses(sessions: Sequence[History], iterations: int) -> np.ndarray:
    """Loss A + loss B of the sessions' iterations, one after the other, as long as the training was.

    What comes before the sessions' ends, which were all that was read, is NaN.
    """
    known = [session.column("loss_a") + session.column("loss_b") for session in sessions]
    latest = np.concatenate(known) if known else np.zeros(0, np.float32)
    return np.concatenate([np.full(max(0, iterations - len(latest)), np.nan, np.float32), latest])
