"""Taking the jitter out of one face's landmarks over time, without lag (numpy).

Every position is replaced by the value there of a polynomial fitted to its neighbours before and after: A. Savitzky,
M. Golay, "Smoothing and differentiation of data by simplified least squares procedures", Anal. Chem. 36, 1964, with
the tricube weights of W. Cleveland, "Robust locally weighted regression", JASA 74, 1979, which also do with gaps. It
looks both ways, so that nothing lags. How far it looks is decided from moment to moment by leave-one-out prediction
(D. Allen, "The relationship between variable selection and data augmentation and a method for prediction",
Technometrics 16, 1974): where a face holds still, wide windows foretell each frame best from the others; where it moves
fast, narrow ones do, and of a high degree, which hardly smooth. There is nothing to tune, and the aligner's noise need
not be known.

A face's place, size and tilt are smoothed apart from its shape, and the shape part by part: a head may turn fast while
the mouth rests, and eyelids are the fastest of all. `benchmarks/smoothing.py` has the comparison with others.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .geometry import MEAN_FACE, invert, transform, umeyama

# (frames on either side, degree of the polynomial), from hardly smoothing to the most.
WINDOWS = ((3, 4), (2, 2), (3, 2), (4, 2), (6, 2), (9, 2))
_LOCAL = 12  # frames on either side over which windows are compared
_BLEND = 2  # frames on either side over which one choice passes into the next
_FREE = 0.05  # least share of a position that the fit must owe to its neighbours, for a prediction to mean anything
_PARTS = (range(17), range(17, 27), range(27, 36), range(36, 48), range(48, 68))  # jaw, brows, nose, eyes, mouth


def smooth(frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Smooth one face's landmarks.

    Args:
        frames: int [T], ascending, in which the face was seen; there may be gaps.
        landmarks: float [T, 68, 2], frame pixels. A cut must not be inside; see `pieces`.

    Returns:
        float32 [T, 68, 2]; faces with too few neighbours come back as they were.
    """
    landmarks = np.asarray(landmarks, np.float64)
    if len(landmarks) < 4:
        return landmarks.astype(np.float32)
    place, shape = to_place_and_shape(landmarks)
    neighbours = _Neighbours(np.asarray(frames))
    for columns in (slice(0, 1), slice(1, 2), slice(2, 4)):
        place[:, columns] = neighbours.smooth(place[:, columns])
    for part in _PARTS:
        points = shape[:, part].reshape(len(shape), -1)
        shape[:, part] = neighbours.smooth(points).reshape(len(shape), -1, 2)
    return from_place_and_shape(place, shape).astype(np.float32)


def to_place_and_shape(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A face's place in the frame, and its shape apart from that.

    Args:
        landmarks: float [T, 68, 2], frame pixels.

    Returns:
        float64 [T, 4]: logarithm of the size (frame pixels to the unit box), tilt (radians, without jumps by full
        turns), centre of the unit box (x, y in frame pixels); and float64 [T, 68, 2] in the unit box.
    """
    matrices = np.stack([umeyama(points[17:], MEAN_FACE) for points in landmarks])
    centres = np.stack([transform(np.full((1, 2), 0.5), invert(matrix))[0] for matrix in matrices])
    size = -np.log(np.hypot(matrices[:, 0, 0], matrices[:, 1, 0]))
    tilt = -np.unwrap(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    shape = np.stack([transform(points, matrix) for points, matrix in zip(landmarks, matrices, strict=True)])
    return np.column_stack([size, tilt, centres]), shape


def from_place_and_shape(place: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """The inverse of `to_place_and_shape`."""
    size, tilt = np.exp(place[:, 0]), place[:, 1]
    turn = np.stack([np.stack([np.cos(tilt), -np.sin(tilt)], -1), np.stack([np.sin(tilt), np.cos(tilt)], -1)], -2)
    return np.einsum("tij,tnj->tni", turn * size[:, None, None], shape - 0.5) + place[:, None, 2:]


def pieces(frames: np.ndarray, landmarks: np.ndarray) -> list[np.ndarray]:
    """Where one face's track must be parted before it is smoothed: at long gaps, and at jumps such as cuts make.

    A jump is a step, between two frames, far longer than those around it: taken for motion it would be smeared over
    the frames beside it, while parting a track in fast motion merely smooths a little less there.

    Args:
        frames: int [T], ascending.
        landmarks: float [T, 68, 2], frame pixels.

    Returns:
        indices [n] of each piece, ascending.
    """
    frames = np.asarray(frames)
    if len(frames) < 2:
        return [np.arange(len(frames))]
    points = np.asarray(landmarks, np.float64)[:, 17:]
    size = np.median(np.linalg.norm(points - points.mean(1, keepdims=True), axis=2), axis=1)
    gaps = np.diff(frames)
    steps = np.median(np.linalg.norm(np.diff(points, axis=0), axis=2), axis=1) / size[1:] / gaps
    around = np.stack([np.roll(np.pad(steps, 6, mode="edge"), shift)[6:-6] for shift in range(-6, 7) if shift])
    jump = steps > 0.15 + 5 * np.median(around, axis=0)
    return np.split(np.arange(len(frames)), np.flatnonzero(jump | (gaps > 2 * _LOCAL)) + 1)


class _Neighbours:
    """Which rows of a track lie near which in time, and the fits over them.

    Args:
        frames: int [T], ascending.
    """

    def __init__(self, frames: np.ndarray) -> None:
        self._frames = frames
        self._row_of = np.full(int(frames[-1] - frames[0]) + 1, -1)
        self._row_of[frames - frames[0]] = np.arange(len(frames))
        self._fits = [self._weights(reach, degree) for reach, degree in WINDOWS]

    def smooth(self, values: np.ndarray) -> np.ndarray:
        """Smooth values [T, D] of one kind, whose window is chosen together."""
        fits, errors = [], []
        for (reach, _), weights in zip(WINDOWS, self._fits, strict=True):
            fit = self._apply(weights, values)
            owed = 1 - weights[:, reach]
            with np.errstate(divide="ignore", invalid="ignore"):
                error = (((values - fit) / owed[:, None]) ** 2).mean(1)
            fits.append(fit)
            errors.append(self._mean(np.where(owed > _FREE, error, np.nan), _LOCAL, tricube=True))
        best = np.argmin(np.nan_to_num(np.stack(errors), nan=np.inf), axis=0)
        result = np.zeros_like(values)
        for number, fit in enumerate(fits):
            result += self._mean((best == number).astype(float), _BLEND, tricube=False)[:, None] * fit
        return result

    def _rows(self, offset: int) -> tuple[np.ndarray, np.ndarray]:
        """For each row that of the frame `offset` later, and whether there is one (the row itself where not)."""
        place = self._frames - self._frames[0] + offset
        inside = (place >= 0) & (place < len(self._row_of))
        rows = np.where(inside, self._row_of[np.where(inside, place, 0)], -1)
        return np.where(rows < 0, np.arange(len(rows)), rows), rows >= 0

    def _weights(self, reach: int, degree: int) -> np.ndarray:
        """What each neighbour counts in the fit at each row, float64 [T, 2 reach + 1]; sums to 1."""
        present = np.stack([self._rows(offset)[1] for offset in range(-reach, reach + 1)], axis=1)
        # No further on one side than on the other: a parabola that ends in the air swings wide there.
        to_end = np.minimum(self._frames - self._frames[0], self._frames[-1] - self._frames)
        present &= np.abs(np.arange(-reach, reach + 1)) <= to_end[:, None]
        powers, tricube = _design(reach, degree)
        weights = present * tricube
        normal = np.einsum("tj,ja,jb->tab", weights, powers, powers)
        enough = present.sum(1) > degree
        normal[~enough] = np.eye(degree + 1)
        first = np.linalg.solve(normal, np.broadcast_to(np.eye(degree + 1)[:, :1], (len(normal), degree + 1, 1)))
        fit = weights * (first[..., 0] @ powers.T)
        fit[~enough] = np.eye(2 * reach + 1)[reach]  # as it is
        return fit

    def _apply(self, weights: np.ndarray, values: np.ndarray) -> np.ndarray:
        reach = weights.shape[1] // 2
        result = np.zeros_like(values)
        for offset in range(-reach, reach + 1):
            result += weights[:, offset + reach, None] * values[self._rows(offset)[0]]
        return result

    def _mean(self, values: np.ndarray, reach: int, tricube: bool) -> np.ndarray:
        """The mean of values [T] over the frames around each, leaving out those that are not numbers."""
        total, count = np.zeros(len(values)), np.zeros(len(values))
        for offset in range(-reach, reach + 1):
            rows, there = self._rows(offset)
            weight = there * (float(_tricube(offset, reach)) if tricube else 1.0) * ~np.isnan(values[rows])
            total += weight * np.nan_to_num(values[rows])
            count += weight
        with np.errstate(divide="ignore", invalid="ignore"):
            return total / count


@lru_cache(maxsize=32)
def _design(reach: int, degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Powers [2 reach + 1, degree + 1] of the times of a window, and their tricube weights."""
    offsets = np.arange(-reach, reach + 1)
    return np.vander(offsets / (reach + 1), degree + 1, increasing=True), _tricube(offsets, reach)


def _tricube(offset: np.ndarray | int, reach: int) -> np.ndarray:
    return (1 - (np.abs(offset) / (reach + 1)) ** 3) ** 3
