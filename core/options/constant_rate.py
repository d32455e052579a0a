"""Options of `understudy constant-rate`."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option


@dataclass(frozen=True)
class ConstantRateOptions:
    """Copy a film with a constant frame rate, upright and as H.264, for strips that Blender cannot map exactly."""

    source: str = option("", label="Source", help="Video file to copy", kind="file", positional=True, required=True,
                         per_shot=False)
    output: str = option("", label="Output", help="File to write; empty: beside the source, with _constant in its name",
                         kind="file", group="Output")
    rate: float = option(0.0, label="Rate", help="Frames per second; 0: the source's own, or the usual rate nearest "
                         "above its average", min=0.0, max=240.0, unit="fps", group="Output")
