"""A face together with pixels that show it, wherever these come from: a frame, or a picture of a faces folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import AlignmentsError
from ..faces.crop import warp
from ..faces.geometry import Alignment, compose, invert
from ..faces.nouns import AlignedFace


@dataclass(frozen=True, eq=False)
class Entry:
    """A face that a mask job is about, before its pixels are read.

    Attributes:
        uuid: the face's; "" for a picture that another tool wrote.
        name: what its pictures are called, unique in the job.
        frame: index of its frame; -1: not known.
        position: number within its frame.
        box, landmarks: as in `Face`.
        person: id in the store; None: nobody, or no store.
        path: its picture, for faces folders.
    """

    uuid: str
    name: str
    frame: int
    position: int
    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    person: int | None = None
    path: Path | None = None

    @cached_property
    def alignment(self) -> Alignment:
        """Raises `AlignmentsError` for landmarks that cannot be a face."""
        try:
            alignment = Alignment(self.landmarks)
            _ = alignment.offsets
        except (ValueError, np.linalg.LinAlgError) as error:
            raise AlignmentsError(f"The landmarks of face {self.name} cannot be used ({error})",
                                  "Remove that face or correct its landmarks") from error
        return alignment


@dataclass(frozen=True, eq=False)
class Subject:
    """An entry with pixels.

    Attributes:
        pixels: uint8 [H, W, 3] RGB.
        frame_size: (width, height) of the frame.
        to_pixels: float64 [2, 3], frame -> pixels; the identity where the pixels are the frame.
        frame_name: of the frame's picture, without suffix.
    """

    entry: Entry
    pixels: np.ndarray
    frame_size: tuple[int, int]
    to_pixels: np.ndarray = field(default_factory=lambda: np.eye(2, 3))
    frame_name: str = ""

    @property
    def alignment(self) -> Alignment:
        return self.entry.alignment

    def crop(self, size: int, centering: str) -> AlignedFace:
        """The face cut upright, [size, size], coverage 1."""
        matrix = self.alignment.matrix(size, centering)
        points = self.alignment.points(size, centering).astype(np.float32)
        pixels = warp(self.pixels, compose(matrix, invert(self.to_pixels)), size)
        return AlignedFace(pixels, matrix, points, centering, 1.0)
