"""The model folder: what a trained model is on disk, saved so that a kill at any instant leaves the last save whole.

    state.json                  what the model is and how far it came (`ModelState`); names the two files below
    model.<n>.safetensors       the weights that previews and conversion use
    optimizer.<n>.safetensors   what training needs to go on exactly: the optimiser's moments, and the raw weights where
                                the model file holds their moving average; absent if the person does not want it
    backup/                     the same of the best save, see `copies`

Each save writes both weight files under a new number, then renames a new state.json into place, then removes the old
files. Until that rename the old state with its own files stands, after it the new one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..errors import ModelError, writing
from .base import Side, SwapModel, build
from .files import checksum, is_whole, remove_weights, require_room, sync_file, write_atomically
from .state import LOCK_NAME, STATE_NAME, ModelState, Settings, damaged, exists, missing, read_state
from .style import Style

__all__ = ["LOCK_NAME", "STATE_NAME", "ModelState", "Settings", "Tensors", "TrainedModel", "build_model", "exists",
           "fresh_model", "hollow_model", "inference", "load", "read_state", "read_tensors", "write",
           "write_atomically"]

Tensors = dict[str, torch.Tensor]
_MARGIN = 1 << 20  # bytes beside the weights: names and shapes in their files, state.json


def write(model_dir: Path | str, state: ModelState, model: Tensors, optimizer: Tensors | None) -> ModelState:
    """Save weights and state as one; returns the state as written (its `save` number raised, with checksums).

    Args:
        state: as the tensors now stand.
        model, optimizer: named tensors, on any device; None: the optimiser is not saved.

    Raises:
        OutputError: for a full disk or a place that cannot be written; the save before stands.
    """
    folder = Path(model_dir)
    new = replace(state, save=state.save + 1, checksums={})
    files = {new.model_file: model} if optimizer is None else {new.model_file: model, new.optimizer_file: optimizer}
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        require_room(folder, _MARGIN + sum(tensor.nbytes for tensors in files.values() for tensor in tensors.values()))
        try:
            for name, tensors in files.items():
                _write_tensors(folder / name, tensors)
            new = replace(new, checksums={name: checksum(folder / name) for name in files})
            write_atomically(folder / STATE_NAME, new.to_json())
        except BaseException:
            remove_weights(folder, but=state.weight_files)
            raise
    remove_weights(folder, but=new.weight_files)
    return new


def _write_tensors(path: Path, tensors: Tensors) -> None:
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(plain, path)
    except SafetensorError as error:  # it hides the system's error number in its text
        number = re.search(r"os error (\d+)", str(error))
        raise OSError(int(number[1]) if number else 0, str(error), str(path)) from error
    os.chmod(path, _plain_mode())  # the library's temporary file was for its owner alone
    sync_file(path)


def _plain_mode() -> int:
    """The mode that `open` gives a new file."""
    mask = os.umask(0o022)
    os.umask(mask)
    return 0o666 & ~mask


def read_tensors(path: Path, expected: str | None = None) -> Tensors:
    """The tensors of a weight file, on the CPU and in memory of their own.

    Args:
        expected: its checksum as `ModelState.checksums` has it; None: unknown.

    Raises:
        ModelError: it is missing or damaged; the way back is named.
    """
    if not path.exists():
        raise missing(path)
    if not is_whole(path, expected):
        raise damaged(path)
    try:
        return {name: tensor.clone() for name, tensor in load_file(path).items()}
    except (OSError, SafetensorError, ValueError, KeyError):
        raise damaged(path) from None


def fresh_model(settings: Settings, start: bool = True) -> SwapModel:
    """An untrained model of that kind; `start` as for `base.build`."""
    style = Style(**{field.name: getattr(settings, field.name) for field in fields(Style)})
    return build(settings.trainer, settings.trainer_options, learn_mask=settings.learn_mask, style=style,
                 start=start)


def hollow_model(settings: Settings) -> SwapModel:
    """A model of that kind with shapes and without weights: quick, and enough to count or to load weights into."""
    with torch.device("meta"):
        return fresh_model(settings)


def build_model(state: ModelState, weights: Tensors, path: Path) -> SwapModel:
    """The model that `state` describes, holding `weights` as read from `path`: these tensors themselves.

    Raises:
        ModelError: they do not fit each other.
    """
    try:
        model = hollow_model(state.settings)
        model.load_state_dict(weights, assign=True)
    except (RuntimeError, TypeError, ValueError):
        raise ModelError(f"The weights in {path} do not fit the trainer {state.settings.trainer}",
                         "The file is of another model or version; put a copy of the right one in its place") from None
    return model


class TrainedModel:
    """A model ready to convert with.

    Attributes:
        model: the network, in evaluation mode.
        settings: see `Settings`.
        input_size, output_size: sides of its pictures in pixels.
        iterations: how long it was trained.
        digest: names its weights and settings; equal where these are.
        precision: what it computes in; see `quick.quicken`.
    """

    def __init__(self, model: SwapModel, state: ModelState, device: torch.device, digest: str = "") -> None:
        self.model = model.to(device).eval()
        self.digest = digest
        self.precision = torch.float32
        self.settings = state.settings
        self.input_size = state.input_size
        self.output_size = state.output_size
        self.iterations = state.iterations
        self.device = device

    def predict(self, faces: np.ndarray, side: Side = "b") -> np.ndarray:
        """The faces as the performer of `side` would show them.

        Args:
            faces: float32 [N, input_size, input_size, 3], RGB in [0, 1].
            side: "b" swaps A's faces for B's.

        Returns:
            float32 [N, output_size, output_size, 3] in [0, 1]; a fourth channel is a learned mask.
        """
        if not len(faces):
            return np.zeros((0, self.output_size, self.output_size, 3), np.float32)
        x = torch.from_numpy(np.ascontiguousarray(faces, np.float32)).to(self.device).permute(0, 3, 1, 2)
        with inference(self.model):
            y = self.model(x.to(self.precision), side)
        return y.float().permute(0, 2, 3, 1).contiguous().cpu().numpy()


@contextmanager
def inference(model: SwapModel) -> Iterator[None]:
    """Evaluation mode without gradients; leaves the model as it was."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(was_training)


def load(model_dir: Path | str, device: str | torch.device = "cpu") -> TrainedModel:
    """The model in a folder, ready to convert with.

    Raises:
        ModelError: no model there, or it is damaged, or of a newer Understudy.
    """
    folder = Path(model_dir)
    state = read_state(folder)
    path = folder / state.model_file
    try:
        weights = read_tensors(path, state.checksums.get(path.name))
    except ModelError:
        newer = read_state(folder)
        if newer.save == state.save:
            raise
        return load(folder, device)  # a training that still runs has saved in between
    content = state.checksums.get(path.name) or checksum(path)
    return TrainedModel(build_model(state, weights, path), state, torch.device(device),
                        f"{state.settings!r} {path.stat().st_size} {content}")
