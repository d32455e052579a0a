"""The task `models info`: what a model is, how far it came, and what there is of it on the disk."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..jobs.messages import Reporter
from ..jobs.progress import duration
from ..options.models import ModelInfoOptions
from . import copies
from .copies import Copy
from .files import in_words
from .folder import hollow_model
from .restoring import table
from .state import STATE_NAME, ModelState, Settings, read_state
from .state import damaged as state_damaged


def run(options: ModelInfoOptions, reporter: Reporter) -> dict[str, Any]:
    """Tell what the model is.

    Returns:
        {"model_dir", "trainer", "iterations", "parameters", "input_size", "output_size", "size" (bytes of its weights),
        "seconds" (trained), "lowest_loss", "settings", "sessions", "copies" (their folders), "damaged" (files that are
        not as they were saved; only with `check`), "text"}.

    Raises:
        ModelError: no model there, or its state is damaged; with `check`, if the model's own weights are.
    """
    model_dir = Path(options.model_dir)
    state = read_state(model_dir)
    found = copies.find_copies(model_dir)
    damaged = _check(model_dir, state, found, reporter) if options.check else []
    if any(path.parent == model_dir for path in damaged):
        raise ModelError(f"The weights in {model_dir} are damaged", copies.way_back(model_dir))
    try:
        parameters = count_parameters(state.settings)
        seconds = sum(float(session.get("seconds", 0)) for session in state.sessions)
    except (TypeError, ValueError, RuntimeError):
        raise state_damaged(model_dir / STATE_NAME) from None
    size = copies.weights_size(model_dir)
    lines = _lines(state, parameters, seconds, size) + table(found)
    lines += [f"Damaged: {path}" for path in damaged]
    if options.check and not damaged:
        lines.append("All weights are as they were saved")
    return {"model_dir": str(model_dir), "trainer": state.settings.trainer, "iterations": state.iterations,
            "parameters": parameters, "input_size": state.input_size, "output_size": state.output_size, "size": size,
            "seconds": round(seconds, 1), "lowest_loss": state.lowest_loss, "settings": asdict(state.settings),
            "sessions": state.sessions, "copies": [str(copy.place) for copy in found],
            "damaged": [str(path) for path in damaged], "text": "\n".join(lines)}


def count_parameters(settings: Settings) -> int:
    """How many trained numbers a model of these settings has; computes nothing."""
    return sum(parameter.numel() for parameter in hollow_model(settings).parameters())


def _check(model_dir: Path, state: ModelState, found: list[Copy], reporter: Reporter) -> list[Path]:
    """The files, of the model and of its copies, that are not as they were saved."""
    damaged = []
    everything = [Copy("model", model_dir, state), *found]
    for number, copy in enumerate(everything):
        reporter.progress(number, len(everything), "folders", f"Reading {copy.place.name}")
        damaged += copy.damaged_files()
    return damaged


def _lines(state: ModelState, parameters: int, seconds: float, size: int) -> list[str]:
    settings = state.settings
    changed = {name: value for name, value in asdict(settings).items()
               if name not in ("trainer", "trainer_options") and value != getattr(Settings(""), name)}
    changed = {**settings.trainer_options, **changed}
    sessions = "1 session" if len(state.sessions) == 1 else f"{len(state.sessions)} sessions"
    lines = [f"{settings.trainer}: {parameters / 1e6:.1f} million parameters, {state.input_size} px in, "
             f"{state.output_size} px out, {in_words(size)}",
             f"{state.iterations:,} iterations in {sessions}, {duration(seconds)}"]
    if state.lowest_loss is not None:
        lines.append(f"Lowest mean loss between two saves: {state.lowest_loss:.4f}")
    if changed:
        lines.append("Fixed: " + ", ".join(f"{name.replace('_', '-')} {value}" for name, value in changed.items()))
    if state.save and not state.has_optimizer:
        lines.append("Saved without the optimiser")
    return lines
