"""The time-lapse: the same faces after every save, numbered pictures that make a film of how the model learns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...media.images import write_file
from .preview import PreviewFaces

FOLDER_NAME = "timelapse"
FACES = 14  # of each side
_QUALITY = 92


@dataclass(frozen=True, eq=False)
class Timelapse:
    """Where the pictures go, and whose faces they show.

    Attributes:
        folder: made when the first picture is.
        faces: of A and B.
    """

    folder: Path
    faces: tuple[PreviewFaces, PreviewFaces]

    def write(self, iterations: int, picture: np.ndarray) -> Path:
        """Keep a sheet, uint8 [H, W, 3] RGB, as the picture of this iteration.

        Raises:
            OutputError: the folder cannot be written.
        """
        path = self.folder / f"{iterations:08}.jpg"
        encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        write_file(path, encoded[1].tobytes())
        return path
