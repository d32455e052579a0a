"""The job `alignments spatial`: each person's landmarks become what that face can do, averaged over some frames.

Shapes are reconstructed from the principal components of all of a person's shapes, so that single landmarks that went
astray are pulled back, and then averaged over a few frames. Expressions that are fast or rare get weaker; the place of
the face in the frame is not smoothed. `temporal` leaves both alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..faces.nouns import Face
from ..faces.smoothing import from_place_and_shape, to_place_and_shape
from ..jobs.messages import Reporter
from ..options.alignments import SpatialOptions
from . import smoothing


def run(options: SpatialOptions, reporter: Reporter) -> dict[str, Any]:
    """Smooth the shape of each person's face; see `smoothing.run` for the rest."""
    def smooth(tracks: list[list[Face]], counted: Any) -> list[list[Face]]:
        persons: dict[int | None, list[int]] = {}
        for number, track in enumerate(tracks):
            persons.setdefault(track[0].person, []).append(number)
        result: list[list[Face]] = [[] for _ in tracks]
        for numbers in counted(list(persons.values()), "Smoothing"):
            for number, track in zip(numbers, _person([tracks[n] for n in numbers], options), strict=True):
                result[number] = track
        return result

    return smoothing.run(options, reporter, smooth)


def _person(tracks: list[list[Face]], options: SpatialOptions) -> list[list[Face]]:
    """One person's tracks with smoothed landmarks."""
    parts = [to_place_and_shape(np.stack([face.landmarks for face in track]).astype(np.float64)) for track in tracks]
    shapes = reconstruct(np.concatenate([shape for _, shape in parts]), options.components)
    result, start = [], 0
    for track, (place, _) in zip(tracks, parts, strict=True):
        own = average(np.array([face.frame for face in track]), shapes[start:start + len(track)], options.window)
        landmarks = from_place_and_shape(place, own).astype(np.float32)
        result.append([replace(face, landmarks=points) for face, points in zip(track, landmarks, strict=True)])
        start += len(track)
    return result


def reconstruct(shapes: np.ndarray, components: int) -> np.ndarray:
    """Shapes [N, 68, 2] from their first principal components alone.

    Where there are not at least three times as many shapes as components they tell nothing of each other, and come back
    as they are.
    """
    if len(shapes) < 3 * components:
        return shapes
    flat = shapes.reshape(len(shapes), -1)
    mean = flat.mean(0)
    # Of the covariance, 136 x 136 however long the film.
    _, vectors = np.linalg.eigh((flat - mean).T @ (flat - mean))
    kept = vectors[:, -components:]
    return ((flat - mean) @ kept @ kept.T + mean).reshape(shapes.shape)


def average(frames: np.ndarray, shapes: np.ndarray, window: int) -> np.ndarray:
    """The mean of shapes [T, 68, 2] over those at most (window - 1) / 2 frames away, evenly on both sides."""
    sums = np.concatenate([np.zeros((1, *shapes.shape[1:])), np.cumsum(shapes, axis=0)])
    reach = np.minimum(window // 2, np.minimum(frames - frames[0], frames[-1] - frames))
    first = np.searchsorted(frames, frames - reach)
    end = np.searchsorted(frames, frames + reach, side="right")
    total, count = sums[end] - sums[first], (end - first).astype(np.float64)
    return total / count[:, None, None]
