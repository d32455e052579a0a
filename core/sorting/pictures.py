"""The pictures that sort works on: which there are, what they are called first, and what measures look at."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from ..alignments.pictures import picture_name
from ..errors import FacesError, SourceError
from ..extraction.maskers.landmark import draw
from ..faces.crop import warp
from ..faces.geometry import Alignment, compose, invert, transform
from ..faces.png import FaceHeader, read_header
from ..media.images import read_image
from .names import places, without_number

SIZE = 256  # px, side of the legacy-centred crop that pictures are measured in


class Picture:
    """A face's picture in a faces folder.

    Args:
        path: where it lies.

    Raises:
        FacesError: it has no face header; on first use of its pixels, that they cannot be decoded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: FaceHeader = read_header(path)

    @property
    def first_name(self) -> str:
        """What it was called before it was sorted."""
        name = self.path.name
        if name == picture_name(Path(self.header.frame_name).stem, self.header.position):
            return name
        return without_number(name)

    @cached_property
    def alignment(self) -> Alignment:
        """The face's place in its frame."""
        return Alignment(self.header.landmarks)

    @cached_property
    def pixels(self) -> np.ndarray:
        """uint8 [S, S, 3] RGB."""
        try:
            return read_image(self.path)
        except SourceError as error:
            raise FacesError(error.message, "Extract this face again, or remove the file") from error

    @cached_property
    def matrix(self) -> np.ndarray:
        """Frame -> picture, float64 [2, 3]."""
        if self.header.matrix is not None:
            return self.header.matrix
        return self.alignment.matrix(self.pixels.shape[0], self.header.centering)

    @property
    def landmarks(self) -> np.ndarray:
        """In the picture's own pixels, float32 [68, 2]."""
        return transform(self.header.landmarks, self.matrix).astype(np.float32)

    @cached_property
    def face(self) -> np.ndarray:
        """The legacy-centred face, uint8 [256, 256, 3] RGB."""
        return warp(self.pixels, compose(self.alignment.matrix(SIZE, "legacy"), invert(self.matrix)), SIZE)

    @cached_property
    def mask(self) -> np.ndarray:
        """Where `face` shows the face, without hair and background, bool [256, 256]."""
        return draw(self.alignment.points(SIZE, "legacy"), SIZE, "components") > 127

    def forget(self) -> None:
        """Let go of the pixels and of what was made of them."""
        for name in ("pixels", "face", "mask", "grey"):
            self.__dict__.pop(name, None)

    @cached_property
    def grey(self) -> np.ndarray:
        """`face` in grey, float32 [256, 256], 0 outside the mask."""
        return cv2.cvtColor(self.face, cv2.COLOR_RGB2GRAY).astype(np.float32) * self.mask


def list_pictures(folder: Path) -> list[Path]:
    """The PNG files of a faces folder and of the groups that an earlier sort has made in it.

    Raises:
        FacesError: no such folder, or there are none in it.
    """
    if not folder.is_dir():
        raise FacesError(f"There is no faces folder {folder}", "Name the folder that extract wrote its faces into")
    try:
        files = [path for place in places(folder) for path in place.iterdir()
                 if path.suffix.lower() == ".png" and not path.name.startswith(".") and path.is_file()]
    except OSError as error:
        raise FacesError(f"Cannot read the faces folder {folder} ({error.strerror})", "Choose another folder") from None
    if not files:
        raise FacesError(f"{folder} holds no faces (PNG files)", "Name the folder that extract wrote its faces into")
    return files
