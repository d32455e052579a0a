"""Which arithmetic and memory layout trains fastest on this machine: measured, not guessed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from ...models.base import SwapModel
from ..augmenting.batch import random_batch
from .compiling import compile_networks, missing
from .execution import Execution
from .gradients import Gradients
from .recording import can_record

log = logging.getLogger(__name__)

_MEASURED_FACES = 8  # of each side, at most: enough to fill the cores, quick for the large models
_LONG = 0.5  # seconds: passes longer than this are steady enough to be timed once
_CLEAR_GAIN = 0.9  # another choice than the usual must take less than this part of its time


def measure(gradients: Gradients, device: torch.device, precision: str, batch_size: int, compile: str = "off",
            warn: Callable[[str], object] = print, whole: bool = True, alone: bool = True,
            ) -> tuple[Execution, dict[str, float]]:
    """The fastest execution for a step's gradients, and the seconds of each that was tried.

    First the precisions that the option ("auto": float32 and bfloat16) leaves open, channels-last, which is the usual;
    then the better one with channels apart; then, on a CUDA card, its kernels recorded and replayed, and compiled
    networks where `compile` allows. The model's weights and buffers are left as they are; its gradients are dropped.

    Args:
        compile: "on", "off", or "auto": where it may pay, which is on CUDA cards.
        warn: told why what a person asked for cannot be.
        whole: steps are of both sides at once; otherwise nothing is compiled or recorded.
        alone: this process trains alone; otherwise nothing is recorded.

    Raises:
        torch.OutOfMemoryError: the device has no room for any of them.
    """
    model, count = gradients.model, min(batch_size, _MEASURED_FACES)
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    kinds = ("float32", "bfloat16") if precision == "auto" else (precision,)
    seconds = _that_fit(gradients, device, [Execution(kind, True) for kind in kinds], count)
    best = choose(seconds)
    taken = {best: seconds[best], **_that_fit(gradients, device, [replace(best, channels_last=False)], count, needed=0)}
    seconds, best = {**seconds, **taken}, choose(taken)
    if whole and (device.type == "cuda" or compile == "on"):
        best = _specialised(gradients, device, best, batch_size, compile, warn, seconds, alone=alone)
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
    best.place(model)
    return best, {execution.label: round(value, 4) for execution, value in seconds.items()}


def _that_fit(gradients: Gradients, device: torch.device, kinds: list[Execution], count: int, needed: int = 1,
              ) -> dict[Execution, float]:
    """The seconds of those for which the card's memory is enough: bfloat16 takes little more than half of float32's.

    Raises:
        torch.OutOfMemoryError: fewer than `needed` are left.
    """
    seconds: dict[Execution, float] = {}
    for number, kind in enumerate(kinds, 1):
        try:
            seconds[kind] = _measure(gradients, device, kind, count)
        except torch.OutOfMemoryError:
            if len(seconds) + len(kinds) - number < needed:
                raise
            log.info("%s takes more memory than there is", kind.label)
        gradients.model.zero_grad(set_to_none=True)
    return seconds


def _specialised(gradients: Gradients, device: torch.device, plain: Execution, batch_size: int, compile: str,
                 warn: Callable[[str], object], seconds: dict[Execution, float], *, alone: bool) -> Execution:
    """`plain`, or the same recorded or compiled for this very batch size where that is clearly faster."""
    found = {plain: _measure(gradients, device, plain, batch_size)}
    if device.type == "cuda" and alone and can_record(gradients):
        graphed = replace(plain, graphed=True)
        taken = _try(gradients, device, graphed, batch_size)
        if isinstance(taken, float):
            found[graphed] = taken
        gradients.forget_recording()
    if compile != "off":
        compiled = replace(plain, compiled=True)
        lacking = missing(device)
        undo = compile_networks(gradients.model)
        taken = lacking or _try(gradients, device, compiled, batch_size)
        if isinstance(taken, float):
            found[compiled] = taken
        elif compile == "on":
            warn(f"The networks run uncompiled: PyTorch lacks {lacking}" if lacking else
                 f"The networks run uncompiled, since PyTorch could not compile them ({taken})")
        best = compiled if compile == "on" and compiled in found else choose(found)
        if not best.compiled:
            undo()
    else:
        best = choose(found)
    seconds.update(found)
    return best


def _try(gradients: Gradients, device: torch.device, execution: Execution, count: int) -> float | str:
    """Seconds of a pass, or in a line why there can be none: compilers and drivers fail in ways of their own."""
    try:
        return _measure(gradients, device, execution, count)
    except Exception as error:
        log.info("%s cannot be had", execution.label, exc_info=True)
        gradients.model.zero_grad(set_to_none=True)
        return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _measure(gradients: Gradients, device: torch.device, execution: Execution, count: int) -> float:
    """Seconds of the fastest pass after a first one, which also makes the kernels ready and is not counted."""
    execution.place(gradients.model)
    first = _time(gradients, device, execution, count)
    again = 1 if first > _LONG else 3
    return min(_time(gradients, device, execution, count) for _ in range(again))


def choose(seconds: dict[Execution, float]) -> Execution:
    """The fastest, but the first (the usual) unless another is clearly faster."""
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
