"""Options of `understudy report` (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .common_fields import device_option, persons_option
from .field import option
from .rows import ALIGNERS


@dataclass(frozen=True)
class ReportOptions:
    """Look over a finished conversion: rank its frames by likeness, flicker and fit, the worst first."""

    source: str = option("", label="Source", help="Video file or folder of images that was converted", kind="path",
                         positional=True, required=True, per_shot=False)
    converted: str = option("", label="Converted", help="What conversion made of it: a folder of frames or of "
                            "overlays, or a video", kind="path", required=True, group="Input", per_shot=False)
    faces_b: str = option("", label="Faces B", help="Faces folder of the performer who lends the face; without it, "
                          "likeness is left out", kind="folder", group="Input", per_shot=False)
    alignments: str = option("", label="Alignments", help="The source's alignments; empty: beside the source",
                             kind="file", group="Input", per_shot=False)
    frames: str = option("", label="Frames", help="Frames to look at, counted from 0, such as 0-99,150; of a video "
                         "that holds a part of the source, the frames it was made of; empty: all", group="Input",
                         per_shot=False)
    persons: tuple[str, ...] = persons_option("Input")
    aligner: str = option("dlib", label="Aligner", help="What finds the landmarks of the swapped faces",
                          choices=ALIGNERS, group="Measures", advanced=True)
    device: str = device_option("Measures")
    output: str = option("", label="Output", help="Folder for report.json, report.csv and report.png; empty: beside "
                         "what was converted", kind="folder", group="Output", per_shot=False)
