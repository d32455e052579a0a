"""Near twins among faces, and the counts rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from understudy.core.errors import FacesError
from understudy.core.training.faces import checks, duplicates


def crops(count: int, seed: int = 0) -> np.ndarray:
    """Faces that differ as faces do: smooth pictures under a round mask."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(60, 190, (count, 8, 8, 3)).astype(np.uint8)
    pictures = coarse.repeat(8, axis=1).repeat(8, axis=2)
    y, x = np.mgrid[:64, :64] - 31.5
    mask = np.broadcast_to(np.where(np.hypot(x, y) < 26, 255, 0).astype(np.uint8)[None, ..., None], (count, 64, 64, 1))
    return np.concatenate((pictures, mask), axis=-1)


def looks(pictures: np.ndarray) -> np.ndarray:
    return np.stack([duplicates.look(picture) for picture in pictures])


def test_faces_that_differ_have_no_twin() -> None:
    assert duplicates.twin_share(looks(crops(60))) == 0
    assert duplicates.twin_share(looks(crops(1))) == 0


def test_the_same_face_with_other_grain_is_a_twin_and_a_blink_is_none() -> None:
    faces = crops(20)
    grain = np.random.default_rng(1).normal(0, 6, faces.shape).round().astype(int)
    grainy = np.clip(faces + grain, 0, 255).astype(np.uint8)
    grainy[..., 3] = faces[..., 3]
    assert duplicates.twin_share(looks(np.concatenate((faces, grainy)))) == 1
    blinking = faces.copy()
    for x in (16, 40):
        blinking[:, 22:28, x:x + 9, :3] = np.clip(blinking[:, 22:28, x:x + 9, :3].astype(int) + 35, 0, 255)
    assert duplicates.twin_share(looks(np.concatenate((faces, blinking)))) == 0


def test_what_lies_outside_the_mask_does_not_count() -> None:
    faces = crops(12)
    elsewhere = faces.copy()
    elsewhere[:, :4] = 255 - elsewhere[:, :4]
    elsewhere[..., 3] = faces[..., 3]
    assert duplicates.twin_share(looks(np.concatenate((faces, elsewhere)))) == 1


def test_a_sample_stands_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = looks(crops(400))
    half = np.concatenate((faces, faces[:200]))  # 400 of the 600 have a twin
    assert duplicates.twin_share(half) == pytest.approx(2 / 3)
    monkeypatch.setattr(duplicates, "_SAMPLE", 200)
    assert duplicates.twin_share(half) == pytest.approx(2 / 3, abs=0.1)


@pytest.mark.parametrize(("count", "words"), [(24, "training needs 25"), (25, "25 faces only"), (249, "249 faces only"),
                                              (250, "500 or more"), (499, "500 or more"), (500, ""), (10_000, ""),
                                              (10_001, "10,001 faces; more than 10,000 seldom help")])
def test_the_counts_rule(count: int, words: str) -> None:
    told = checks.about_count(count, "A")
    assert (words in told) if words else not told


def test_too_few_faces_are_refused_with_the_reason() -> None:
    checks.require_enough(25, Path("faces"), "B")
    with pytest.raises(FacesError, match=r"Side B has 24 usable faces in faces and training needs 25; the first of 1 "
                                         r"unusable files: torn; the others are of other persons"):
        checks.require_enough(24, Path("faces"), "B", [(Path("x.png"), FacesError("torn"))], 3)


def test_few_twins_are_only_told_when_asked_for() -> None:
    assert checks.about_twins(0.4, 100, "A") == ""
    assert checks.about_twins(0.4, 100, "A", always=True) == (
        "40 % of the faces of A have a near twin among them; 100 differ from each other")
    assert checks.about_twins(0.4, 500, "A", always=True).endswith("500 or more differ from each other")
    assert "about as much as 100 that differ" in checks.about_twins(0.6, 100, "A")


def test_twins_beside_enough_others_do_no_harm() -> None:
    assert checks.about_twins(1.0, 499, "A")
    assert checks.about_twins(1.0, 500, "A") == ""


def test_what_a_folder_is_worth() -> None:
    faces = crops(40)
    grain = [np.random.default_rng(take).normal(0, 6, faces.shape).round() for take in range(3)]
    clip = np.concatenate([np.clip(faces + some, 0, 255) for some in grain]).astype(np.uint8)
    clip[..., 3] = np.tile(faces[..., 3], (3, 1, 1))
    assert duplicates.twin_share(looks(clip)) == 1
    assert duplicates.different(looks(clip), 500) == duplicates.different(looks(clip), 500, seed=1) == 40
    assert duplicates.different(looks(clip), 30) == 30  # no more than anybody asks for
    assert duplicates.different(looks(crops(1)), 500) == 1
