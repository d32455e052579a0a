"""Options of what a training keeps, and when (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option


@dataclass(frozen=True)
class SavingOptions:
    """What is kept, and when."""

    save_interval: int = option(250, label="Save Interval", help="Iterations between saves", min=10, max=10_000,
                                group="Saving")
