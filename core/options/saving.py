"""Options of what a training keeps, and when, and of the weights that it begins with (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option


@dataclass(frozen=True)
class SavingOptions:
    """What is kept, and when."""

    save_interval: int = option(250, label="Save Interval", help="Iterations between saves", min=10, max=10_000,
                                group="Saving")
    snapshot_interval: int = option(25_000, label="Snapshot Interval", help="Iterations between snapshots, copies of "
                                    "the whole model beside its folder that stay; 0: none", min=0, max=100_000,
                                    group="Saving")
    save_optimizer: str = option("always", label="Save Optimiser", help="When to save what the optimiser remembers, "
                                 "which is two thirds of a save or more: without it, training goes on from the saved "
                                 "weights, but not as if it had never stopped; exit: when training ends and in "
                                 "snapshots", choices=("never", "always", "exit"), group="Saving", advanced=True)
    load_weights: str = option("", label="Load Weights", help="Model folder from whose encoder a new model begins, "
                               "layer by layer where they fit; an existing model goes on from its own", kind="folder",
                               group="Model", advanced=True)
    freeze_weights: bool = option(False, label="Freeze Weights", help="Leave the encoder as it is and train the rest, "
                                  "for as long as this is on", group="Model", advanced=True)
