"""The guide's optimizer savings: what the optimiser remembers of each weight rests in the computer's own memory and
visits the graphics card only while that weight is changed.
"""

from __future__ import annotations

from typing import Any

import torch


class HostMoments:
    """Takes the steps of an optimiser one weight after the other, with the moments of that one on the card.

    The results are those of one step for all, for every optimiser that changes each weight by what it knows of this
    weight alone; all of ours do. Moments rest in page-locked memory, so that no step waits until they have arrived.

    Args:
        optimizer: any; its `state` holds the resting moments between steps.
        home: where they rest.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, home: torch.device | None = None) -> None:
        self.optimizer, self.home = optimizer, home or torch.device("cpu")
        self._resting: dict[torch.Tensor, dict[str, torch.Tensor]] = {}
        for parameter in list(optimizer.state):
            self.send_home(parameter)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The optimiser's, where a `GradScaler` finds the gradients that it divides."""
        return self.optimizer.param_groups

    def step(self) -> None:
        """As the optimiser's own."""
        groups = self.optimizer.param_groups
        try:
            for group in groups:
                self._step_group(group)
        finally:
            self.optimizer.param_groups = groups

    def _step_group(self, group: dict[str, Any]) -> None:
        changed = [parameter for parameter in group["params"] if parameter.grad is not None]
        alone: dict[str, Any] = {**group, "params": []}
        for parameter in changed:
            self._bring(parameter)
            alone = {**group, "params": [parameter]}  # some optimisers count their steps here: each from the same count
            self._step_alone(alone)
            self.send_home(parameter)
        if not changed:
            self._step_alone(alone)
        group.update({**alone, "params": group["params"]})

    def _step_alone(self, group: dict[str, Any]) -> None:
        self.optimizer.param_groups = [group]
        self.optimizer.step()

    def _bring(self, parameter: torch.Tensor) -> None:
        state = self.optimizer.state.get(parameter, {})
        for key, value in state.items():
            if _travels(value):
                state[key] = value.to(parameter.device, non_blocking=True)

    def send_home(self, parameter: torch.Tensor) -> None:
        """Take a weight's moments off the card, into the same memory as before, so that none is locked anew."""
        state, places = self.optimizer.state[parameter], self._resting.setdefault(parameter, {})
        for key, value in state.items():
            if not _travels(value):
                continue
            if key not in places:
                places[key] = torch.empty_like(value, device=self.home, pin_memory=value.device.type == "cuda")
            if places[key] is not value:
                # Without waiting: what follows on the card, the next visit included, follows in order.
                places[key].copy_(value, non_blocking=value.device.type == "cuda")
            state[key] = places[key]

    def settle(self) -> None:
        """Wait until everything is home, before anything else reads it."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()


def _travels(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.ndim > 0
