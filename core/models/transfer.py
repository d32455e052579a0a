"""Weights from another model, and weights that stay as they are: an encoder can have been trained elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import ModelError
from .base import SwapModel
from .folder import Tensors, read_state, read_tensors

ENCODER = "encoder"  # what every trainer calls the part that both performers share
_NAMED = 6  # layers that are named in a message


@dataclass(frozen=True)
class Transfer:
    """What was taken from another model.

    Attributes:
        source: the folder, trainer and age of that model, in words.
        taken, left: names of the encoder's layers that were taken, and of those that begin at random.
        taken_values, values: how many weights that are, of how many in the encoder.
    """

    source: str
    taken: tuple[str, ...]
    left: tuple[str, ...]
    taken_values: int
    values: int

    def __str__(self) -> str:
        told = (f"Took {len(self.taken)} of the encoder's {len(self.taken) + len(self.left)} layers "
                f"({self.taken_values / 1e6:.1f} of {self.values / 1e6:.1f} million weights) from {self.source}")
        if not self.left:
            return told
        named = ", ".join(self.left[:_NAMED]) + (" …" if len(self.left) > _NAMED else "")
        return f"{told}; these do not fit and begin at random: {named}"


def load_encoder(model: SwapModel, source: Path | str) -> Transfer:
    """Give a fresh model the encoder of a trained one, layer by layer where name and shapes agree.

    Raises:
        ModelError: no model there, a damaged one, or one of whose encoder nothing fits.
    """
    state = read_state(source)
    path = Path(source) / state.model_file
    theirs = _layers(read_tensors(path, state.checksums.get(path.name)))
    ours = _layers(model.state_dict())
    words = f"{source} ({state.settings.trainer}, {state.iterations:,} iterations)"
    fitting = [name for name, layer in ours.items() if _shapes(layer) == _shapes(theirs.get(name, {}))]
    if not fitting:
        raise ModelError(f"No layer of the encoder of {words} fits the new model", "Choose a model of the same trainer "
                         "and options")
    with torch.no_grad():
        for name in fitting:
            for key, tensor in ours[name].items():
                tensor.copy_(theirs[name][key])
    return Transfer(words, tuple(fitting), tuple(name for name in ours if name not in fitting),
                    sum(_values(ours[name]) for name in fitting), sum(map(_values, ours.values())))


def freeze_encoder(model: SwapModel) -> int:
    """Keep training from changing the encoder; returns how many weights that are.

    Raises:
        ModelError: the model has no part of that name.
    """
    frozen = [p for name, p in model.named_parameters() if name.startswith(f"{ENCODER}.")]
    if not frozen:
        raise ModelError(f"The trainer {model.name} has no encoder whose weights could be frozen", "Leave "
                         "freeze-weights out")
    for parameter in frozen:
        parameter.requires_grad_(False)
    return sum(p.numel() for p in frozen)


def _layers(tensors: Tensors) -> dict[str, Tensors]:
    """The encoder's tensors by layer: "encoder.0.0" -> {"weight": …, "bias": …}."""
    layers: dict[str, Tensors] = {}
    for name, tensor in tensors.items():
        layer, _, key = name.rpartition(".")
        if name.startswith(f"{ENCODER}."):
            layers.setdefault(layer, {})[key] = tensor
    return layers


def _shapes(layer: Tensors) -> dict[str, torch.Size]:
    return {key: tensor.shape for key, tensor in layer.items()}


def _values(layer: Tensors) -> int:
    return sum(tensor.numel() for tensor in layer.values())
