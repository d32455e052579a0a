"""Ping-pong: one side trains while what is the other side's alone rests in the computer's own memory, in turns."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ...models.base import Side, SwapModel

SIDES: tuple[Side, Side] = ("a", "b")


class PingPong:
    """Says whose turn it is, and keeps the other side's weights, gradients and moments off the card.

    Args:
        model: on its device.
        interval: iterations from one turn to the next, the save interval.

    Attributes:
        device: the model's.
    """

    def __init__(self, model: SwapModel, interval: int) -> None:
        self._model, self._interval = model, interval
        self.device = next(model.parameters()).device
        self._own = own_parameters(model)
        self._home = torch.device("cpu")

    def side(self, iteration: int) -> Side:
        """Which side trains in an iteration, counted from 0."""
        return SIDES[iteration // self._interval % 2]

    def turn(self, side: Side, optimizer: torch.optim.Optimizer, averages: list[torch.Tensor]) -> None:
        """Make room for `side`: the other one's tensors leave the card first."""
        other = SIDES[side == "a"]
        for which, place in ((other, self._home), (side, self.device)):
            self._send(which, place, optimizer, averages)

    @contextmanager
    def both(self, side: Side) -> Iterator[None]:
        """Within it, both sides' weights are on the device, without the resting one's gradients and moments."""
        other = SIDES[side == "a"]
        moved = [(parameter, parameter.data) for parameter in self._own[other]]
        for parameter, resting in moved:
            parameter.data = resting.to(self.device)
        try:
            yield
        finally:
            for parameter, resting in moved:
                parameter.data = resting

    def _send(self, side: Side, place: torch.device, optimizer: torch.optim.Optimizer,
              averages: list[torch.Tensor]) -> None:
        positions = {parameter: index for index, parameter in enumerate(self._model.parameters())}
        for parameter in self._own[side]:
            moments = optimizer.state.get(parameter, {}).values()
            tensors = [parameter, *(moment for moment in moments if torch.is_tensor(moment) and moment.ndim)]
            if parameter.grad is not None:
                tensors.append(parameter.grad)
            if averages:
                tensors.append(averages[positions[parameter]])
            for tensor in tensors:
                tensor.data = tensor.data.to(place)


def own_parameters(model: SwapModel) -> dict[Side, list[nn.Parameter]]:
    """The parameters that only one side's pictures depend on, found by following the gradients of both."""
    parameters = list(model.parameters())
    hollow = {id(p): nn.Parameter(torch.empty_like(p, device="meta")) for p in parameters}
    shapes = copy.deepcopy(model, dict(hollow))  # without the weights
    shapes.to("meta")
    reached = {side: _reached(shapes, [hollow[id(p)] for p in parameters], side) for side in SIDES}
    pairs = list(zip(parameters, reached["a"], reached["b"], strict=True))
    return {"a": [p for p, a, b in pairs if a and not b], "b": [p for p, a, b in pairs if b and not a]}


def _reached(shapes: SwapModel, parameters: list[nn.Parameter], side: Side) -> list[bool]:
    x = torch.empty(2, 3, shapes.input_size, shapes.input_size, device="meta")
    made = shapes.decode(shapes.encode(x), side)
    told = [*made.faces, *(tensor for tensor in (made.mask, made.landmarks) if tensor is not None)]
    gradients = torch.autograd.grad([t.sum() for t in told], parameters, allow_unused=True)
    return [gradient is not None for gradient in gradients]
