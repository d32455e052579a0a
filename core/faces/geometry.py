"""Similarity alignment of a face: mean face, placement in a crop, centring, pose (stdlib + numpy; both sides).

Coordinates: landmarks in frame pixels, x right, y down, pixel centres at integers. The *unit box* is the square that
just holds the mean face's brows, eyes, nose and mouth; (0, 0) is its top left corner. In a crop of `size` pixels, pixel
centres are at integers too, so the crop's area runs from -0.5 to size - 0.5: a crop of 128 px and one of 256 px of the
same face then differ by plain resizing, without the shift of half a pixel that "corners at 0" would bring.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property

import numpy as np

from .pose import Pose, solve

# 68-point indices 17..67 of an average face, in the unit box; right and left as seen by the person.
MEAN_FACE: np.ndarray = np.array([
    (.010086, .106454), (.085135, .038915), (.191003, .018748), (.300643, .034489), (.403270, .077391),  # right brow
    (.596729, .077391), (.699356, .034489), (.808997, .018748), (.914864, .038915), (.989913, .106454),  # left brow
    (.5, .203352), (.5, .307009), (.5, .409805), (.5, .515625),  # bridge of the nose
    (.376753, .587326), (.435909, .609345), (.5, .628106), (.564090, .609345), (.623246, .587326),  # nostrils
    (.131610, .216423), (.196995, .178758), (.275698, .179852), (.344479, .231733), (.270791, .245099),
    (.192616, .244077),  # right eye
    (.655520, .231733), (.724301, .179852), (.803005, .178758), (.868389, .216423), (.807383, .244077),
    (.729208, .245099),  # left eye
    (.264022, .780233), (.350858, .745405), (.438731, .727388), (.5, .742578), (.561268, .727388),
    (.649141, .745405), (.735977, .780233), (.652032, .864805), (.566594, .902192), (.5, .909281),
    (.433405, .902192), (.347967, .864805),  # outer lips
    (.300252, .784792), (.437969, .778746), (.5, .785343), (.562030, .778746), (.699747, .784792),
    (.563237, .824182), (.5, .831803), (.436763, .824182),  # inner lips
], dtype=np.float64)
MEAN_FACE.setflags(write=False)

# Share of the crop that lies outside the unit box at coverage 1.
PADDING: dict[str, float] = {"legacy": 0.375, "face": 0.5, "head": 0.625}
CENTERINGS = tuple(PADDING)
SAVED_CENTERING = "head"  # faces in a faces folder: widest, so that every other crop can be cut from them


def umeyama(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity (scale, rotation, translation; never a reflection) that best maps `source` onto `target`.

    S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 13(4), 1991,
    equations 34-43.

    Args:
        source, target: float [N, 2], N >= 2, in any units.

    Returns:
        float64 [2, 3]; maps source points to the target's units.

    Raises:
        ValueError: if all source points coincide.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    source_mean, target_mean = source.mean(0), target.mean(0)
    centred = source - source_mean
    variance = (centred ** 2).sum() / len(source)
    if not variance > 0:
        raise ValueError("all points coincide, so there is nothing to align")
    covariance = (target - target_mean).T @ centred / len(source)
    u, d, vt = np.linalg.svd(covariance)
    sign = np.array([1.0, 1.0 if np.linalg.det(u) * np.linalg.det(vt) >= 0 else -1.0])
    linear = (u * sign) @ vt * ((d * sign).sum() / variance)
    return np.column_stack([linear, target_mean - linear @ source_mean])


def transform(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`points` [..., 2] through a 2x3 matrix, float64."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a 2x3 matrix, float64 [2, 3]."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The 2x3 matrix that applies `inner` first and `outer` to its result."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def mean_scale(matrix: np.ndarray) -> float:
    """How much a 2x3 matrix enlarges lengths, on average over both axes."""
    return float(np.hypot(matrix[0, :2], matrix[1, :2]).mean())


def padding(size: int, centering: str, coverage: float = 1.0) -> float:
    """Pixels between the crop's edge and the unit box, for a crop of `size` pixels.

    `coverage` is the share (0.625 .. 1) of the full crop that is shown; the rest is cut away on all sides. Not rounded:
    half a pixel on each side of a 64 px crop would be 3 % of the face, and training and conversion would differ by it.
    """
    return size * (PADDING[centering] + coverage - 1) / (2 * coverage)


def sub_crop_box(offsets: dict[str, np.ndarray], size: int, centering: str, coverage: float = 1.0,
                 vertical_offset: float = 0.0) -> tuple[int, int, int]:
    """Where another crop lies inside a saved, head-centred picture of `size` pixels with coverage 1.

    Args:
        offsets: `Alignment.offsets` of the face.
        size: side of the saved picture (512 by default).
        centering, coverage, vertical_offset: of the wanted crop, as in `Alignment.matrix`.

    Returns:
        (x, y, side) in the saved picture's pixels; may reach beyond its edges, which count as black.
    """
    base = 2 * round(size * (1 - PADDING[SAVED_CENTERING]) / 2)
    side = 2 * round(size * (1 - PADDING[SAVED_CENTERING]) / (1 - PADDING[centering]) * coverage / 2)
    delta = offsets[centering] - offsets[SAVED_CENTERING] - (0.0, vertical_offset)
    x, y = np.rint(delta * base + (size - side) / 2).astype(int)
    return int(x), int(y), side


def average_distances(landmarks: np.ndarray) -> np.ndarray:
    """`Alignment.average_distance` of many faces at once.

    In the plane, the best similarity is a linear regression over complex numbers: no decomposition for each face.

    Args:
        landmarks: float [N, 68, 2], frame pixels.

    Returns:
        float64 [N], in unit-box units; NaN for a face whose points all coincide.
    """
    points = np.asarray(landmarks, np.float64)[:, 17:]
    found = points[..., 0] + 1j * points[..., 1]
    found -= found.mean(1, keepdims=True)
    mean = MEAN_FACE[:, 0] + 1j * MEAN_FACE[:, 1]
    mean = mean - mean.mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = found * ((found.conj() * mean).sum(1) / (np.abs(found) ** 2).sum(1))[:, None] - mean
    return (np.abs(apart.real) + np.abs(apart.imag)).mean(1) / 2


class Alignment:
    """One face's place in a frame and everything that follows from its landmarks; computed once, when asked for.

    Args:
        landmarks: [68, 2] in frame pixels.

    Raises:
        ValueError: if the shape is another, a value is not finite, or all points coincide (on first use).
    """

    def __init__(self, landmarks: np.ndarray) -> None:
        self.landmarks = np.array(landmarks, np.float64)
        if self.landmarks.shape != (68, 2):
            raise ValueError(f"expected 68 landmarks, got an array of shape {self.landmarks.shape}")
        if not np.isfinite(self.landmarks).all():
            raise ValueError("landmarks must be finite numbers")
        self.landmarks.setflags(write=False)

    @staticmethod
    def solve_all(alignments: Iterable[Alignment]) -> None:
        """Find the poses of many faces at once, in a tenth of the time; those that have none stay without."""
        waiting = [alignment for alignment in alignments
                   if "_solved" not in vars(alignment) and np.ptp(alignment.landmarks[17:], axis=0).any()]
        with suppress(np.linalg.LinAlgError):  # of one of them, which will say so by itself
            for alignment, solved in zip(waiting, solve(np.array([a.normalized for a in waiting]).reshape(-1, 68, 2)),
                                         strict=True):
                vars(alignment)["_solved"] = solved

    @cached_property
    def to_unit(self) -> np.ndarray:
        """Frame -> unit box, 2x3 (what older tools call the legacy matrix)."""
        return umeyama(self.landmarks[17:], MEAN_FACE)

    @cached_property
    def normalized(self) -> np.ndarray:
        """All landmarks in the unit box, [68, 2]."""
        return transform(self.landmarks, self.to_unit)

    @cached_property
    def _solved(self) -> tuple[Pose, dict[str, np.ndarray]]:
        return solve(self.normalized[None])[0]

    @property
    def offsets(self) -> dict[str, np.ndarray]:
        """Per centring, how far its centre lies from the unit box's, in unit-box units, [2]."""
        return self._solved[1]

    def pose(self) -> Pose:
        """Pitch, yaw and roll in degrees, relative to the camera; the roll includes the head's tilt in the frame."""
        pose = self._solved[0]
        tilt = -np.degrees(np.arctan2(self.to_unit[1, 0], self.to_unit[0, 0]))
        return Pose(pose.pitch, pose.yaw, float((pose.roll + tilt + 180) % 360 - 180))

    def matrix(self, size: int, centering: str = "face", coverage: float = 1.0,
               vertical_offset: float = 0.0) -> np.ndarray:
        """Frame -> crop, float64 [2, 3], pixel centres at integers on both sides.

        Args:
            size: side of the crop in pixels.
            centering: "face", "head" or "legacy".
            coverage: share of the full crop that is shown, 0.625 .. 1.
            vertical_offset: shift of the face downwards, in unit-box units (-0.25 .. 0.25).
        """
        pad = padding(size, centering, coverage)
        scale = size - 2 * pad
        shift = np.array([0.0, vertical_offset])
        if centering != "legacy":
            shift = shift - self.offsets[centering]
        matrix = self.to_unit * scale
        matrix[:, 2] += shift * scale + pad - 0.5
        return matrix

    def points(self, size: int, centering: str = "face", coverage: float = 1.0,
               vertical_offset: float = 0.0) -> np.ndarray:
        """The landmarks in a crop's pixels, float64 [68, 2]."""
        return transform(self.landmarks, self.matrix(size, centering, coverage, vertical_offset))

    def roi(self, size: int, centering: str = "face", coverage: float = 1.0,
            vertical_offset: float = 0.0) -> np.ndarray:
        """The crop's corner pixels in the frame (top left, bottom left, bottom right, top right), int [4, 2]."""
        end = size - 1
        corners = np.array([(0, 0), (0, end), (end, end), (end, 0)], np.float64)
        back = invert(self.matrix(size, centering, coverage, vertical_offset))
        return np.rint(transform(corners, back)).astype(int)

    @cached_property
    def average_distance(self) -> float:
        """Mean distance per coordinate from the mean face, in unit-box units: high where landmarks are misplaced."""
        return float(np.abs(self.normalized[17:] - MEAN_FACE).mean())

    @cached_property
    def eyes_above_mouth(self) -> float:
        """Gap between the lowest point of eyes and brows and the highest of the mouth, in unit-box units.

        Negative where the landmarks are certainly wrong.
        """
        y = self.normalized[:, 1]
        return float(y[48:68].min() - max(y[17:27].max(), y[36:48].max()))

    @cached_property
    def source_size(self) -> float:
        """Side in frame pixels of the full face-centred crop: the picture detail that the frame offers."""
        return 1 / ((1 - PADDING["face"]) * mean_scale(self.to_unit))
