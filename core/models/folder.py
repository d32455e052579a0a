"""The model folder: what a trained model is on disk, saved so that a kill at any instant leaves the last save whole.

    state.json                  what the model is and how far it came (`ModelState`); names the two files below
    model.<n>.safetensors       the weights that previews and conversion use
    optimizer.<n>.safetensors   what training needs to go on exactly: Adam's moments, and the raw weights where the
                                model file holds their moving average

Each save writes both weight files under a new number, then renames a new state.json into place, then removes the old
files. Until that rename the old state with its own files stands, after it the new one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..errors import ModelError, writing
from ..options.rows import TRAINERS
from .base import Side, SwapModel, build

SCHEMA = 2
STATE_NAME = "state.json"
# ".tmp…" is what a killed write leaves, ours or the library's.
_WEIGHT_FILE = re.compile(r"(model|optimizer)\.\d+\.safetensors|\.tmp.*")
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Settings:
    """What is fixed once a model exists, because its weights mean nothing without it.

    Attributes:
        trainer, trainer_options: which network, as `build` takes them.
        centering: "face", "head" or "legacy".
        coverage: part of the crop that the model sees, a ratio in (0, 1].
        vertical_offset: how far the face is moved down in the crop, as a part of the unit box of the mean face.
        mask_type: the mask that weighted the loss.
        penalized_mask_loss: whether it did.
    """

    trainer: str
    trainer_options: dict[str, Any] = field(default_factory=dict)
    centering: str = "face"
    coverage: float = 0.875
    vertical_offset: float = 0.0
    mask_type: str = "extended"
    penalized_mask_loss: bool = True


@dataclass(frozen=True)
class ModelState:
    """What state.json holds.

    Attributes:
        settings: see `Settings`.
        input_size, output_size: sides of the model's pictures in pixels.
        iterations: made in all sessions.
        save: number of the save, which is in the names of the weight files; 0: never saved.
        sessions: one dictionary per run of the trainer, oldest first: started, iterations, batch_size, …
    """

    settings: Settings
    input_size: int
    output_size: int
    iterations: int = 0
    save: int = 0
    sessions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def model_file(self) -> str:
        return f"model.{self.save}.safetensors"

    @property
    def optimizer_file(self) -> str:
        return f"optimizer.{self.save}.safetensors"


def exists(model_dir: Path | str) -> bool:
    """Whether a model was ever saved there."""
    return (Path(model_dir) / STATE_NAME).is_file()


def read_state(model_dir: Path | str) -> ModelState:
    """What the model in the folder is.

    Raises:
        ModelError: no model there, or its state is damaged, of an unknown trainer or of a newer Understudy.
    """
    path = Path(model_dir) / STATE_NAME
    try:
        data = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"There is no model in {model_dir}", "Train one first, or choose another folder") from None
    except OSError as error:
        raise ModelError(f"Cannot read {path} ({error.strerror})", "Check the permissions of the folder") from None
    except ValueError:
        raise _damaged(path) from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise _damaged(path)
    if schema > SCHEMA:
        raise ModelError(f"The model in {model_dir} was made by a newer Understudy (format {schema})",
                         "Update Understudy")
    try:
        state = _state_from(_migrated(data, schema))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _damaged(path) from None
    if state.settings.trainer not in {row.name for row in TRAINERS}:
        raise ModelError(f"The model in {model_dir} is of a trainer unknown here, {state.settings.trainer!r}",
                         "Update Understudy, or choose another model folder")
    return state


def _damaged(path: Path) -> ModelError:
    return ModelError(f"The model file {path} is damaged", "Put a copy of the model folder in its place, or train anew "
                      "in an empty folder")


def _migrated(data: dict[str, Any], schema: int) -> dict[str, Any]:
    """The data of an older schema as the present one has them; raises KeyError or AttributeError for damaged data."""
    if schema < 2:  # one option of one trainer stood among the others
        settings = dict(data["settings"])
        lowmem = settings.pop("lowmem", False)
        data = {**data, "settings": {**settings, "trainer_options": {"lowmem": True} if lowmem else {}}}
    return data


def _state_from(data: dict[str, Any]) -> ModelState:
    """Raises KeyError, TypeError, ValueError or AttributeError where the data are not a state."""
    known = {f.name for f in fields(Settings)}
    settings = Settings(**{key: value for key, value in data["settings"].items() if key in known})
    default = Settings("")
    for key in known:
        wanted = type(getattr(default, key))
        if not isinstance(getattr(settings, key), (int, float) if wanted is float else wanted):
            raise TypeError(key)
    numbers = {key: int(data[key]) for key in ("input_size", "output_size", "iterations", "save")}
    if min(numbers.values()) < 0:
        raise ValueError("negative")
    return ModelState(settings=settings, sessions=[dict(session) for session in data["sessions"]], **numbers)


def write(model_dir: Path | str, state: ModelState, model: Tensors, optimizer: Tensors) -> ModelState:
    """Save weights and state as one; returns the state as written (its `save` number raised).

    Args:
        state: as the tensors now stand.
        model, optimizer: named tensors, on any device.

    Raises:
        OutputError: for a full disk or a place that cannot be written; the save before stands.
    """
    folder = Path(model_dir)
    new = replace(state, save=state.save + 1)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _write_tensors(folder / new.model_file, model)
            _write_tensors(folder / new.optimizer_file, optimizer)
            text = json.dumps({"schema": SCHEMA, **asdict(new)}, indent=2, allow_nan=False) + "\n"
            write_atomically(folder / STATE_NAME, text.encode())
        except BaseException:
            _remove_all_but(folder, state)
            raise
    _remove_all_but(folder, new)
    return new


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside `path`, flush to the disk and rename into place (OSError where that fails)."""
    beside = path.with_name(f".tmp.{path.name}")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    _sync_folder(path.parent)


def _write_tensors(path: Path, tensors: Tensors) -> None:
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(plain, path)
    except SafetensorError as error:  # it hides the system's error number in its text
        number = re.search(r"os error (\d+)", str(error))
        raise OSError(int(number[1]) if number else 0, str(error), str(path)) from error
    os.chmod(path, _plain_mode())  # the library's temporary file was for its owner alone
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _plain_mode() -> int:
    """The mode that `open` gives a new file."""
    mask = os.umask(0o022)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Make renames survive a power cut; Windows has no such call and needs none."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove_all_but(folder: Path, state: ModelState) -> None:
    kept = {state.model_file, state.optimizer_file}
    with suppress(OSError):
        for path in folder.iterdir():
            if _WEIGHT_FILE.fullmatch(path.name) and path.name not in kept:
                with suppress(OSError):  # held open by a reader on Windows: gone with the next save
                    path.unlink()


def read_tensors(path: Path) -> Tensors:
    """The tensors of a weight file, on the CPU and in memory of their own.

    Raises:
        ModelError: it is missing or damaged.
    """
    try:
        return {name: tensor.clone() for name, tensor in load_file(path).items()}
    except (OSError, SafetensorError, ValueError, KeyError):
        if not path.exists():
            raise ModelError(f"The model file {path} is missing", "Put a copy of the model folder in its place, or "
                             "train anew in an empty folder") from None
        raise _damaged(path) from None


def build_model(state: ModelState, weights: Tensors, path: Path) -> SwapModel:
    """The model that `state` describes, holding `weights` as read from `path`.

    Raises:
        ModelError: they do not fit each other.
    """
    try:
        model = build(state.settings.trainer, state.settings.trainer_options)
        model.load_state_dict(weights)
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
    """

    def __init__(self, model: SwapModel, state: ModelState, device: torch.device) -> None:
        self.model = model.to(device).eval()
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
            y = self.model(x, side)
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
        weights = read_tensors(path)
    except ModelError:
        newer = read_state(folder)
        if newer.save == state.save:
            raise
        return load(folder, device)  # a training that still runs has saved in between
    return TrainedModel(build_model(state, weights, path), state, torch.device(device))
