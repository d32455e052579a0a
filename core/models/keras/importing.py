"""The task `models import`: a model trained with faceswap becomes a model folder, where the networks are the same."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import ModelError, Stopped, UsageError
from ...jobs.messages import Reporter
from ...options.field import check, options_of
from ...options.maskers import MASKS
from ...options.models import ModelImportOptions
from ...options.rows import TRAINERS
from ...options.trainers import TrainerOptions, trainer_options
from .. import folder
from ..base import SwapModel
from ..folder import ModelState, Settings, Tensors
from .file import KerasFile
from .layers import counterparts

_RENAMED = {"dfl_sae_df": "dfl-sae", "dfl_sae_liae": "dfl-sae"}
# What faceswap takes for a setting that a state of an older version does not have.
_YES_OR_NO = ("learn_mask", "reflect_padding", "icnr_init", "conv_aware_init")
_LEGACY = {"centering": "legacy", "coverage": 62.5, "vertical_offset": 0, "mask_type": "none",
           "penalized_mask_loss": True, **dict.fromkeys(_YES_OR_NO, False)}


def run(options: ModelImportOptions, reporter: Reporter) -> dict[str, Any]:
    """Read the weights of a `.keras` file, and its settings from the state file beside it, into a new model folder.

    Returns:
        {"model_dir", "trainer", "iterations", "parameters", "text"}.

    Raises:
        ModelError: a file that cannot be read, a trainer or layer that is not known here, or a model there already.
        OutputError: the model folder cannot be written.
        Stopped: the person asked to; nothing is written.
    """
    path, model_dir = Path(options.file), Path(options.model_dir)
    if folder.exists(model_dir):
        raise ModelError(f"There is a model in {model_dir} already", "Choose an empty or new folder")
    with KerasFile(path) as file:
        state_file, state = _read_state(path)
        settings = _settings(file, state_file, state.get("config"), reporter)
        with torch.device("meta"):
            model = folder.fresh_model(settings)
        tensors = convert(file, model, reporter)
    iterations = max(0, int(state.get("iterations") or 0))
    session = {"started": datetime.now().astimezone().isoformat(timespec="seconds"), "iterations": iterations,
               "imported": path.name}
    new = ModelState(settings, model.input_size, model.output_size, iterations, sessions=[session])
    folder.write(model_dir, new, tensors, None)
    parameters = sum(p.numel() for p in model.parameters())
    text = (f"{path} is now the model in {model_dir}: trainer {settings.trainer}, {parameters / 1e6:.1f} million "
            f"parameters, {iterations} iterations. The optimiser begins anew when training goes on")
    return {"model_dir": str(model_dir), "trainer": settings.trainer, "iterations": iterations,
            "parameters": parameters, "text": text}


def _read_state(path: Path) -> tuple[Path, dict[str, Any]]:
    """The state file beside a model: <name>_state.json, or the only one of its kind there."""
    near = [path.with_name(f"{path.stem}_state.json"), *sorted(path.parent.glob("*_state.json"))]
    file = next((candidate for candidate in near if candidate.is_file()), near[0])
    try:
        state = json.loads(file.read_bytes())
    except OSError:
        raise ModelError(f"The settings of the model are missing: there is no {file.name} beside {path}",
                         "Put it there; faceswap keeps it in the model's folder") from None
    except (ValueError, RecursionError):
        state = None
    if not isinstance(state, dict) or not isinstance(state.get("config"), dict) \
            or not isinstance(state.get("iterations") or 0, int):
        raise ModelError(f"The settings in {file} are damaged", "Put a copy of the file in its place")
    return file, state


def _settings(file: KerasFile, state_file: Path, given: Any, reporter: Reporter) -> Settings:
    trainer = _RENAMED.get(file.name, file.name.replace("_", "-"))
    if trainer not in {row.name for row in TRAINERS}:
        known = ", ".join(row.name for row in TRAINERS if row.name != "sketch")
        raise ModelError(f"The model in {file.path} is of the trainer {file.name}, which Understudy does not have",
                         f"Models of these can be imported: {known}")
    config = {**_LEGACY, **{key: value for key, value in given.items() if value is not None}}
    try:
        own = {declared.name: check(declared, config[name]) for declared in options_of(TrainerOptions)
               if trainer in declared.declaration.trainers
               and (name := declared.name.removeprefix(trainer.replace("-", "_") + "_")) in config}
        yes = {name: bool(config[name]) for name in _YES_OR_NO}
        return Settings(trainer, trainer_options(trainer, replace(TrainerOptions(), **own)),
                        centering=str(config["centering"]), coverage=float(config["coverage"]) / 100,
                        vertical_offset=float(config["vertical_offset"]) / 100,
                        mask_type=_mask_type(str(config["mask_type"]), state_file, reporter),
                        penalized_mask_loss=bool(config["penalized_mask_loss"]) and config["mask_type"] != "none",
                        learn_mask=yes["learn_mask"], reflect_padding=yes["reflect_padding"],
                        icnr_init=yes["icnr_init"], conv_aware_init=yes["conv_aware_init"],
                        subpixel_upscaling=True)  # the order of channels that these weights are in
    except (UsageError, TypeError, ValueError) as error:
        raise ModelError(f"A setting in {state_file} is not understood ({error})", "Put a copy of the file in its place"
                         ) from None


def _mask_type(theirs: str, state_file: Path, reporter: Reporter) -> str:
    """Our name of the mask: theirs says after an underscore for which crop it was made."""
    ours = theirs.partition("_")[0]
    if ours == "none" or ours in {row.name for row in MASKS}:
        return ours
    reporter.warning(f"The mask {theirs} in {state_file} is unknown here; extended takes its place")
    return "extended"


def convert(file: KerasFile, model: SwapModel, reporter: Reporter) -> Tensors:
    """The model's state with the weights of the file, layer by layer in the order of computation.

    Args:
        model: of the same trainer and options, on the meta device, its pixel shuffles by block.

    Raises:
        ModelError: the layers differ.
        Stopped: the person asked to.
    """
    ours, theirs = counterparts(model), file.layers
    hint = "Its settings file may be another model's, or the model differs from the trainer's"
    if len(ours) != len(theirs):
        raise ModelError(f"The model in {file.path} has {len(theirs)} layers with weights, not {len(ours)}", hint)
    tensors = {name: torch.zeros(buffer.shape, dtype=buffer.dtype) for name, buffer in model.named_buffers()}
    for index, (counterpart, layer) in enumerate(zip(ours, theirs, strict=True)):
        if reporter.progress(index, len(ours), "layers", layer.name):
            raise Stopped
        if layer.kind != counterpart.kind:
            raise ModelError(f"The layer {layer.name} in {file.path} is a {layer.kind}, not a {counterpart.kind}", hint)
        values = file.values(layer, [variable.shape for variable in counterpart.variables])
        for variable, value in zip(counterpart.variables, values, strict=True):
            tensors[variable.name] = torch.from_numpy(np.ascontiguousarray(variable.convert(value)))
    reporter.progress(len(ours), len(ours), "layers")
    return tensors
