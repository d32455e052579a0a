"""The nouns of a face's road: small frozen dataclasses (stdlib + numpy; both sides import it).

Coordinates everywhere: frame pixels, x right, y down, pixel centres at integers; frames counted from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

import numpy as np

Box = tuple[float, float, float, float]
State = Literal["machine", "edited", "added", "removed"]
STATES: tuple[State, ...] = ("machine", "edited", "added", "removed")
CENTERINGS = ("face", "head", "legacy")
LINEAR = 1  # cv2.INTER_LINEAR, without importing cv2


@dataclass(frozen=True)
class Detection:
    """What a detector found: `box` (x, y, w, h) in frame pixels, `score` on the detector's own scale, 0 and up.

    `angle`: degrees clockwise by which the frame had to be turned before the face was found; most of the way upright.
    """

    box: Box
    score: float
    angle: float = 0.0


@dataclass(frozen=True, eq=False)
class Face:
    """One face in one frame, as the store keeps it.

    Attributes:
        frame: index of the frame.
        box: (x, y, w, h) in frame pixels.
        landmarks: float32 [68, 2], frame pixels.
        detector, aligner: rows that made it; "" for a face that a person added.
        score: the detector's; 0 for a face that a person added.
        person: id in the store's `person` table, None while nobody was assigned.
        state: "machine" as found, "edited" or "added" by a person, "removed" (a tombstone).
        position: number of the face within its frame, stable; part of its picture's name. -1: not stored yet.
        revision: of the last edit that touched it; 0 for none.
        uuid: 32 hexadecimal digits, stable over re-extraction.
    """

    frame: int
    box: Box
    landmarks: np.ndarray
    detector: str = ""
    aligner: str = ""
    score: float = 0.0
    person: int | None = None
    state: State = "machine"
    position: int = -1
    revision: int = 0
    uuid: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True, eq=False)
class StoredMask:
    """A mask that a network or a person made.

    Attributes:
        kind: the masker's name.
        pixels: uint8 [size, size], 0 outside to 255 inside the face.
        matrix: float64 [2, 3], frame -> mask pixels, centres at integers on both sides.
        centering: "face", "head" or "legacy": of the crop that it covers.
        interpolator: OpenCV's flag for laying it over the frame: 1 linear, 2 cubic, 3 area.
    """

    kind: str
    pixels: np.ndarray
    matrix: np.ndarray
    centering: str = "face"
    interpolator: int = LINEAR


@dataclass(frozen=True, eq=False)
class PackedMask:
    """A `StoredMask` as files keep it: `packed` is what `packing.pack_mask` makes of its pixels, `size` their side."""

    kind: str
    size: int
    packed: bytes
    matrix: np.ndarray
    centering: str = "face"
    interpolator: int = LINEAR


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """A face cut upright from its frame.

    Attributes:
        pixels: uint8 [size, size, 3] RGB; black where the crop reaches beyond the frame.
        matrix: float64 [2, 3], frame -> crop, pixel centres at integers on both sides.
        landmarks: float32 [68, 2] in the crop's pixels.
        centering: "face", "head" or "legacy".
        coverage: 0.625 .. 1.
        vertical_offset: in unit-box units.
    """

    pixels: np.ndarray
    matrix: np.ndarray
    landmarks: np.ndarray
    centering: str
    coverage: float
    vertical_offset: float = 0.0

    @property
    def size(self) -> int:
        return self.pixels.shape[0]


@dataclass(frozen=True)
class SourceInfo:
    """Which clip a store belongs to.

    Attributes:
        fingerprint: as `core.media` computes it; tells clips apart.
        name: file or folder name, for messages.
        width, height: of a frame, pixels.
        rate: frames per second as a fraction, such as "30000/1001".
        length: number of frames.
        kind: "video" or "images".
    """

    fingerprint: str
    name: str
    width: int
    height: int
    rate: str
    length: int
    kind: str = "video"
