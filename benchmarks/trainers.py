"""What each trainer is made of: pictures, parameters, arithmetic, and memory: the table in docs/trainers.md.

    .venv/bin/python benchmarks/trainers.py

Everything is counted, nothing is computed: the figures are the same on every machine.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from understudy.core.models.base import SwapModel, build
from understudy.core.options.rows import TRAINERS, find
from understudy.core.training.computing.execution import Execution
from understudy.core.training.computing.fit import Plan, footprint

# Beside every trainer as it is: the options that change its size most.
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("original", {"lowmem": True}), ("dfaker", {"output_size": 256}), ("unbalanced", {"lowmem": True}),
    ("unbalanced", {"input_size": 64}), ("unbalanced", {"input_size": 256}), ("dfl-h128", {"lowmem": True}),
    ("dfl-sae", {"input_size": 64}), ("dfl-sae", {"architecture": "liae"}), ("dfl-sae", {"input_size": 256}),
    ("villain", {"lowmem": True}), ("realface", {"input_size": 128, "output_size": 256}),
    ("dlight", {"details": "fast"}), ("dlight", {"features": "lowmem"}), ("dlight", {"output_size": 128}),
    ("dlight", {"output_size": 384}),
]
BATCH = 16


def gflop(model: SwapModel) -> float:
    """Arithmetic of one face through encoder and decoder; a training step takes three times that for each face."""
    x = torch.empty(1, 3, model.input_size, model.input_size, device="meta")
    with FlopCounterMode(display=False) as counter:
        model.forward_both(x, x)
    return counter.get_total_flops() / 2e9


def gigabytes(trainer: str, options: dict[str, Any], precision: str) -> float:
    plan = Plan(trainer, tuple(options.items()), execution=Execution(precision), device="cuda")
    return footprint(plan, BATCH).peak / 1e9


def main() -> None:
    with torch.device("meta"):
        unit = gflop(build("original"))
    print("| Trainer | Options | Pictures, px | Parameters, million | Work | GFLOP a face | GB float32 | GB bfloat16 |")
    print("|---|---|---|---|---|---|---|---|")
    order = [row.name for row in TRAINERS]
    every = [(name, {}) for name in order] + VARIANTS
    for trainer, options in sorted(every, key=lambda each: order.index(each[0])):
        with torch.device("meta"):
            model = build(trainer, options)
        million = sum(p.numel() for p in model.parameters()) / 1e6
        work = gflop(model)
        words = ", ".join(f"{key.replace('_', ' ')} {value}" if value is not True else key
                          for key, value in options.items())
        memory = [gigabytes(trainer, options, precision) for precision in ("float32", "bfloat16")]
        label, pictures = find(TRAINERS, trainer).label, f"{model.input_size} → {model.output_size}"
        print(f"| {label} | {words} | {pictures} | {million:.1f} | {_short(work / unit)} | {_short(work)} | "
              f"{memory[0]:.1f} | {memory[1]:.1f} |", flush=True)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    main()
