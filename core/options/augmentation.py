"""Options of what is done to faces before the model sees them (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option


@dataclass(frozen=True)
class AugmentationOptions:
    """How faces are varied."""

    flip: bool = option(True, label="Flip", help="Mirror half of the faces", group="Augmentation", advanced=True)
    augment_color: bool = option(True, label="Colour Augmentation", help="Vary lightness, colour and contrast",
                                 group="Augmentation", advanced=True)
    warp: bool = option(True, label="Warp", help="Bend the input pictures at random, so that the model learns faces "
                        "rather than pictures", group="Augmentation", advanced=True)
