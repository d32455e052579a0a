"""Options of how weights are changed (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option


@dataclass(frozen=True)
class OptimizerOptions:
    """How weights are changed."""

    learning_rate: float = option(0.0, label="Learning Rate", help="Step size of the optimiser; 0: the trainer's own",
                                  min=0.0, max=1e-2, group="Optimiser", advanced=True)
