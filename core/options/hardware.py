"""Options of where and in which arithmetic training computes (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .common_fields import device_option
from .field import option


@dataclass(frozen=True)
class HardwareOptions:
    """Where and how networks compute."""

    precision: str = option("auto", label="Precision", help="Arithmetic of the networks; auto measures the choices on "
                            "this machine and takes the fastest", choices=("auto", "float32", "bfloat16"),
                            group="Device", advanced=True)
    device: str = device_option()
    gpus: str = option("", label="Graphics Cards", help="Train on several cards of this computer: how many, or which "
                       "(0,2), or all; each gets a part of every batch", group="Device", advanced=True)
    distributed: bool = option(False, label="Distributed", help="This process is one of several that torchrun started",
                               group="Device", per_shot=False)
