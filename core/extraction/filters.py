"""Which faces are no faces after all, by their landmarks: the alignment filters. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from ..faces.geometry import Alignment
from ..faces.nouns import Face
from ..options.extract import ExtractOptions

# What a face can be dropped for, in the order in which it is looked at.
RULES = ("features", "min-scale", "max-scale", "distance", "roll")


@dataclass(frozen=True)
class Limits:
    """What a face must keep to; the defaults are those of the options.

    Attributes:
        features: eyes and brows must lie above the mouth, on the face turned upright.
        min_scale, max_scale: side of the face in the frame, as a share of the frame's shorter side; 0: no limit.
        distance: greatest mean distance of the landmarks from the mean face (`Alignment.average_distance`); 0: none.
        roll: greatest tilt to either side, degrees; 0: no limit.
    """

    features: bool = True
    min_scale: float = 0.03
    max_scale: float = 4.0
    distance: float = 0.4
    roll: float = 0.0


def limits_of(options: ExtractOptions) -> Limits | None:
    """The limits that were chosen; None where there are none to keep to."""
    if not options.align_filters:
        return None
    return Limits(options.align_features, options.align_min_scale / 100, options.align_max_scale / 100,
                  options.align_distance, options.align_roll)


def broken_rule(face: Face, frame_size: tuple[int, int], limits: Limits) -> str | None:
    """The first of `RULES` that a face breaks; None for a face that keeps to all of them.

    Landmarks that no face can be aligned by (all in one place, or not finite) break "features" whatever the limits.

    Args:
        frame_size: (width, height) of the face's frame, pixels.
    """
    try:
        alignment = Alignment(face.landmarks)
        side = alignment.source_size / min(frame_size)
    except ValueError:
        return "features"
    if limits.features and alignment.eyes_above_mouth <= 0:
        return "features"
    if limits.min_scale and side < limits.min_scale:
        return "min-scale"
    if limits.max_scale and side > limits.max_scale:
        return "max-scale"
    if limits.distance and alignment.average_distance > limits.distance:
        return "distance"
    if limits.roll and abs(alignment.pose().roll) > limits.roll:
        return "roll"
    return None
