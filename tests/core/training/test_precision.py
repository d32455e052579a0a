"""How the choice of an execution goes: what is tried, what is said where it cannot be, and what a recording keeps."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from understudy.core.models.base import SharedEncoderModel
from understudy.core.training.augmenting.batch import Batch, random_batch
from understudy.core.training.computing import compiling, precision
from understudy.core.training.computing.compiling import compile_networks, missing
from understudy.core.training.computing.execution import Execution
from understudy.core.training.computing.gradients import Gradients, SideLosses
from understudy.core.training.computing.recording import can_record
from understudy.core.training.computing.savings import Savings
from understudy.core.training.losses import FaceLoss

CPU = torch.device("cpu")


@pytest.fixture
def gradients(tiny: type[SharedEncoderModel]) -> Gradients:
    torch.manual_seed(0)
    return Gradients(tiny().eval(), FaceLoss("mae", penalized=True))  # without dropout


def noise(seed: int) -> Batch:
    torch.manual_seed(seed)
    return random_batch(16, (16,), 2, CPU)


def grads(gradients: Gradients) -> list[torch.Tensor | None]:
    return [None if p.grad is None else p.grad.clone() for p in gradients.model.parameters()]


def test_on_a_processor_nothing_is_compiled_unless_asked_for(gradients: Gradients) -> None:
    told: list[str] = []
    execution, seconds = precision.measure(gradients, CPU, "auto", 2, "auto", told.append)
    assert not execution.compiled
    assert set(seconds) <= {"float32", "bfloat16", "float32 channels-last", "bfloat16 channels-last"}
    assert not told


def test_without_a_compiler_the_networks_run_uncompiled_and_it_is_said_once(
        gradients: Gradients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("CXX", raising=False)
    told: list[str] = []
    execution, _ = precision.measure(gradients, CPU, "float32", 2, "on", told.append)
    assert not execution.compiled
    assert told == ["The networks run uncompiled: PyTorch lacks a C++ compiler"]
    assert "encode" not in gradients.model.__dict__


def test_a_compiler_that_fails_is_told_in_a_line(gradients: Gradients, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(function: Any, **_: Any) -> Any:
        def call(*values: Any) -> Any:
            raise RuntimeError("the linker ran out of luck\nand 40 lines of trace")
        return call

    monkeypatch.setattr(torch, "compile", failing)
    monkeypatch.setattr(compiling, "missing", lambda device: "")
    monkeypatch.setattr(precision, "missing", lambda device: "")
    told: list[str] = []
    execution, _ = precision.measure(gradients, CPU, "float32", 2, "on", told.append)
    assert not execution.compiled
    assert "the linker ran out of luck" in told[0]
    assert "\n" not in told[0]
    gradients(execution, noise(0))  # and training goes on


def test_previews_are_not_compiled_for(gradients: Gradients, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(torch, "compile", lambda f, **_: lambda *values: (calls.append(f.__name__), f(*values))[1])
    undo = compile_networks(gradients.model)
    with torch.no_grad():
        gradients.model(torch.rand(1, 3, 16, 16), "a")
    assert not calls
    gradients(Execution(), noise(0))
    assert calls == ["encode", "decode", "decode"]
    undo()
    gradients(Execution(), noise(0))
    assert len(calls) == 3


def test_a_device_that_nothing_is_compiled_for() -> None:
    assert missing(torch.device("mps")) == "support for mps"


@pytest.mark.long
def test_compiled_networks_give_the_same_gradients(gradients: Gradients) -> None:
    if missing(CPU):
        pytest.skip("no C++ compiler here")
    gradients(Execution(), noise(0))
    expected = grads(gradients)
    gradients.model.zero_grad(set_to_none=True)
    compile_networks(gradients.model)
    gradients(Execution(compiled=True), noise(0))
    for one, other in zip(grads(gradients), expected, strict=True):
        torch.testing.assert_close(one, other)


class Graph:
    """What a CUDA graph does, on a processor: runs the same pass again, whose results go where they were."""

    recorded: Any = None

    def replay(self) -> None:
        parameters, run, kept = self.recorded
        held = [p.grad for p in parameters]
        for p in parameters:
            p.grad = None
        result = run()
        for parameter, place, before in zip(parameters, kept["gradients"], held, strict=True):
            if place is not None:
                place.copy_(parameter.grad)
            parameter.grad = before
        for side, new in zip(kept["result"], result, strict=True):
            side.total.copy_(new.total)


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch, gradients: Gradients) -> Gradients:
    """torch.cuda's graphs, played by `Graph`."""
    plain = gradients._together
    last: dict[str, Any] = {}

    def remember(execution: Execution, a: Batch, b: Batch) -> tuple[SideLosses, SideLosses]:
        last.update(run=lambda: plain(execution, a, b), result=plain(execution, a, b))
        return last["result"]

    @contextmanager
    def record(graph: Graph, **_: Any) -> Any:
        yield
        parameters = list(gradients.model.parameters())
        graph.recorded = parameters, last["run"], {"gradients": [p.grad for p in parameters], "result": last["result"]}

    class Stream:
        def wait_stream(self, other: Any) -> None:
            pass

    @contextmanager
    def aside(stream: Any) -> Any:
        yield

    gradients._together = remember  # type: ignore[method-assign]
    for name, fake in (("Stream", Stream), ("current_stream", Stream), ("stream", aside), ("CUDAGraph", Graph),
                       ("get_rng_state", torch.get_rng_state), ("set_rng_state", torch.set_rng_state),
                       ("graph", record)):
        monkeypatch.setattr(torch.cuda, name, fake)
    return gradients


def test_replays_give_each_batch_s_own_gradients_and_add_them_up(
        cards: Gradients, tiny: type[SharedEncoderModel]) -> None:
    torch.manual_seed(0)
    plain = Gradients(tiny().eval(), FaceLoss("mae", penalized=True))
    graphed = Execution(graphed=True)
    for step in range(2):
        for seed in (2 * step, 2 * step + 1):  # two batches for each step
            losses = cards(graphed, noise(seed))
            expected = plain(Execution(), noise(seed))
            torch.testing.assert_close([s.total for s in losses], [s.total for s in expected])
        for one, other in zip(grads(cards), grads(plain), strict=True):
            torch.testing.assert_close(one, other)
        for gradients in (cards, plain):
            gradients.model.zero_grad(set_to_none=True)


def test_gradients_that_wait_survive_the_recording(cards: Gradients) -> None:
    weight = next(cards.model.parameters())
    weight.grad = torch.full_like(weight, 100.0)
    cards(Execution(graphed=True), noise(0))
    assert weight.grad.mean() > 90


def test_what_cannot_be_recorded(gradients: Gradients) -> None:
    assert can_record(gradients)
    Savings(gradients=True).apply(gradients.model)
    assert not can_record(gradients)
