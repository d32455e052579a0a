"""What is fixed once a model exists: its settings, and what a person hears who asks for others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..jobs.messages import Reporter
from ..models import folder
from ..models.folder import ModelState, Settings
from ..options.field import options_of, was_given
from ..options.train import TrainOptions
from ..options.trainers import trainer_options

_PERCENT = ("coverage", "vertical_offset")  # options in percent; settings are ratios
_OWN = ("optimizer", "ada_beta_1", "ada_beta_2")  # whose defaults leave it to the trainer


def settings_of(options: TrainOptions, model_dir: Path, reporter: Reporter) -> tuple[Settings, ModelState | None]:
    """As the model has them, or for a new model as the options say.

    Raises:
        ModelError: the model is damaged, or of another trainer.
        UsageError: an option of another trainer is set.
    """
    wanted = asked(options)
    if not folder.exists(model_dir):
        return wanted, None
    state = folder.read_state(model_dir)
    if state.settings.trainer != options.trainer:
        raise ModelError(f"The model in {model_dir} is of the trainer {state.settings.trainer}, not {options.trainer}",
                         f"Choose the trainer {state.settings.trainer}, or another model folder")
    staying = [f"{key} {kept!r} (not {value!r})" for key, kept, value in _differing(options, state.settings)]
    if staying:
        reporter.warning(f"The model in {model_dir} goes on as it was made: {', '.join(staying)}. Other values need "
                         "a new model folder")
    return state.settings, state


def asked(options: TrainOptions) -> Settings:
    """The settings of a new model: every fixed option is found there by its name.

    Raises:
        UsageError: an option of another trainer is set.
    """
    known = {field.name for field in fields(Settings)}
    values = {option.name: getattr(options, option.name) for option in options_of(options)
              if option.declaration.fixed and option.name in known}
    values |= {name: getattr(options, name) / 100 for name in _PERCENT}
    return Settings(trainer_options=trainer_options(options.trainer, options), **values)


def _differing(options: TrainOptions, settings: Settings) -> Iterator[tuple[str, Any, Any]]:
    """Key, value of the model and value asked for, of each fixed option that a person set otherwise."""
    own = options.trainer.replace("-", "_") + "_"
    for option in options_of(options):
        owners, value = option.declaration.trainers, getattr(options, option.name)
        if not option.declaration.fixed or option.name == "trainer" or (owners and options.trainer not in owners):
            continue
        kept = (settings.trainer_options.get(option.name.removeprefix(own), value) if owners
                else getattr(settings, option.name))
        kept = round(kept * 100, 6) if option.name in _PERCENT else kept
        is_set = value != option.default or (was_given(options, option.name) and option.name not in _OWN)
        if is_set and value != kept:
            yield option.key, kept, value
