"""Options of where and in which arithmetic training computes, and of how it saves memory there (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .common_fields import device_option
from .field import option


def precision_option() -> Any:
    return option("auto", label="Precision", help="Arithmetic of the networks; auto measures float32 and bfloat16 on "
                  "this machine and takes the faster one; float16 is for graphics cards that lack bfloat16",
                  choices=("auto", "float32", "bfloat16", "float16"), group="Device", advanced=True)


def memory_saving_gradients_option() -> Any:
    return option(False, label="Memory-Saving Gradients", help="Forget what lies inside the networks on the way "
                  "forward and compute it again on the way back: a larger batch fits, each step takes a third longer; "
                  "the first thing to try where memory is short", group="Memory", advanced=True)


def optimizer_savings_option() -> Any:
    return option(False, label="Optimizer Savings", help="Keep what the optimiser remembers of each weight in the "
                  "computer's own memory instead of the graphics card's; slower the smaller the batch; the second "
                  "thing to try", group="Memory", advanced=True)


def ping_pong_option() -> Any:
    return option(False, label="Ping-Pong", help="Train one side at a time, in turns of a save interval, and keep what "
                  "is the other side's alone off the graphics card; takes twice the iterations, so the last thing to "
                  "try; keep the save interval at 100 or below", group="Memory", advanced=True)


@dataclass(frozen=True)
class HardwareOptions:
    """Where and how networks compute."""

    precision: str = precision_option()
    device: str = device_option()
    gpus: str = option("", label="Graphics Cards", help="Train on several cards of this computer: how many, or which "
                       "(0,2), or all; each gets a part of every batch", group="Device", advanced=True)
    distributed: bool = option(False, label="Distributed", help="This process is one of several that torchrun started",
                               group="Device", per_shot=False)
    compile: str = option("auto", label="Compile", help="Let PyTorch compile the networks, which takes a minute or two "
                          "at the start of the first training of a kind; auto: on a graphics card, where that is "
                          "clearly faster", choices=("auto", "on", "off"), group="Device", advanced=True)
    threads: int = option(0, label="Processor Threads", help="How many processor threads the networks use; 0: as many "
                          "as pay, looked at again while training; a fixed number repeats a training bit for bit on a "
                          "busy machine too", min=0, max=256, group="Device", advanced=True)
    memory_saving_gradients: bool = memory_saving_gradients_option()
    optimizer_savings: bool = optimizer_savings_option()
    ping_pong: bool = ping_pong_option()
    allow_growth: bool = option(False, label="Allow Growth", help="Take the graphics card's memory in pieces that can "
                                "grow, where others use the card too or memory ends up in pieces of the wrong size",
                                group="Memory", advanced=True)
    memory_limit: float = option(100.0, label="Memory Limit", help="How much of the graphics card's memory training "
                                 "may take at most", min=5.0, max=100.0, unit="%", group="Memory", advanced=True)
