"""Which arithmetic and memory layout trains fastest on this machine: measured, not guessed."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from ..models.base import SwapModel
from .batch import random_batch
from .execution import Execution
from .gradients import Gradients

_MEASURED_FACES = 8  # of each side, at most: enough to fill the cores, quick for the large models
_LONG = 0.5  # seconds: passes longer than this are steady enough to be timed once
_CLEAR_GAIN = 0.9  # another choice than plain float32 must take less than this part of its time


def measure(gradients: Gradients, device: torch.device, precision: str,
            batch_size: int) -> tuple[Execution, dict[str, float]]:
    """The fastest execution for a step's gradients, and the seconds of each that was tried.

    First the precisions that the option ("auto", "float32", "bfloat16") leaves open, then channels-last for the
    better one. The model's weights and buffers are left as they are; its gradients are dropped.
    """
    model, count = gradients.model, min(batch_size, _MEASURED_FACES)
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    kinds = ("float32", "bfloat16") if precision == "auto" else (precision,)
    seconds = {plain: _measure(gradients, device, plain, count) for plain in map(Execution, kinds)}
    last = Execution(choose(seconds).precision, channels_last=True)
    seconds[last] = _measure(gradients, device, last, count)
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
    best = choose(seconds)
    best.place(model)
    return best, {_label(execution): round(value, 4) for execution, value in seconds.items()}


def _measure(gradients: Gradients, device: torch.device, execution: Execution, count: int) -> float:
    """Seconds of the fastest pass after a first one, which also makes the kernels ready and is not counted."""
    execution.place(gradients.model)
    first = _time(gradients, device, execution, count)
    again = 1 if first > _LONG else 3
    return min(_time(gradients, device, execution, count) for _ in range(again))


def choose(seconds: dict[Execution, float]) -> Execution:
    """The fastest, but the first (plainest) unless another is clearly faster."""
    first = next(iter(seconds))
    best = min(seconds, key=lambda execution: seconds[execution])
    return best if seconds[best] < _CLEAR_GAIN * seconds[first] else first


def _time(gradients: Gradients, device: torch.device, execution: Execution, count: int) -> float:
    model: SwapModel = gradients.model
    batch = random_batch(model.input_size, model.output_sizes, count, device)
    batch = replace(batch, feed=batch.feed.contiguous(memory_format=execution.memory_format))
    _wait(device)
    begin = time.perf_counter()
    gradients(execution, batch)
    _wait(device)
    passed = time.perf_counter() - begin
    model.zero_grad(set_to_none=True)
    return passed


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _label(execution: Execution) -> str:
    return execution.precision + (" channels-last" if execution.channels_last else "")

