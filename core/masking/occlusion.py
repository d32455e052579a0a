"""What covers a face, told from how the same face looks in other frames.

Two steps. First the face, cut upright, is compared with other sightings of the same person in a similar pose. Where its
colours lie outside of what any of them shows, though light may differ smoothly (log colours, a plane per channel that
Tukey's biweight fits to where the structure agrees), and where its local structure agrees with none of them (normalised
cross-correlation), something is in front. A moving cover is at another place of the face in other frames, so that
motion tells it as well as colour. Only where this finds something, GrabCut (C. Rother et al., "GrabCut: Interactive
foreground extraction using iterated graph cuts", SIGGRAPH 2004), seeded with both finds, draws the cover's outline.
GrabCut by itself, started from the mask, takes half of every clean face away; benchmarks/occlusion.py has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

SIZE, CENTERING = 128, "face"  # of the crops that are compared
REFERENCES, LEAST_REFERENCES = 15, 6  # other sightings that a face is compared with
FARTHEST = 0.03  # mean distance of landmarks, in unit-box units, at which another sighting is a similar pose
_AGREES = 0.6  # correlation from which structure counts as the same
_SURELY_AGREES = 0.8
_TEXTURE = 0.06  # standard deviation of log light from which there is structure to compare
_CLEAN = 0.6  # share of a sighting's structure that has to agree with others' for it to be a reference
_TOLERANCE = 0.05  # of log colours: noise and what compression does
_FOUND = 0.7  # evidence from which something is in front, in tolerances
_STRUCTURE_WEIGHT = 1.5
_LEAST_SHARE = 0.04  # of the face that a cover takes at least: less is an open mouth or a blink
_LIGHT_SHARE = 0.03  # of the face whose structure has to agree for its light to be compared
_V, _U = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
_PLANE = np.stack([np.ones_like(_U), _U, _V], -1)  # light as constant, slope across, slope down


@dataclass(eq=False)
class Look:
    """One sighting of a face, as it is compared.

    Attributes:
        shape: landmarks 17..67 in the unit box, float64 [51, 2].
        pixels: uint8 [128, 128, 3] RGB, the face-centred crop.
        colours: log colours, slightly blurred, float32 [128, 128, 3].
        light, mean, deviation: their mean over colours, and its local mean and standard deviation, float32 [128, 128].
        inside: bool [128, 128], where the crop shows the frame.
        face: bool [128, 128], the extended mask.
        agreement: share of its structure that agrees with other sightings; None: not compared yet.
    """

    shape: np.ndarray
    pixels: np.ndarray
    colours: np.ndarray
    light: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    inside: np.ndarray
    face: np.ndarray
    agreement: float | None = None


def look(shape: np.ndarray, pixels: np.ndarray, inside: np.ndarray, face: np.ndarray) -> Look:
    """Prepare a sighting for comparison; the arguments are `Look`'s."""
    # The offset keeps noise in the dark from looking like structure.
    colours = _blurred(np.log((pixels.astype(np.float32) + 12) / 255), 1)
    light = colours.mean(-1)
    mean = _blurred(light, 4)
    deviation = np.sqrt(np.maximum(_blurred(light * light, 4) - mean * mean, 0))
    return Look(shape, pixels, colours, light, mean, deviation, inside, face & inside)


def nearest(one: Look, others: Sequence[Look]) -> list[Look]:
    """The sightings in the most similar poses, nearest first, none farther than `FARTHEST`."""
    distances = [float(np.abs(other.shape - one.shape).mean()) for other in others]
    order = np.argsort(distances, kind="stable")[:REFERENCES]
    return [others[i] for i in order if distances[i] <= FARTHEST]


def agreement(one: Look, sightings: Sequence[Look]) -> float:
    """Share of the face's structure that agrees with other sightings, 0 .. 1: about 1 unless it is covered."""
    if one.agreement is None:
        references = nearest(one, [other for other in sightings if other is not one])
        if len(references) < LEAST_REFERENCES:
            return 0.0
        # With a third of them: a cover that stays at its place agrees with itself in some.
        same, texture = _structure(one, references, len(references) // 3)
        there = one.face & (texture > _TEXTURE)
        one.agreement = float((same[there] > _AGREES).mean()) if there.any() else 0.0
    return one.agreement


def cover(one: Look, others: Sequence[Look]) -> np.ndarray | None:
    """What covers a face.

    Args:
        others: sightings of the same person around that time, without `one`; covered ones among them are passed over.

    Returns:
        float32 [128, 128], 0 free to 1 covered; None where too few sightings in a similar pose are known to tell.
    """
    everyone = (*others, one)
    references = nearest(one, [other for other in others if agreement(other, everyone) >= _CLEAN])
    if len(references) < LEAST_REFERENCES:
        return None
    same, texture = _structure(one, references, 3)
    evidence = _evidence(one, references, same, texture)
    area = int(one.face.sum())
    found = _large((evidence > 0) & one.face, one.face, area)
    if not found.any():
        return np.zeros((SIZE, SIZE), np.float32)
    sure = one.face & (same > _SURELY_AGREES) & (texture > _TEXTURE) & (evidence < 0)
    outlined = _large(_outlined(one, found, sure, evidence), one.face, area)
    return _blurred(outlined.astype(np.float32), 0.7)


def _structure(one: Look, references: Sequence[Look], rank: int) -> tuple[np.ndarray, np.ndarray]:
    """How well the local structure correlates with the `rank`th best reference there, and how much of it they have."""
    correlations = []
    for other in references:
        together = _blurred(one.light * other.light, 4) - one.mean * other.mean
        correlations.append(together / np.maximum(one.deviation * other.deviation, 1e-4))
    place = len(references) - rank
    return np.partition(np.stack(correlations), place, 0)[place], np.mean([other.deviation for other in references], 0)


def _evidence(one: Look, references: Sequence[Look], same: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """Above 0 where something is in front."""
    stack = np.stack([other.colours for other in references])
    lit = one.colours - _light_change(one, stack, one.face & (same > _AGREES) & (texture > _TEXTURE))
    # What any but the most extreme reference shows within two pixels: features never lie exactly on one another.
    kernel = np.ones((5, 5), np.uint8)
    low = np.sort([cv2.erode(colours, kernel) for colours in stack], 0)[1]
    high = np.sort([cv2.dilate(colours, kernel) for colours in stack], 0)[-2]
    outside = np.maximum(np.maximum(lit - high, low - lit), 0)
    strange = np.minimum(np.sqrt((outside ** 2).mean(-1)) / _TOLERANCE, 3)
    structured = np.maximum(one.deviation, texture)
    weight = _STRUCTURE_WEIGHT * structured / (structured + _TEXTURE)
    evidence = strange - _FOUND + weight * np.clip(0.3 - same, -0.4, 1)
    return _blurred(np.where(one.inside, evidence, 0).astype(np.float32), 2)


def _light_change(one: Look, stack: np.ndarray, trusted: np.ndarray) -> np.ndarray | float:
    """How much lighter the face is than its references, a plane per channel, from where its structure is theirs."""
    area = int(one.face.sum())
    if trusted.sum() <= _LIGHT_SHARE * area:
        return 0.0
    usual = np.median(stack, 0)
    spread = _blurred(1.4826 * np.median(np.abs(stack - usual), 0), 1.5)
    scale = np.sqrt(spread[trusted] ** 2 + _TOLERANCE ** 2)
    places, change = _PLANE[trusted], (one.colours - usual)[trusted]
    # Slopes are held back where only a small part can be trusted, which knows them badly.
    held = 0.005 * area * (area / trusted.sum()) ** 2
    ridge = np.diag([1.0, held, held])
    plane = np.zeros((3, 3))
    plane[0] = np.median(change, 0)
    for step in range(10):
        distance = np.sqrt((((change - places @ plane) / scale) ** 2).mean(1))
        limit = 4.0 if step < 3 else 2.5
        weight = np.where(distance < limit, (1 - (distance / limit) ** 2) ** 2, 0)
        weighted = (places * weight[:, None]).T
        plane = np.linalg.solve(weighted @ places + ridge, weighted @ change)
    return (_PLANE @ plane).astype(np.float32)


def _outlined(one: Look, found: np.ndarray, sure: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """The cover's whole extent, bool [128, 128], by GrabCut between what was found and what is surely not it."""
    core = cv2.erode(found.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    labels = np.full(found.shape, cv2.GC_PR_FGD, np.uint8)
    labels[evidence > 0] = cv2.GC_PR_BGD
    labels[core] = cv2.GC_BGD
    labels[sure | ~one.inside | (~one.face & (evidence <= 0))] = cv2.GC_FGD
    # Its mixtures need some pixels of both kinds to begin with.
    if min((labels == cv2.GC_BGD).sum(), (labels == cv2.GC_FGD).sum()) < 16:
        return found
    cv2.setRNGSeed(0)  # it draws its first clusters at random
    picture, nowhere = cv2.cvtColor(one.pixels, cv2.COLOR_RGB2BGR), (0, 0, 0, 0)
    cv2.grabCut(picture, labels, nowhere, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    return ((labels == cv2.GC_BGD) | (labels == cv2.GC_PR_BGD)) & one.inside


def _large(found: np.ndarray, face: np.ndarray, area: int) -> np.ndarray:
    """The parts that cover a fair share of the face."""
    count, labels = cv2.connectedComponents(found.astype(np.uint8))
    shares = np.bincount(labels[face], minlength=count)
    kept = shares >= _LEAST_SHARE * area
    kept[0] = False
    return kept[labels]


def _blurred(x: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(x, (0, 0), sigma)
