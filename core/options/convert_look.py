"""Conversion's options about how the swapped face looks: colours, mask, geometry, detail."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option
from .maskers import MASKS
from .rows import COLOURS


@dataclass(frozen=True)
class ConvertLookOptions:
    """How the swapped face joins its frame."""

    color: str = option("avg-color", label="Colour", help="How the swapped face takes on the original's colours",
                        choices=COLOURS, group="Colour")
    mask_type: str = option("extended", label="Mask", help="Which mask joins the swapped face to the frame; "
                            "all but components and extended have to be in the alignments",
                            choices=("none", *MASKS), group="Mask")
    mask_blur: str = option("normalized", label="Blur Type", help="Kind of blur on the mask's edge",
                            choices=("gaussian", "normalized", "none"), group="Mask", advanced=True)
    mask_kernel: int = option(3, label="Blur Kernel", help="Width of the blur, in pixels of the model's output",
                              min=1, max=9, unit="px", group="Mask", advanced=True)
    mask_passes: int = option(4, label="Blur Passes", help="How often the mask is blurred", min=1, max=8,
                              group="Mask", advanced=True)
    erosion: float = option(0.0, label="Erosion", help="Shrinks the mask; below zero widens it", min=-100.0,
                            max=100.0, unit="%", group="Mask")
    face_scale: float = option(0.0, label="Face Scale", help="Enlarges the swapped face", min=-10.0, max=10.0,
                               unit="%", group="Geometry", advanced=True)
