"""Options of the trainers: each trainer's own, and those of how its networks are built (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from .field import option, options_of


@dataclass(frozen=True)
class TrainerOptions:
    """What a model is made of."""

    lowmem: bool = option(False, label="Low Memory", help="A smaller variant of the trainer", group="Model",
                          advanced=True, fixed=True, trainers=("original",))


def trainer_options(trainer: str, options: TrainerOptions) -> dict[str, Any]:
    """The values of a trainer's own options, named as its class takes them (without the trainer's prefix).

    Raises:
        UsageError: an option that only other trainers have is set.
    """
    values = {}
    for declared in options_of(TrainerOptions):
        owners, value = declared.declaration.trainers, getattr(options, declared.name)
        if trainer in owners:
            values[declared.name.removeprefix(trainer.replace("-", "_") + "_")] = value
        elif owners and value != declared.default:
            raise UsageError(f"The trainer {trainer} has no option {declared.key}",
                             f"Leave it out, or choose a trainer that has it: {', '.join(owners)}")
    return values
