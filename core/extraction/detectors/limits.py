"""Which detections are of a size that is wanted."""

from __future__ import annotations

from ...faces.nouns import Detection


def of_size(found: list[Detection], size: tuple[int, int], least: float, most: float = 0.0) -> list[Detection]:
    """Those whose box's longer side is within limits.

    Args:
        size: (width, height) of the frame.
        least, most: the longer side against the frame's shorter side, percent; 0: no limit.
    """
    unit = min(size) / 100
    return [face for face in found
            if max(face.box[2:]) >= least * unit and (most <= 0 or max(face.box[2:]) <= most * unit)]
