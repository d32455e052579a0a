"""The task `models fit`: what each trainer takes at a batch size, and what fits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from ...columns import columns
from ...errors import Stopped, UsageError
from ...jobs.messages import Reporter
from ...models.device import choose_device
from ...models.files import in_words
from ...models.style import Style
from ...options.field import options_of
from ...options.fit import ALL, ModelsFitOptions
from ...options.rows import TRAINERS
from ...options.trainers import TrainerOptions, trainer_options
from .execution import Execution
from .fit import Plan, footprint, largest_batch
from .savings import Savings

_CGROUP = Path("/sys/fs/cgroup/memory.max")


def run(options: ModelsFitOptions, reporter: Reporter) -> dict[str, Any]:
    """Estimate, without taking it, the memory of every trainer that is asked for.

    Returns:
        {"device", "memory" (bytes there are), "rows": one dictionary per trainer: trainer, weights, moments, peak
        (bytes at the batch size), fits, largest_batch (0: none; at most 256), "text"}.

    Raises:
        UsageError: options of one trainer without naming it, or a device that is not here.
        Stopped: the person asked to stop.
    """
    device = choose_device(options.device)
    memory = int(options.memory * 1e9) or memory_of(device)
    kind = "cuda" if options.memory and device.type == "cpu" and options.device == "auto" else device.type
    names = [row.name for row in TRAINERS] if options.trainer == ALL else [options.trainer]
    rows = []
    for index, name in enumerate(names):
        if reporter.progress(index, len(names), "trainers", f"Estimating {name}"):
            raise Stopped
        rows.append(_row(_plan(name, options, kind), options.batch_size, memory))
    reporter.progress(len(names), len(names), "trainers", "Estimated")
    lines = [f"{in_words(memory)} of memory on {kind}, batch size {options.batch_size}, {options.precision}",
             *_table(rows), _advice(options, kind, rows)]
    return {"device": kind, "memory": memory, "rows": rows, "text": "\n".join(line for line in lines if line)}


def _plan(trainer: str, options: ModelsFitOptions, kind: str) -> Plan:
    values = {} if options.trainer == ALL else trainer_options(trainer, options)
    if options.trainer == ALL:
        _require_defaults(options)
    style = Style(**{name: getattr(options, name) for name in Style.__dataclass_fields__})
    savings = Savings(options.memory_saving_gradients, options.optimizer_savings and kind != "cpu",
                      int(options.ping_pong))
    # Channels last is the usual, and on processors the ways to convolve that it opens take memory of their own.
    execution = Execution(options.precision, channels_last=kind == "cpu")
    return Plan(trainer, tuple(values.items()), options.learn_mask, style, execution, options.optimizer, savings, kind)


def _require_defaults(options: ModelsFitOptions) -> None:
    for declared in options_of(TrainerOptions):
        if declared.declaration.trainers and getattr(options, declared.name) != declared.default:
            raise UsageError(f"{declared.key} is an option of {', '.join(declared.declaration.trainers)} only",
                             "Name the trainer with --trainer")


def _row(plan: Plan, batch_size: int, memory: int) -> dict[str, Any]:
    there = footprint(plan, batch_size)
    return {"trainer": plan.trainer, "weights": there.weights, "moments": there.moments, "peak": there.peak,
            "fits": there.peak <= memory, "largest_batch": largest_batch(plan, memory)}


def _table(rows: list[dict[str, Any]]) -> list[str]:
    cells = [("Trainer", "Weights", "Memory", "Fits", "Largest batch")]
    cells += [(row["trainer"], in_words(row["weights"]), in_words(row["peak"]), "yes" if row["fits"] else "no",
               str(row["largest_batch"] or "none")) for row in rows]
    return columns(cells)


def _advice(options: ModelsFitOptions, kind: str, rows: list[dict[str, Any]]) -> str:
    """What to try next where something does not fit."""
    if all(row["fits"] for row in rows):
        return ""
    tries = [("--memory-saving-gradients", options.memory_saving_gradients),
             ("--optimizer-savings", options.optimizer_savings or kind == "cpu"), ("--ping-pong", options.ping_pong)]
    left = [flag for flag, used in tries if not used]
    smaller = "Where it does not fit: a smaller batch"
    return f"{smaller}, or in this order {', '.join(left)}" if left else smaller


def memory_of(device: torch.device) -> int:
    """Bytes of memory that there are for a training: of the graphics card, or of this computer as far as the process
    may use it.

    Raises:
        UsageError: the system does not tell (Windows, without a graphics card).
    """
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    if not hasattr(os, "sysconf"):
        raise UsageError("How much memory this computer has cannot be found out", "Say it with --memory")
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = int(_CGROUP.read_text())
    except (OSError, ValueError):  # no such limit, or "max"
        return installed
    return min(installed, allowed)
