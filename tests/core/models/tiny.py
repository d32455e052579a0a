"""A model of a few hundred weights that saves in milliseconds, and model folders of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from understudy.core.models import base, folder, state
from understudy.core.models.base import SharedEncoderModel
from understudy.core.models.folder import ModelState, Settings
from understudy.core.models.layers import Down, Output, Up
from understudy.core.options.rows import Row


class Tiny(SharedEncoderModel):
    name = "tiny"
    label = "Tiny"
    input_size, output_sizes = 16, (16,)

    def __init__(self, wide: bool = False) -> None:
        super().__init__()
        self.encoder = torch.nn.Sequential(Down(3, 6), Down(6, 16 if wide else 8))
        self.decoder_a = torch.nn.Sequential(Up(16 if wide else 8, 4), Up(4, 4), Output(4))
        self.decoder_b = torch.nn.Sequential(Up(16 if wide else 8, 4), Up(4, 4), Output(4))


class TinyRow(Row):
    def load(self) -> type[SharedEncoderModel]:
        return Tiny


ROWS = (TinyRow("tiny", "Tiny", "For tests", ""),)


def add_tiny_trainer() -> None:
    """Make "tiny" the only trainer, for as long as this process runs."""
    for module in (base, state):
        module.TRAINERS = ROWS


def fresh(seed: int = 0, wide: bool = False) -> Tiny:
    torch.manual_seed(seed)
    return Tiny(wide)


def saved(place: Path, seed: int = 0, state: ModelState | None = None, iterations: int = 5,
          optimizer: bool = True) -> ModelState:
    """Save a model of random weights as training would."""
    state = replace(state or ModelState(Settings("tiny"), 16, 16), iterations=iterations,
                    sessions=[{"started": "x", "iterations": iterations, "loss": "mae"}])
    weights = fresh(seed).state_dict()
    return folder.write(place, state, weights, {f"exp_avg/{k}": v for k, v in weights.items()} if optimizer else None)


def holds(place: Path, seed: int) -> bool:
    """Whether the model there has the weights of `fresh(seed)`, and its optimiser those that `saved` wrote."""
    expected = fresh(seed).state_dict()
    trained = folder.load(place)
    now = folder.read_state(place)
    moments = folder.read_tensors(place / now.optimizer_file, now.checksums[now.optimizer_file])
    return all(torch.equal(value, expected[name]) and torch.equal(moments[f"exp_avg/{name}"], value)
               for name, value in trained.model.state_dict().items())
