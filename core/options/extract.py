"""Options of `understudy extract`. Figures: extraction defaults of the field's tools, measured ones where said."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option
from .rows import ALIGNERS, DETECTORS, IDENTITIES, MASKERS


@dataclass(frozen=True)
class ExtractOptions:
    """Find the faces of a clip: boxes, landmarks, masks and identity into its alignments, pictures into a folder."""

    source: str = option("", label="Source", help="Video file or folder of images to read", kind="path",
                         positional=True, required=True, per_shot=False)
    alignments: str = option("", label="Alignments", help="Where the alignments are kept; empty: beside the source",
                             kind="file", group="Output", per_shot=False)
    faces: str = option("", label="Faces Folder", help="Where face pictures for training are written; empty: none "
                        "are written", kind="folder", group="Output", per_shot=False)
    frames: str = option("", label="Frames", help="Frames to read, counted from 0, such as 0-99,150; empty: all",
                         group="Frames")
    every: int = option(1, label="Every", help="Read every n-th frame only", min=1, max=1000, unit="frames",
                        group="Frames")
    detector: str = option("dlib", label="Detector", help="What finds faces in a frame", choices=DETECTORS,
                           group="Detection")
    detection_size: int = option(640, label="Detection Size", help="Longer side to which a frame is scaled down for "
                                 "detection; larger finds smaller faces and takes longer", min=160, max=4096,
                                 unit="px", group="Detection", advanced=True)
    confidence: float = option(0.0, label="Confidence", help="Least score of a detection, on the detector's own scale "
                               "from 0", min=0.0, max=1.0, group="Detection", advanced=True)
    min_size: float = option(0.0, label="Minimum Size", help="Smallest face to keep: longer side of its box against "
                             "the frame's shorter side", min=0.0, max=100.0, unit="%", group="Detection",
                             advanced=True)
    aligner: str = option("dlib", label="Aligner", help="What places the 68 landmarks", choices=ALIGNERS,
                          group="Alignment")
    masker: tuple[str, ...] = option((), label="Masks", help="Masks to store with the faces; components and extended "
                                     "are drawn from the landmarks whenever they are needed, whether named or not",
                                     choices=MASKERS, group="Masks", advanced=True)
    identity: str = option("dlib", label="Identity", help="What tells people apart; its vectors are stored with the "
                           "faces", choices=IDENTITIES, group="Identity", advanced=True)
    face_size: int = option(512, label="Face Size", help="Side of the pictures in the faces folder", min=256, max=1024,
                            step=64, unit="px", group="Output", advanced=True)
