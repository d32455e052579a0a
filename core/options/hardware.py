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
