"""Pausing: networks leave the graphics card while nobody computes, and come back."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from understudy.core.extraction import sharing
from understudy.core.extraction.gate import Gate
from understudy.core.extraction.networks import inference


class OnCard(nn.Module):
    """Has its numbers on a device that is no processor; remembers where it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(3, device="meta"))
        self.sent: list[str] = []

    def to(self, device):  # type: ignore[override]
        self.sent.append(str(device))
        return self


def test_a_pause_waits_for_computations_and_holds_the_next_ones_up():
    network = sharing.share(("on card",), OnCard)
    inside, leave, second = threading.Event(), threading.Event(), threading.Event()

    def compute() -> None:
        with inference():
            inside.set()
            leave.wait(10)
            with inference():  # one that is inside may go on, whatever it needs
                assert network.sent == []
        with inference():
            second.set()

    worker = threading.Thread(target=compute)
    worker.start()
    assert inside.wait(10)
    pause = threading.Thread(target=sharing.free_card)
    pause.start()
    pause.join(0.1)
    assert pause.is_alive()
    assert network.sent == []
    leave.set()
    pause.join(10)
    assert network.sent == ["cpu"]
    assert not second.wait(0.1)
    sharing.take_card()
    assert second.wait(10)
    worker.join(10)
    assert network.sent == ["cpu", "meta"]


def test_pausing_twice_at_once_does_no_harm():
    """As two parts of a job do that both ask for it."""
    network = sharing.share(("on card",), OnCard)
    for step in (sharing.free_card, sharing.free_card, sharing.take_card, sharing.take_card):
        step()
    assert network.sent[0] == "cpu"
    assert network.sent[-1] == "meta"
    with inference():
        pass


def test_networks_on_the_processor_stay(tmp_path):
    network = sharing.share(("on the processor",), lambda: nn.Linear(2, 2))
    before = network.weight.data_ptr()
    sharing.free_card()
    sharing.take_card()
    assert network.weight.data_ptr() == before


def test_a_failure_inside_leaves_the_gate():
    gate = Gate()
    with pytest.raises(ValueError, match="broken"), gate.passed():
        raise ValueError("broken")
    gate.close()
    gate.open()
    with gate.passed():
        pass
