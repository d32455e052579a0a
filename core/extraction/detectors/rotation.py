"""Looking again at frames without a find, turned, for faces that lie on their side or hang upside down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np

from ...errors import UsageError
from ...faces.geometry import invert, transform
from ...faces.nouns import Box, Detection
from ..protocols import Detector
from .framing import resized

_SURROUNDINGS = 3.0  # of a face, against its box's longer side: no aligner looks further
_QUARTERS = {90.0: cv2.ROTATE_90_CLOCKWISE, 180.0: cv2.ROTATE_180, 270.0: cv2.ROTATE_90_COUNTERCLOCKWISE}


def parse_angles(text: str) -> tuple[float, ...]:
    """The angles that "90" (every 90 degrees) or "90,270" (these) mean: degrees clockwise, each once; "" means none.

    Raises:
        UsageError: for anything else, or an angle that is not above 0 and below 360.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        angles = tuple(dict.fromkeys(float(part) for part in parts))
    except ValueError:
        raise UsageError(f"rotate-images cannot be {text!r}", "Give one step in degrees, such as 90, or angles "
                         "such as 90,270") from None
    if not all(0 < angle < 360 for angle in angles):  # also refuses NaN
        raise UsageError(f"rotate-images cannot be {text!r}", "Angles lie above 0 and below 360 degrees")
    if len(parts) == 1 and "," not in text:
        (step,) = angles
        if step < 1:
            raise UsageError(f"rotate-images cannot turn in steps of {text.strip()} degrees", "Give 1 or more")
        return tuple(float(angle) for angle in np.arange(step, 360, step))
    return angles


@dataclass(frozen=True, eq=False)
class Turn:
    """Pictures turned clockwise about their centre, on a canvas that holds all of them.

    Attributes:
        angle: degrees clockwise.
        matrix: float64 2x3, from the picture to the turned one, pixel centres at integers.
        size: (width, height) of the turned picture.
    """

    angle: float
    matrix: np.ndarray
    size: tuple[int, int]

    @classmethod
    def of(cls, angle: float, size: tuple[int, int]) -> Turn:
        """The turn of pictures of this size (width, height)."""
        width, height = size
        cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        if angle % 90 == 0:
            cosine, sine = round(cosine), round(sine)  # quarter turns are exact
        across = width * abs(cosine) + height * abs(sine)
        down = width * abs(sine) + height * abs(cosine)
        new = int(np.ceil(across - 1e-6)), int(np.ceil(down - 1e-6))
        old_centre, new_centre = (np.array(size) - 1) / 2, (np.array(new) - 1) / 2
        linear = np.array([(cosine, -sine), (sine, cosine)], float)  # y points down: this is clockwise
        return cls(angle, np.column_stack([linear, new_centre - linear @ old_centre]), new)

    def turned(self, pixels: np.ndarray) -> np.ndarray:
        """A picture, turned; what lies outside it is black."""
        if self.angle in _QUARTERS:
            return cv2.rotate(pixels, _QUARTERS[self.angle])
        return cv2.warpAffine(pixels, self.matrix, self.size, flags=cv2.INTER_LINEAR)

    def box(self, box: Box) -> Box:
        """Where a box of the picture lies in the turned one."""
        return _moved(box, self.matrix)

    def box_back(self, box: Box) -> Box:
        """Where a box of the turned picture lies in the picture."""
        return _moved(box, invert(self.matrix))


def _moved(box: Box, matrix: np.ndarray) -> Box:
    """The upright box around the oval that a box holds, moved: unlike the corners', it does not grow at odd angles."""
    x, y, w, h = box
    centre = transform(np.array([(x + w / 2 - 0.5, y + h / 2 - 0.5)]), matrix)[0]  # pixel centres are at integers
    sides = np.hypot(matrix[:, 0] * w, matrix[:, 1] * h)
    left, top = centre + 0.5 - sides / 2
    return float(left), float(top), float(sides[0]), float(sides[1])


@dataclass(frozen=True, eq=False)
class Upright:
    """A picture in which a face stands as its detector saw it.

    Attributes:
        pixels: uint8 [H, W, 3].
        box: of the face, in `pixels`.
        matrix: float64 2x3, from the frame to `pixels`; None where they are the same.
    """

    pixels: np.ndarray
    box: Box
    matrix: np.ndarray | None = None

    @classmethod
    def of(cls, pixels: np.ndarray, face: Detection) -> Upright:
        """The frame itself, or for a face that was found turned, its surroundings turned alike."""
        if not face.angle:
            return cls(pixels, face.box)
        x, y, w, h = face.box
        side = max(1, ceil(_SURROUNDINGS * max(w, h)))
        turn = Turn.of(face.angle, (side, side)).matrix[:, :2]
        middle = (side - 1) / 2
        matrix = np.column_stack([turn, middle - turn @ (x + w / 2 - 0.5, y + h / 2 - 0.5)])
        return cls(cv2.warpAffine(pixels, matrix, (side, side), flags=cv2.INTER_CUBIC), _moved(face.box, matrix),
                   matrix)

    def in_frame(self, points: np.ndarray) -> np.ndarray:
        """Points [N, 2] of `pixels` in the frame, float32."""
        if self.matrix is None:
            return points
        return transform(points, invert(self.matrix)).astype(np.float32)


class Rotated:
    """A detector that looks again, turned, at frames where it found nobody, and takes the turn that it is surest of.

    The first turn with a find will not do: a face that lies on its side is often found half upright too, or upside
    down, and its landmarks are then wrong.

    Args:
        detector: what looks.
        angles: degrees clockwise that are tried.
        size: longer side to which frames are reduced before they are turned, pixels.
    """

    def __init__(self, detector: Detector, angles: Sequence[float], size: int) -> None:
        self._detector, self._angles, self._size = detector, tuple(angles), size
        self.batch_size = detector.batch_size

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        found = self._detector.detect(frames)
        missing = [i for i, faces in enumerate(found) if not faces]
        if not missing:
            return found
        height, width = frames[0].shape[:2]
        scale = min(1.0, self._size / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = [resized(frames[i], size) for i in missing]
        for angle in self._angles:
            turn = Turn.of(angle, size)
            for i, faces in zip(missing, self._detector.detect([turn.turned(one) for one in small]), strict=True):
                if faces and (not found[i] or faces[0].score > found[i][0].score):
                    found[i] = [_in_frame(face, turn, width / size[0], height / size[1]) for face in faces]
        return found


def _in_frame(face: Detection, turn: Turn, across: float, down: float) -> Detection:
    x, y, w, h = turn.box_back(face.box)
    return Detection((x * across, y * down, w * across, h * down), face.score, turn.angle)
