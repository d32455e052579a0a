"""Options of `understudy models fit` (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .common_fields import device_option
from .field import option
from .hardware import memory_saving_gradients_option, optimizer_savings_option, ping_pong_option
from .rows import OPTIMIZERS, TRAINERS
from .trainers import TrainerOptions

ALL = "all"


@dataclass(frozen=True)
class ModelsFitOptions(TrainerOptions):
    """Say how much memory each trainer takes at a batch size, and what fits into this computer."""

    trainer: str = option(ALL, label="Trainer", help="Which trainer to look at; all lists every one with its usual "
                          "options", choices=(ALL, *TRAINERS), group="Model")
    learn_mask: bool = option(False, label="Learn Mask", help="With a learned mask", group="Model")
    batch_size: int = option(16, label="Batch Size", help="Faces of each side per iteration", min=1, max=256)
    memory: float = option(0.0, label="Memory", help="Memory that there is; 0: that of this computer's device",
                           min=0.0, max=4096.0, unit="GB")
    precision: str = option("bfloat16", label="Precision", help="Arithmetic of the networks",
                            choices=("float32", "bfloat16", "float16"))
    optimizer: str = option("auto", label="Optimiser", help="Whose memory counts; auto: that of each trainer's own",
                            choices=("auto", *OPTIMIZERS))
    device: str = device_option()
    memory_saving_gradients: bool = memory_saving_gradients_option()
    optimizer_savings: bool = optimizer_savings_option()
    ping_pong: bool = ping_pong_option()
