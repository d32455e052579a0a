"""Pictures to judge landmarks by: the face as in the faces folder, with all that follows from its landmarks drawn in.

They lie in a folder beside the faces folder and have no face header, so that no training can take them for faces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..errors import SourceError, writing
from ..faces.crop import crop
from ..faces.geometry import SAVED_CENTERING, Alignment, transform
from ..faces.nouns import Face, PackedMask, SourceInfo
from ..media.images import write_file
from ..media.provenance import insert_text, read_text
from ..media.source import Source
from .folder import FacesFolder
from .pictures import encode_face

ENDING = "_debug"  # of the folder's name
_KEY = "Understudy debug"  # PNG text: which face and landmarks are shown
_POINTS, _JAW = (255, 255, 0), (255, 160, 0)
_BOXES = {"face": (0, 255, 0), "legacy": (255, 0, 0)}
_AXES = {"x": (255, 0, 0), "y": (0, 255, 0), "z": (0, 128, 255)}


class DebugFolder(FacesFolder):
    """As a faces folder, beside that of the clip; pictures of all its faces, whatever their size."""

    def __init__(self, faces: Path, source: Source, info: SourceInfo, size: int) -> None:
        super().__init__(faces.with_name(faces.name + ENDING), source, info, size)

    def draw(self, pixels: np.ndarray, alignment: Alignment) -> bytes:
        return encode_face(drawn(pixels, alignment, self.size))

    def write(self, face: Face, picture: bytes, frame_size: tuple[int, int],
              identities: Mapping[str, Sequence[float]], masks: Sequence[PackedMask]) -> None:
        write_file(self.path(face), insert_text(picture, {_KEY: self._word(face)}))

    def lacks(self, face: Face) -> bool:
        return self._text(face) != self._word(face)

    def remove(self, face: Face) -> None:
        if self._text(face).startswith(face.uuid):
            with writing(self.folder):
                self.path(face).unlink(missing_ok=True)

    def _word(self, face: Face) -> str:
        return f"{face.uuid} {self.size} {hashlib.sha256(face.landmarks.tobytes()).hexdigest()[:16]}"

    def _text(self, face: Face) -> str:
        try:
            return read_text(self.path(face)).get(_KEY, "")
        except (SourceError, OSError):
            return ""


def drawn(pixels: np.ndarray, alignment: Alignment, size: int) -> np.ndarray:
    """The head-centred picture with landmarks, the face (green) and legacy (red) boxes, the axes of the pose and words.

    The axes start between the eyes: red to the person's left, green down, blue where the nose points.

    Args:
        pixels: uint8 [H, W, 3], the frame.
        size: of the picture.

    Returns:
        uint8 [size, size, 3] RGB.
    """
    cut = crop(pixels, alignment, size, SAVED_CENTERING)
    picture = cut.pixels
    thick = max(1, size // 256)
    for centering, colour in _BOXES.items():
        corners = transform(alignment.roi(size, centering), cut.matrix)
        cv2.polylines(picture, [np.rint(corners).astype(np.int32)], True, colour, thick, cv2.LINE_AA)
    for number, (x, y) in enumerate(cut.landmarks):
        cv2.circle(picture, (round(float(x)), round(float(y))), thick + 1, _JAW if number < 17 else _POINTS, -1,
                   cv2.LINE_AA)
    _draw_axes(picture, alignment, cut.landmarks[27], size / 5, thick)
    _write_words(picture, alignment, size)
    return picture


def _draw_axes(picture: np.ndarray, alignment: Alignment, origin: np.ndarray, length: float, thick: int) -> None:
    """The head's axes as the picture shows them: the crop is upright already, so that no roll is drawn."""
    pitch, yaw, _ = np.radians(alignment.pose())
    directions = {"x": (np.cos(yaw), 0.0), "y": (np.sin(pitch) * np.sin(yaw), np.cos(pitch)),
                  "z": (np.sin(yaw), -np.sin(pitch) * np.cos(yaw))}
    start = (round(float(origin[0])), round(float(origin[1])))
    for axis, (right, down) in directions.items():
        end = (round(float(origin[0] + right * length)), round(float(origin[1] + down * length)))
        cv2.line(picture, start, end, _AXES[axis], thick + 1, cv2.LINE_AA)


def _write_words(picture: np.ndarray, alignment: Alignment, size: int) -> None:
    pose = alignment.pose()
    lines = [f"pitch {pose.pitch:.1f}", f"yaw {pose.yaw:.1f}", f"roll {pose.roll:.1f}",
             f"distance {alignment.average_distance:.3f}"]
    scale, step = size / 900, size // 24
    for number, line in enumerate(lines, 1):
        place = (size // 64, number * step)
        cv2.putText(picture, line, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(picture, line, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA)
