"""Motion-blur match: the swapped face blurred along its own motion, as a shutter would have."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..faces.geometry import compose, invert, transform

_STEP = 0.75  # patch pixels between two instants, at the corner that moves most
_MOST = 64  # instants; a face that moves farther than that many steps is no longer seen anyway


@dataclass(frozen=True, eq=False)
class Motion:
    """Where a face was one frame before and is one frame later.

    Attributes:
        before, after: float64 [2, 3], frame -> crop, as for the frame itself; None: it is not seen there.
    """

    before: np.ndarray | None
    after: np.ndarray | None

    def instants(self, matrix: np.ndarray, size: int, angle: float) -> list[np.ndarray]:
        """Patch -> patch at instants spread evenly over the exposure, which lies about the frame's own instant.

        Between two frames a face moves by a similarity, a constant share of its logarithm at a time: it turns about a
        fixed point, or glides. Where it is seen on one side only, the other side mirrors that.

        Args:
            matrix: float64 [2, 3], frame -> crop of the face now.
            size: side of the patch.
            angle: of the shutter, degrees: 360 is the whole time from frame to frame.
        """
        back, ahead = (None if other is None else compose(matrix, invert(other)) for other in (self.before, self.after))
        if back is None and ahead is None:
            return [np.eye(2, 3)]
        back = _power(ahead, -1.0) if back is None else back  # type: ignore[arg-type]
        ahead = _power(back, -1.0) if ahead is None else ahead
        share = angle / 720.0
        corners = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float64) * (size - 1)
        way = sum(float(np.abs(transform(corners, _power(side, share)) - corners).max()) for side in (back, ahead))
        count = min(_MOST, 1 + int(np.ceil(way / _STEP)))
        times = ((np.arange(count) + 0.5) / count * 2 - 1) * share
        return [_power(back if time < 0 else ahead, abs(time)) for time in times]


def _power(matrix: np.ndarray, share: float) -> np.ndarray:
    """A similarity applied `share` times, float64 [2, 3]; as numbers of the complex plane, z -> a z + b."""
    a, b = complex(matrix[0, 0], matrix[1, 0]), complex(matrix[0, 2], matrix[1, 2])
    power = np.exp(np.log(a) * share)
    # b (1 + a + a^2 + ...), for any share; near a = 1 the quotient is the share itself.
    moved = b * ((power - 1) / (a - 1) if abs(a - 1) > 1e-9 else share)
    return np.array([[power.real, -power.imag, moved.real], [power.imag, power.real, moved.imag]])


def blurred(rgb: np.ndarray, masks: list[np.ndarray],
            instants: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """A patch and its masks as seen over all instants.

    Args:
        rgb: float32 [S, S, 3], RGB 0..1.
        masks: float32 [S, S], 0..1; the first says how much of each instant's colour is there.
        instants: patch -> patch; see `Motion.instants`.

    Returns:
        the same, each the mean over the instants; the colour's weighted by the first mask.
    """
    if len(instants) == 1:
        return rgb, masks
    size = masks[0].shape[0]
    plain, covered = np.zeros_like(rgb), np.zeros_like(rgb)
    sums = [np.zeros_like(mask) for mask in masks]
    for matrix in instants:
        colour = cv2.warpAffine(rgb, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        shown = [cv2.warpAffine(mask, matrix, (size, size), flags=cv2.INTER_LINEAR) for mask in masks]
        plain += colour
        covered += colour * shown[0][..., None]
        for total, mask in zip(sums, shown, strict=True):
            total += mask
    weight = sums[0][..., None]
    colour = np.where(weight > 1e-3, covered / np.maximum(weight, 1e-3), plain / len(instants))
    return np.clip(colour, 0.0, 1.0), [np.clip(total / len(instants), 0.0, 1.0) for total in sums]
