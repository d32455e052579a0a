"""Conversion's options about where the faces to replace are known from."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option
from .rows import ALIGNERS, DETECTORS


@dataclass(frozen=True)
class ConvertFindingOptions:
    """Where the faces come from."""

    input_aligned_dir: str = option("", label="Faces Folder", help="Replace only faces whose pictures lie in this "
                                    "faces folder: delete those that are to stay as they are", kind="folder",
                                    group="Input", advanced=True)
    on_the_fly: bool = option(False, label="On the Fly", help="First find the faces in frames that were never "
                              "searched; they are kept in the alignments, where they can be corrected", group="Input",
                              advanced=True)
    detector: str = option("dlib", label="Detector", help="What finds faces in a frame", choices=DETECTORS,
                           group="Input", advanced=True, only_with=("on_the_fly", (True,)))
    aligner: str = option("dlib", label="Aligner", help="What places the 68 landmarks", choices=ALIGNERS,
                          group="Input", advanced=True, only_with=("on_the_fly", (True,)))
