"""How fast each trainer trains here: EG/s (faces of both sides per second) and the share of the processor's peak.

    python benchmarks/training_speed.py [--trainer sketch …] [--batch-size 16] [--seconds 20] [--json FILE]

The arithmetic of a step (forward and backward) is counted by PyTorch's flop counter; the peak is the best that a large
matrix product and a typical convolution reach here in the same precision. On a busy machine read the last column, faces
per second of processor time, rather than EG/s.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from understudy.core.models.base import SwapModel, build
from understudy.core.options.rows import TRAINERS
from understudy.core.training.augmentation import Augmenter, Batch
from understudy.core.training.execution import Execution
from understudy.core.training.gradients import Gradients, sides_can_part
from understudy.core.training.loop import Trainer
from understudy.core.training.losses import FaceLoss
from understudy.core.training.threads import Threads, allowed_threads

EXECUTIONS = [Execution("float32", False), Execution("float32", True), Execution("bfloat16", False),
              Execution("bfloat16", True)]


PROCESSORS = allowed_threads()


def best_seconds(call: Callable[[], object], seconds: float) -> float:
    """The shortest of as many calls as fit into `seconds`, after one that is not counted."""
    call()
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def peak(precision: str, seconds: float) -> dict[str, float]:
    """GFLOP/s of a 2048^3 matrix product and of a 3x3 convolution of 256 channels over 32 pictures of 32 px."""
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    a, b = (torch.randn(2048, 2048).to(kind) for _ in range(2))
    x = torch.randn(32, 256, 32, 32).to(kind).contiguous(memory_format=torch.channels_last)
    w = torch.randn(256, 256, 3, 3).to(kind).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        matmul = 2 * 2048**3 / best_seconds(lambda: a @ b, seconds)
        conv = 2 * 32 * 32 * 32 * 256 * 256 * 9 / best_seconds(lambda: torch.conv2d(x, w, padding=1), seconds)
    return {"matmul": matmul / 1e9, "conv": conv / 1e9}


def gflop_forward(model: SwapModel) -> float:
    """GFLOP of one face's way through the model."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(torch.rand(1, 3, model.input_size, model.input_size), "b")
    return counter.get_total_flops() / 1e9


def gflop_step(model: SwapModel) -> float:
    """GFLOP per face of a training step's networks, forward and backward."""
    x = torch.rand(1, 3, model.input_size, model.input_size)
    with FlopCounterMode(display=False) as counter:
        sum(made.faces[-1].sum() for made in model.forward_both(x, x)).backward()
    model.zero_grad(set_to_none=True)
    return counter.get_total_flops() / 2e9


def train(model: SwapModel, execution: Execution, batch_size: int, seconds: float) -> dict[str, float]:
    """EG/s wall and per processor second, of steps alone (augmentation runs beside them in its own thread)."""
    parallel = PROCESSORS > 1 and sides_can_part(model)
    Threads(PROCESSORS // 2 if parallel else PROCESSORS)  # as the train task does
    trainer = Trainer(Gradients(model, FaceLoss(model.recipe.loss, penalized=True), parallel=parallel), model.recipe,
                      execution)
    rng = np.random.default_rng(0)
    feed, target = (rng.integers(0, 256, (2 * batch_size, size, size, 3), np.uint8)
                    for size in (model.input_size, model.output_size))
    batch = Batch(feed, target, np.full(target.shape[:3], 255, np.uint8))
    trainer.step(batch, 0)
    steps, begin, cpu = 0, time.perf_counter(), time.process_time()
    while steps < 2 or time.perf_counter() - begin < seconds:
        trainer.step(batch, steps + 1)
        steps += 1
    faces = 2 * batch_size * steps
    return {"rate": faces / (time.perf_counter() - begin), "per_cpu_second": faces / (time.process_time() - cpu)}


def augmentation(size: int, output_size: int, input_size: int, count: int = 32) -> float:
    """Milliseconds of processor time per face."""
    crops = np.random.default_rng(0).integers(0, 256, (count, size, size, 4), np.uint8)
    augmenter, rng = Augmenter(size, input_size, output_size), np.random.default_rng(0)
    augmenter(crops, rng)
    begin = time.thread_time()
    for _ in range(5):
        augmenter(crops, rng)
    return (time.thread_time() - begin) / 5 / count * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainer", nargs="+", default=[row.name for row in TRAINERS])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10.0, help="per measurement")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    arguments = parser.parse_args()
    peaks = {precision: peak(precision, min(2.0, arguments.seconds)) for precision in ("float32", "bfloat16")}
    print(f"{torch.get_num_threads()} threads, PyTorch {torch.__version__}")
    for precision, values in peaks.items():
        print(f"{precision}: matrix product {values['matmul']:.0f} GFLOP/s, convolution {values['conv']:.0f} GFLOP/s")
    rows = []
    for name in arguments.trainer:
        model = build(name)
        forward, step = gflop_forward(model), gflop_step(model)
        augmented = augmentation(max(model.input_size, model.output_size), model.output_size, model.input_size)
        parameters = sum(p.numel() for p in model.parameters())
        print(f"\n{name}: {parameters / 1e6:.2f} M parameters, {forward:.2f} GFLOP forward per face, {step:.2f} per "
              f"face and step; augmentation {augmented:.2f} ms per face")
        for execution in EXECUTIONS:
            torch.manual_seed(0)
            figures = train(build(name), execution, arguments.batch_size, arguments.seconds)
            reached = step * figures["rate"]
            share = reached / max(peaks[execution.precision].values())
            layout = "channels-last" if execution.channels_last else "plain"
            print(f"  {execution.precision:9} {layout:14} {figures['rate']:8.1f} EG/s {reached:8.0f} GFLOP/s "
                  f"{share:6.0%} of peak {figures['per_cpu_second']:8.1f} faces per CPU second")
            rows.append({"trainer": name, "precision": execution.precision, "channels_last": execution.channels_last,
                         **figures, "gflop_per_second": reached, "share_of_peak": share})
    if arguments.json:
        arguments.json.write_text(json.dumps({"peaks": peaks, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
