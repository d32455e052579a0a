"""Which execution a training takes: the one that its last session had, one that is remembered, or the one that is
measured to be the fastest now.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch

from ...jobs.messages import Reporter
from ...models.folder import ModelState, Settings
from ...options.train import TrainOptions
from . import remembering
from .execution import Execution
from .gradients import Gradients
from .precision import measure
from .remembering import Measured


def surroundings(options: TrainOptions, device: torch.device, processes: int) -> dict[str, Any]:
    """What it depends on, beside the model and the batch size, which execution is the fastest or can be had at all."""
    return {"asked_precision": options.precision, "asked_compile": options.compile, "device": device.type,
            "processes": processes, "memory_saving_gradients": options.memory_saving_gradients,
            "ping_pong": options.ping_pong}


def execution(options: TrainOptions, state: ModelState | None, gradients: Gradients, device: torch.device,
              processes: int, settings: Settings, reporter: Reporter) -> Measured:
    """Measured once per model, batch size and surroundings; a later session on the same goes on as the last one did,
    and a training of another model of the kind computes alike.

    Args:
        state: of the model; None: a new one.
        processes: that train together.
        settings: of a new model by these options, its kind.
    """
    last = state.sessions[-1] if state and state.sessions else {}
    same = {**surroundings(options, device, processes), "batch_size": options.batch_size}
    if all(last.get(key) == value for key, value in same.items()) and not last.get("compiled", True):
        kept = {field.name: last[field.name] for field in fields(Execution) if field.name in last}
        return Execution(**kept), last.get("measured_seconds", {})
    kind = remembering.key(device, settings, *same.values())
    measured = remembering.recall(kind)
    if measured is None:
        measured = measure(gradients, device, options.precision, options.batch_size, options.compile, reporter.warning,
                           whole=not options.ping_pong, alone=processes == 1)
        if options.compile != "on" and not measured[0].compiled:  # that has to be made ready, or refused, each time
            remembering.remember(kind, measured)
    return measured
