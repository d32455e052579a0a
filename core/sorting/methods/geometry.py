"""Where a face looks, how large it is and how well its landmarks fit a face: all from the landmarks alone."""

from __future__ import annotations

from typing import ClassVar

from ..pictures import Picture
from .score import Score


class _Angle(Score):
    limits: ClassVar[tuple[float, float] | None] = (-90.0, 90.0)


class Yaw(_Angle):
    """Degrees; turned to the right of the picture first."""

    def look(self, picture: Picture) -> float:
        return picture.alignment.pose().yaw


class Pitch(_Angle):
    """Degrees; looking up first."""

    def look(self, picture: Picture) -> float:
        return picture.alignment.pose().pitch


class Roll(_Angle):
    """Degrees; tilted clockwise first."""

    def look(self, picture: Picture) -> float:
        return picture.alignment.pose().roll


class Size(Score):
    """Side in frame pixels of the face's crop; large ones first."""

    def look(self, picture: Picture) -> float:
        return picture.alignment.source_size


class Distance(Score):
    """Mean distance of the landmarks from an average face's; what is most like a face first."""

    low_first = True
    digits = 3

    def look(self, picture: Picture) -> float:
        return picture.alignment.average_distance
