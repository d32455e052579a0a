"""Conversion's options about which faces and frames are replaced, and by what."""

from __future__ import annotations

from dataclasses import dataclass

from .common_fields import persons_option
from .field import option


@dataclass(frozen=True)
class ConvertFacesOptions:
    """Which faces of which frames are replaced."""

    alignments: str = option("", label="Alignments", help="The source's alignments; empty: beside the source",
                             kind="file", group="Input", per_shot=False)
    frames: str = option("", label="Frames", help="Frames to convert, counted from 0, such as 0-99,150; empty: all",
                         group="Input", per_shot=False)
    persons: tuple[str, ...] = persons_option("Input")
    models: tuple[str, ...] = option((), label="Models by Person", help="Persons with a model of their own, such as "
                                     "Anna=/models/anna; the model folder, if one is named, is for everybody else",
                                     kind="folder", named=True, group="Input", advanced=True)
    in_front: str = option("larger", label="In Front", help="Which of two overlapping faces lies in front: the larger "
                           "one, or that of the person named first, in persons, then in models",
                           choices=("larger", "persons"), group="Input", advanced=True)
    smooth_alignments: bool = option(False, label="Smooth Alignments", help="Take the jitter out of the landmarks for "
                                     "this conversion, without changing the alignments; faces corrected by hand stay "
                                     "as they are", group="Input")
    swap_model: bool = option(False, label="Swap Model", help="Convert from B to A instead", group="Input",
                              advanced=True)
