"""The box that dlib's own detector draws around a face that another detector found.

dlib's landmarks start from a mean face laid into the box, as dlib's detector draws it: on turned heads that one reaches
beyond the face, as other detectors' never do. From YuNet's boxes as they are, landmarks on turned heads come out
wrong: by 0.16 of the eyes' distance on average over the poses of the test footage; from dlib's around the same faces,
by 0.037.
"""

from __future__ import annotations

from functools import lru_cache
from threading import Lock

import dlib
import numpy as np

from ...faces.nouns import Box
from .crops import centre_of, cut, square

REACH = 2.0  # side of what is looked at against the box's
_FACE = 110  # side of the face in the crop, pixels; dlib finds those of 80 and more
_LEAST = -0.5  # score: from 0 on dlib would call it a face by itself, but here we know that there is one
_FARTHEST = 0.5  # from the given box's centre, in its sides: further off it is another face


@lru_cache(maxsize=1)
def _shared() -> tuple[dlib.fhog_object_detector, Lock]:
    # A quarter of a second to make, holding Python's lock; it must not be used by two threads at a time, but waiting
    # 4 ms now and then costs less than one for each thread.
    return dlib.get_frontal_face_detector(), Lock()


class DlibBox:
    """Looks around one box at a time; takes about 4 ms. One detector serves all threads, in turn."""

    def __init__(self) -> None:
        self._detector, self._turn = _shared()

    def of(self, pixels: np.ndarray, box: Box) -> Box:
        """dlib's box of the face in `box`; where dlib sees none, the square of the same area and centre.

        Args:
            pixels: uint8 [H, W, 3] RGB.
            box: any detector's, in the picture's pixels.
        """
        side, centre = float(np.sqrt(max(box[2] * box[3], 1.0))), centre_of(box)
        size = round(_FACE * REACH)
        matrix = square(centre, side * REACH, size)
        crop = cut(pixels, matrix, size)
        with self._turn:
            rectangles, _, _ = self._detector.run(crop, 0, _LEAST)  # best first
        scale = float(matrix[0, 0])
        for rectangle in rectangles:
            left, top = (np.array([rectangle.left(), rectangle.top()]) - matrix[:, 2]) / scale
            own = float(left), float(top), rectangle.width() / scale, rectangle.height() / scale
            if np.hypot(*np.subtract(centre_of(own), centre)) <= _FARTHEST * side:
                return own
        return centre[0] + 0.5 - side / 2, centre[1] + 0.5 - side / 2, side, side
