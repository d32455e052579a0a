"""Options of what is done to faces before the model sees them (stdlib; both sides). None of them is kept in a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .field import option

_GROUP = "Augmentation"
_OWN = -1  # the trainer's own


def _amount(label: str, sentence: str, most: float, unit: str, usual: float) -> Any:
    return option(float(_OWN), label=label, help=f"{sentence}; -1: the trainer's own, as a rule {usual:g}", min=_OWN,
                  max=most, unit=unit, group=_GROUP, advanced=True)


@dataclass(frozen=True)
class AugmentationOptions:
    """How faces are varied."""

    flip: bool = option(True, label="Flip", help="Mirror some of the faces; switch it off for a face whose halves "
                        "differ and have to stay so", group=_GROUP, advanced=True)
    flip_chance: float = _amount("Flip Chance", "Share of the faces that are mirrored", 75, "%", 50)
    augment_color: bool = option(True, label="Colour Augmentation", help="Vary lightness, colour and contrast",
                                 group=_GROUP, advanced=True)
    color_lightness: float = _amount("Lightness", "Make faces lighter or darker by up to this much", 75, "%", 30)
    color_ab: float = _amount("Colour Shift", "Shift faces by up to this much between green and red, and between blue "
                              "and yellow", 50, "%", 8)
    color_clahe_chance: float = _amount("CLAHE Chance", "Share of the faces whose contrast is equalised piece by piece",
                                        75, "%", 50)
    color_clahe_max_size: int = option(_OWN, label="CLAHE Size", help="How much finer than the coarsest the pieces may "
                                       "be; -1: the trainer's own, as a rule 4", min=_OWN, max=8, group=_GROUP,
                                       advanced=True)
    rotation_range: float = _amount("Rotation", "Turn faces by up to this much either way", 25, "°", 10)
    zoom_amount: float = _amount("Zoom", "Make faces larger or smaller by up to this much", 25, "%", 5)
    shift_range: float = _amount("Shift", "Move faces by up to this much of the picture along each axis", 25, "%", 5)
    warp: bool = option(True, label="Warp", help="Bend the input pictures at random, so that the model learns faces "
                        "rather than pictures; switch it off, if at all, near the end of a training",
                        group=_GROUP, advanced=True)
    warp_to_landmarks: bool = option(False, label="Warp to Landmarks", help="Bend each input to the shape of a similar "
                                     "face of the other side instead of at random", group=_GROUP, advanced=True)
    show_augmentation: str = option("", label="Show Augmentation", help="Train nothing, but write a sheet of what is "
                                    "done to the faces; a name without a folder lies in the model folder", kind="file",
                                    group=_GROUP, per_shot=False, alone="augmentation.png")
