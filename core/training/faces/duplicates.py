"""How many faces of a folder have a near twin in it, as frames that follow each other do: they teach little."""

from __future__ import annotations

import cv2
import numpy as np

SIZE = 16  # fields across the face in which looks are compared
ALIKE = 2.55  # levels of 255, root mean square over the fields: 1 % of white
_SAMPLE = 2000  # faces that are compared with all the others
_BLOCK = 250  # of them at a time


def look(crop: np.ndarray) -> np.ndarray:
    """What is compared of a face: uint8 [16, 16, 2], brightness and mask, each the mean over its field.

    Args:
        crop: uint8 [P, P, 4 or more], RGB and the face's mask.
    """
    fields = cv2.resize(crop[..., :4], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(np.ascontiguousarray(fields[..., :3]), cv2.COLOR_RGB2GRAY)
    return np.dstack((grey, fields[..., 3]))


def twin_share(looks: np.ndarray, seed: int = 0) -> float:
    """Part of the faces that differ from another one by less than 1 % of white.

    Crops lie on their landmarks, so that equal fields show equal parts of the face: the difference is that of
    expression, direction and light, and what a frame's grain adds is averaged away. Of a filmed person who talks, all
    frames of a clip have a twin, two thirds of those a fifth of a second apart, and none of those a second apart.

    Args:
        looks: uint8 [N, 16, 16, 2], of `look`.
        seed: for the choice of 2,000 faces that stand for all where there are more.
    """
    count = len(looks)
    if count < 2:
        return 0.0
    vectors = _vectors(looks)
    squares = (vectors**2).sum(axis=1)
    chosen = np.random.default_rng(seed).permutation(count)[:_SAMPLE]
    twins = 0
    for start in range(0, len(chosen), _BLOCK):
        block = chosen[start: start + _BLOCK]
        apart = squares[block, None] + squares - 2 * vectors[block] @ vectors.T
        apart[np.arange(len(block)), block] = np.inf
        twins += int((apart.min(axis=1) < ALIKE**2).sum())
    return twins / len(chosen)


def different(looks: np.ndarray, most: int, seed: int = 0) -> int:
    """How many faces, at least, differ from each other by 1 % of white or more: what a folder is worth.

    Faces are looked at in a random order, and those kept that are no twin of one that is kept already.

    Args:
        looks: uint8 [N, 16, 16, 2], of `look`.
        most: it ends with so many.
        seed: of the order.
    """
    vectors = _vectors(looks)[np.random.default_rng(seed).permutation(len(looks))]
    kept = np.empty((min(most, len(vectors)), vectors.shape[1]), np.float32)
    count = 0
    for vector in vectors:
        if count == len(kept):
            break
        if not count or ((kept[:count] - vector) ** 2).sum(axis=1).min() >= ALIKE**2:
            kept[count] = vector
            count += 1
    return count


def _vectors(looks: np.ndarray) -> np.ndarray:
    """float32 [N, 256], whose distances are the root mean square differences of the faces, weighed by their masks."""
    weights = looks[..., 1].mean(axis=0, dtype=np.float64)
    weights = np.sqrt(weights / max(weights.sum(), 1e-9)).astype(np.float32)
    vectors = (looks[..., 0].astype(np.float32) * weights).reshape(len(looks), SIZE * SIZE)
    return vectors - vectors.mean(axis=0)  # smaller numbers, whose differences are told apart
