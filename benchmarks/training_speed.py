"""How fast each trainer trains here: EG/s (faces of both sides per second), the share of this machine's ceiling, and
where the time of a step goes.

    python benchmarks/training_speed.py [--trainer original …] [--batch-size 16] [--precision float32 bfloat16]
                                        [--device cpu] [--seconds 10] [--naive] [--json FILE]

The arithmetic of a step (forward and backward) is counted by PyTorch's flop counter; the ceiling is the best that a
large matrix product and a typical convolution reach here in the same precision, measured before each trainer. Steps are
the train task's own. On a busy machine read faces per second of processor time rather than EG/s.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from understudy.core.models import convolutions, products
from understudy.core.models.base import SwapModel, build
from understudy.core.options.rows import TRAINERS
from understudy.core.options.train import TrainOptions
from understudy.core.training.augmenting.batches import Maker, maker_for, process_size
from understudy.core.training.computing.allocation import keep_memory
from understudy.core.training.computing.execution import Execution
from understudy.core.training.computing.gradients import Gradients, sides_can_part
from understudy.core.training.computing.threads import Way, allowed_threads, ways
from understudy.core.training.loop import Trainer
from understudy.core.training.losses import FaceLoss

PROCESSORS = allowed_threads()
KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
LONG = 10.0  # seconds: steps longer than this are measured once, one way
FACES = 32  # of each side, to make batches of


@dataclass
class Row:
    """One line of the table; seconds are of one step."""

    trainer: str
    precision: str
    batch_size: int
    rate: float
    per_processor_second: float
    gflop_per_second: float
    ceiling: float
    loader: float
    forward: float
    backward: float
    optimizer: float
    apart: bool

    @property
    def share(self) -> float:
        return self.gflop_per_second / self.ceiling


@dataclass(frozen=True)
class Crops:
    """Faces of noise, as the loader takes them."""

    crops: np.ndarray
    landmarks: np.ndarray


class Phases:
    """Seconds of the parts of a step: the marks that a step passes on its way."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self._turned = trainer, 0.0
        scaled = trainer.gradients.scaled

        def turn(loss: torch.Tensor) -> torch.Tensor:  # where the way forward ends
            wait(trainer.device)
            self._turned = time.perf_counter()
            return scaled(loss)

        trainer.gradients.scaled = turn

    def step(self, maker: Maker, iteration: int) -> tuple[float, float, float, float]:
        begin = time.perf_counter()
        batch = maker.make(iteration)
        made = time.perf_counter()
        self.trainer.compute(batch, iteration)
        wait(self.trainer.device)
        computed = time.perf_counter()
        self.trainer.update(iteration)
        wait(self.trainer.device)
        return made - begin, self._turned - made, computed - self._turned, time.perf_counter() - computed


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def best_seconds(call: Callable[[], object], seconds: float, device: torch.device) -> float:
    """The shortest of as many calls as fit into `seconds`, after one that is not counted."""
    call()
    wait(device)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        wait(device)
        times.append(time.perf_counter() - begin)
    return min(times)


def ceilings(precision: str, seconds: float, device: torch.device) -> dict[str, float]:
    """GFLOP/s of a square matrix product and of a 3x3 convolution of 256 channels over 32 pictures of 32 px."""
    kind, side = KINDS[precision], 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    x = torch.randn(32, 256, 32, 32, device=device).to(kind).contiguous(memory_format=torch.channels_last)
    w = torch.randn(256, 256, 3, 3, device=device).to(kind).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        product = 2 * side**3 / best_seconds(lambda: a @ b, seconds, device)
        conv = 2 * 32 * 32 * 32 * 256 * 256 * 9 / best_seconds(lambda: torch.conv2d(x, w, padding=1), seconds, device)
    return {"matrix product": product / 1e9, "convolution": conv / 1e9}


def gflop_step(trainer: str) -> float:
    """GFLOP per face of a training step's networks, forward and backward."""
    with torch.device("meta"):
        model = build(trainer)
        x = torch.empty(1, 3, model.input_size, model.input_size)
    with FlopCounterMode(display=False) as counter:
        made = model.forward_both(x, x)
        sum(face.sum() for side in made for face in side.faces).backward()
    return counter.get_total_flops() / 2e9


def make_trainer(name: str, execution: Execution, device: torch.device) -> Trainer:
    torch.manual_seed(0)
    model = build(name).to(device)
    recipe = model.recipe
    loss = FaceLoss(recipe.loss, penalized=True, mask_floor=recipe.mask_floor)
    return Trainer(Gradients(model, loss, recipe.side_weights, recipe.landmark_weight), recipe, execution)


def make_loader(model: SwapModel, name: str, batch_size: int, device: torch.device) -> Maker:
    size, rng = process_size(model), np.random.default_rng(0)
    landmarks = rng.uniform(0.2, 0.8, (FACES, 68, 2)).astype(np.float32) * size
    sides = [Crops(rng.integers(0, 256, (FACES, size, size, 4), np.uint8), landmarks) for _ in "ab"]
    return maker_for(TrainOptions(trainer=name, batch_size=batch_size), model, (sides[0], sides[1]), device)


def measure(name: str, execution: Execution, batch_size: int, seconds: float, device: torch.device,
            ceiling: float) -> Row:
    """Steps for `seconds`; on a processor, unless steps are long, the faster of the train task's ways."""
    trainer = make_trainer(name, execution, device)
    maker = make_loader(trainer.model, name, batch_size, device)
    choice = ways(PROCESSORS, sides_can_part(trainer.model)) if device.type == "cpu" else ()
    found = [_steps(trainer, maker, choice[0] if choice else None, batch_size, seconds)]
    if len(choice) > 1 and 2 * batch_size / found[0][0] < LONG:
        found.append(_steps(trainer, maker, choice[1], batch_size, seconds))
    rate, processor, phases, way = max(found, key=lambda one: one[0])
    return Row(name, execution.precision, batch_size, rate, processor, gflop_step(name) * rate, ceiling, *phases,
               apart=bool(way and way.apart))


def _steps(trainer: Trainer, maker: Maker, way: Way | None, batch_size: int, seconds: float,
           ) -> tuple[float, float, list[float], Way | None]:
    if way:
        trainer.gradients.take(way)
    phases = Phases(trainer)
    least = 1 if sum(phases.step(maker, 0)) > LONG else 2
    times, begin, processor = [], time.perf_counter(), time.process_time()
    while len(times) < least or time.perf_counter() - begin < seconds:
        times.append(phases.step(maker, len(times) + 1))
    processor = time.process_time() - processor
    # The loader works beside the step, in a thread of its own.
    rate = 2 * batch_size / median(sum(step[1:]) for step in times)
    parts = [median(step[part] for step in times) for part in range(4)]
    return rate, 2 * batch_size * len(times) / processor, parts, way


@contextmanager
def untouched() -> Iterator[None]:
    usual = convolutions.faster, products.suits
    convolutions.faster, products.suits = lambda *_: None, lambda *_: False
    try:
        yield
    finally:
        convolutions.faster, products.suits = usual


def show(row: Row, label: str) -> None:
    whole = row.forward + row.backward + row.optimizer
    shares = " | ".join(f"{part / whole:.0%}" for part in (row.loader, row.forward, row.backward, row.optimizer))
    print(f"| {label} | {row.precision} | {row.batch_size} | {row.rate:.1f} | {row.gflop_per_second:.0f} "
          f"| {row.share:.0%} | {shares} | {row.per_processor_second:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainer", nargs="+", default=[row.name for row in TRAINERS])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", nargs="+", choices=KINDS, default=["float32", "bfloat16"])
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--seconds", type=float, default=10.0, help="per measurement")
    parser.add_argument("--naive", action="store_true", help="first, each trainer as PyTorch computes it untouched")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    arguments = parser.parse_args()
    device = arguments.device
    print(f"{PROCESSORS} processors, PyTorch {torch.__version__}, {device}\n")
    print("| Trainer | Precision | Batch | EG/s | GFLOP/s | of ceiling | Loader | Forward | Backward | Optimiser "
          "| Faces per processor second |\n" + "|---" * 11 + "|")
    rows, peaks = [], []
    for naive in (True, False) if arguments.naive else (False,):
        if not naive and device.type == "cpu":
            keep_memory()
        for name in arguments.trainer:
            for precision in arguments.precision:
                peak = ceilings(precision, min(2.0, arguments.seconds), device)
                peaks.append({"precision": precision, **peak})
                execution = Execution(precision, channels_last=not naive)
                settings = (name, execution, arguments.batch_size, arguments.seconds, device, max(peak.values()))
                if naive:
                    with untouched():
                        row = measure(*settings)
                else:
                    row = measure(*settings)
                show(row, f"{name}, untouched" if naive else name)
                rows.append({**asdict(row), "naive": naive, "share": row.share})
    for precision in arguments.precision:
        of_kind = [peak for peak in peaks if peak["precision"] == precision]
        print(f"\n{precision}: " + ", ".join(f"{what} up to {max(peak[what] for peak in of_kind):.0f} GFLOP/s"
                                             for what in ("matrix product", "convolution")), end="")
    print("\n\nLoader: its time beside the step's; it works in a thread of its own. The others: shares of the step.")
    if arguments.json:
        arguments.json.write_text(json.dumps({"peaks": peaks, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
