"""What state.json tells of a model: what it is, how far it came, what its weight files hold (stdlib only)."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..options.rows import TRAINERS
from .files import next_save

SCHEMA = 2
STATE_NAME = "state.json"
LOCK_NAME = "lock"  # held by whoever changes the model folder: a training, a restoring
# What else training leaves there: the newest preview, every iteration's losses, TensorBoard's logs (they grow large).
PREVIEW_NAME, HISTORY_NAME, LOGS_NAME = "preview.png", "history", "logs"
LOSS_NAME = "loss.png"  # the graph of all losses, drawn anew with a save


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
        learn_mask: the model makes masks beside faces.
        icnr_init, conv_aware_init, reflect_padding, subpixel_upscaling: see `style.Style`.
        optimizer, ada_beta_1, ada_beta_2, ada_amsgrad: what the optimiser's file is of; "auto" and 0, in models of
            older versions: the trainer's own.
        found_learning_rate: by the learning rate finder, before the first iteration; 0: it was not asked.
    """

    trainer: str
    trainer_options: dict[str, Any] = field(default_factory=dict)
    centering: str = "face"
    coverage: float = 0.875
    vertical_offset: float = 0.0
    mask_type: str = "extended"
    penalized_mask_loss: bool = True
    learn_mask: bool = False
    icnr_init: bool = False
    conv_aware_init: bool = False
    reflect_padding: bool = False
    subpixel_upscaling: bool = False
    optimizer: str = "auto"
    ada_beta_1: float = 0.0
    ada_beta_2: float = 0.0
    ada_amsgrad: bool = False
    found_learning_rate: float = 0.0


@dataclass(frozen=True)
class ModelState:
    """What state.json holds.

    Attributes:
        settings: see `Settings`.
        input_size, output_size: sides of the model's pictures in pixels.
        iterations: made in all sessions.
        save: number of the save, which is in the names of the weight files; 0: never saved.
        sessions: one dictionary per run of the trainer, oldest first: started, iterations, batch_size, …
        checksums: CRC-32 of each weight file by its name, 8 hexadecimal digits; empty in models of older versions,
            which are then read unchecked.
        lowest_loss: the lowest mean loss (A and B added) between two saves; None: not known (yet).
        lowest_at: the number of iterations of the save that followed it and became the backup; 0: none did.
    """

    settings: Settings
    input_size: int
    output_size: int
    iterations: int = 0
    save: int = 0
    sessions: list[dict[str, Any]] = field(default_factory=list)
    checksums: dict[str, str] = field(default_factory=dict)
    lowest_loss: float | None = None
    lowest_at: int = 0

    @property
    def model_file(self) -> str:
        return f"model.{self.save}.safetensors"

    @property
    def optimizer_file(self) -> str:
        return f"optimizer.{self.save}.safetensors"

    @property
    def has_optimizer(self) -> bool:
        """Whether the optimiser was saved with the weights."""
        return not self.checksums or self.optimizer_file in self.checksums

    @property
    def weight_files(self) -> tuple[str, ...]:
        """Names of the files that belong to this save."""
        return (self.model_file, self.optimizer_file) if self.has_optimizer else (self.model_file,)

    def to_json(self) -> bytes:
        """The content of state.json."""
        return (json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2, allow_nan=False) + "\n").encode()


def exists(model_dir: Path | str) -> bool:
    """Whether a model was ever saved there, even if its state.json is lost: training anew would remove its weights.

    A first save that was cut off may have left weights of number 1, and no model.
    """
    return (Path(model_dir) / STATE_NAME).is_file() or next_save(Path(model_dir)) > 2


def read_state(model_dir: Path | str) -> ModelState:
    """What the model in the folder is.

    Raises:
        ModelError: no model there, or its state is damaged, of an unknown trainer or of a newer Understudy.
    """
    path = Path(model_dir) / STATE_NAME
    try:
        data = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if exists(model_dir):
            raise missing(path) from None
        raise ModelError(f"There is no model in {model_dir}", "Train one first, or choose another folder") from None
    except OSError as error:
        raise ModelError(f"Cannot read {path} ({error.strerror})", "Check the permissions of the folder") from None
    except (ValueError, RecursionError):
        raise damaged(path) from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise damaged(path)
    if schema > SCHEMA:
        raise ModelError(f"The model in {model_dir} was made by a newer Understudy (format {schema})",
                         "Update Understudy")
    try:
        state = _state_from(_migrated(data, schema))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise damaged(path) from None
    if state.settings.trainer not in {row.name for row in TRAINERS}:
        raise ModelError(f"The model in {model_dir} is of a trainer unknown here, {state.settings.trainer!r}",
                         "Update Understudy, or choose another model folder")
    return state


def damaged(path: Path) -> ModelError:
    """The error for a file of a model folder that is not as it was saved; it names the way back."""
    from .copies import way_back  # copies are models themselves, and read through this module

    return ModelError(f"The model file {path} is damaged", way_back(path.parent))


def missing(path: Path) -> ModelError:
    """The error for a file of a model folder that is not there; it names the way back."""
    from .copies import way_back

    return ModelError(f"The model file {path} is missing", way_back(path.parent))


def _migrated(data: dict[str, Any], schema: int) -> dict[str, Any]:
    """The data of an older schema as the present one has them; raises KeyError or AttributeError for damaged data."""
    if schema < 2:  # one option of one trainer stood among the others
        settings = dict(data["settings"])
        lowmem = settings.pop("lowmem", False)
        data = {**data, "settings": {**settings, "trainer_options": {"lowmem": True} if lowmem else {}}}
    return data


def _state_from(data: dict[str, Any]) -> ModelState:
    """Raises KeyError, TypeError, ValueError or AttributeError where the data are not a state."""
    numbers = {key: int(data[key]) for key in ("input_size", "output_size", "iterations", "save")}
    numbers["lowest_at"] = int(data.get("lowest_at", 0))
    if min(numbers.values()) < 0:
        raise ValueError("negative")
    lowest = data.get("lowest_loss")
    if lowest is not None and not math.isfinite(lowest):
        raise ValueError("lowest_loss")
    checksums = {str(name): str(value) for name, value in data.get("checksums", {}).items()}
    return ModelState(settings=_settings_from(data["settings"]), checksums=checksums, lowest_loss=lowest,
                      sessions=[dict(session) for session in data["sessions"]], **numbers)


def _settings_from(data: dict[str, Any]) -> Settings:
    """Unknown settings, of a newer version of the same schema, are passed over; those that lack have their defaults."""
    known = {f.name for f in fields(Settings)}
    default = Settings("")
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key in known:
            wanted = type(getattr(default, key))
            if wanted is tuple and isinstance(value, list):  # JSON knows no tuples
                value = tuple(value)
            if not isinstance(value, (int, float) if wanted is float else wanted):
                raise TypeError(key)
            values[key] = value
    return Settings(**values)
