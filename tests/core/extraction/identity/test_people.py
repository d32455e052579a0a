"""Identity models on real footage of four people: the same person is alike, others are not."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from understudy.core.extraction.aligners.dlib_68 import Dlib68
from understudy.core.extraction.detectors.dlib_hog import DlibHog
from understudy.core.media.source import open_source
from understudy.core.options.rows import IDENTITIES, find

PEOPLE = {"real_talk_720p": (0, 60, 120, 170), "real_turn_720p": (0, 90, 180, 270), "actor_a": (0, 60, 120, 200),
          "actor_b": (0, 60, 130, 200)}


@pytest.fixture(scope="module")
def faces(footage) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Clip -> (frame, landmarks) of some faces."""
    detector, aligner = DlibHog(), Dlib68()
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for clip, frames in PEOPLE.items():
        with open_source(footage / f"{clip}.mp4") as source:
            pixels = [frame.pixels for frame in source.frames(frames)]
        boxes = [best.box for best, *_ in detector.detect(pixels)]
        found[clip] = list(zip(pixels, aligner.align(pixels, boxes), strict=True))
    return found


@pytest.mark.footage
@pytest.mark.parametrize("name", ["dlib", "mobilefacenet"])
def test_people_are_told_apart_at_the_rows_own_threshold(name, faces, installed_weights):
    row = find(IDENTITIES, name)
    model = row.load()()
    directions: dict[str, np.ndarray] = {}
    for clip, shown in faces.items():
        vectors = model.vectors([model.chip(pixels, landmarks) for pixels, landmarks in shown])
        directions[clip] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    same = np.concatenate([(own @ own.T)[np.triu_indices(len(own), 1)] for own in directions.values()])
    other = np.concatenate([(a @ b.T).ravel() for a, b in combinations(directions.values(), 2)])
    assert (same >= row.same_person).mean() > 0.9
    assert (other >= row.same_person).mean() < 0.05
