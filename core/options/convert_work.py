"""Conversion's options about the machines that do the work."""

from __future__ import annotations

from dataclasses import dataclass

from .common_fields import cluster_option, device_option
from .field import option


@dataclass(frozen=True)
class ConvertWorkOptions:
    """What the work is done with."""

    batch_size: int = option(16, label="Batch Size", help="Faces converted at a time", min=1, max=128,
                             group="Performance", advanced=True)
    device: str = device_option("Performance")
    precision: str = option("auto", label="Precision", help="Arithmetic of the networks; auto takes bfloat16 where the "
                            "device computes it faster and the model's pictures stay the same to one step of 255",
                            choices=("auto", "float32", "bfloat16"), group="Performance", advanced=True)
    cluster: str = cluster_option("Performance")
