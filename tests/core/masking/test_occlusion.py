"""What counts as passing in front of a face, on a drawn face whose light changes; and whose face is whose."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from understudy.core.faces.geometry import MEAN_FACE
from understudy.core.masking import refining
from understudy.core.masking.occlusion import SIZE, Look, agreement, cover, look
from understudy.core.masking.refining import Masked, persons_of
from understudy.core.masking.subject import Entry

SHAPE = MEAN_FACE.copy()
EVERYWHERE = np.ones((SIZE, SIZE), bool)
FACE = cv2.ellipse(np.zeros((SIZE, SIZE), np.uint8), (64, 64), (40, 52), 0, 0, 360, 1, -1) > 0


def picture(seed: int, light: float = 1.0, slope: float = 0.0) -> np.ndarray:
    """A face: skin with fixed spots, eyes and a mouth, noise of its own; lit as wanted."""
    skin = cv2.GaussianBlur(np.random.default_rng(7).normal(0, 40, (SIZE, SIZE)), (0, 0), 2.5)
    pixels = np.dstack([175 + skin, 130 + skin, 105 + skin]).astype(np.float32)
    for x in (46, 82):
        cv2.ellipse(pixels, (x, 52), (9, 5), 0, 0, 360, (60, 45, 40), -1)
    cv2.ellipse(pixels, (64, 92), (15, 5), 0, 0, 360, (120, 50, 50), -1)
    shade = light + slope * (np.arange(SIZE) / SIZE - 0.5)
    noise = np.random.default_rng(seed).normal(0, 2, (SIZE, SIZE, 3))
    return np.clip(pixels * shade[None, :, None] + noise, 0, 255).astype(np.uint8)


def seen(pixels: np.ndarray, shape: np.ndarray = SHAPE) -> Look:
    return look(shape, pixels, EVERYWHERE, FACE)


@pytest.fixture
def others() -> list[Look]:
    return [seen(picture(seed)) for seed in range(1, 11)]


@pytest.mark.parametrize(("light", "slope"), [(1.0, 0.0), (0.6, 0.0), (1.0, 0.25), (0.75, -0.15)])
def test_light_covers_nothing(light: float, slope: float, others: list[Look]) -> None:
    assert cover(seen(picture(0, light, slope)), others).max() == 0


@pytest.mark.parametrize("light", [1.0, 0.7])
@pytest.mark.parametrize("colour", [(60, 120, 70), (120, 90, 75), (240, 240, 240)])
def test_what_is_in_front_is_found_to_its_edge(colour: tuple[int, int, int], light: float, others: list[Look]) -> None:
    pixels = picture(0, light)
    noise = np.random.default_rng(3).normal(0, 4, (SIZE, SIZE, 1))
    board = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    pixels[70:, 30:] = board[70:, 30:]
    one = seen(pixels)
    found = cover(one, others) > 0.5
    wanted = np.zeros((SIZE, SIZE), bool)
    wanted[70:, 30:] = True
    assert (found & wanted & FACE).sum() / ((found | wanted) & FACE).sum() > 0.9
    assert agreement(one, others) < 0.75 < agreement(others[0], others)


def test_covered_sightings_are_no_references(others: list[Look]) -> None:
    """Where a hand rests on the same place of the face in many frames, the clean ones decide."""
    covered = []
    for seed in range(20, 24):
        pixels = picture(seed)
        pixels[50:] = (90, 70, 60)
        covered.append(seen(pixels))
    found = cover(covered[0], covered[1:] + others) > 0.5
    assert found[54:110, 40:90].mean() > 0.9
    assert cover(others[0], covered + others[1:]).max() == 0


def test_a_small_thing_is_left_alone(others: list[Look]) -> None:
    pixels = picture(0)
    pixels[88:97, 56:72] = (20, 10, 10)  # the mouth opens
    assert cover(seen(pixels), others).max() == 0


def test_nobody_is_judged_by_other_poses(others: list[Look]) -> None:
    assert cover(seen(picture(0), SHAPE + 0.1), others) is None
    assert cover(seen(picture(0)), others[:5]) is None


def entry(name: str, frame: int, x: float, person: int | None = None) -> Entry:
    return Entry(name, name, frame, 0, (x, 10.0, 50.0, 50.0), np.zeros((68, 2), np.float32), person)


def test_who_is_who() -> None:
    """Persons as the store knows them; a stranger in a person's place is that person; others are their own."""
    people = persons_of([entry("a0", 0, 0, 5), entry("b0", 0, 200), entry("a1", 1, 3), entry("b1", 1, 203),
                         entry("a2", 2, 5, 5), entry("far", 60, 900)])
    assert people["a0"] == people["a1"] == people["a2"] == 5
    assert people["b0"] == people["b1"] != 5
    assert people["far"] not in (5, people["b0"])


def test_a_face_sees_its_person_before_and_after_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refining, "HELD", 10)
    looks = [seen(picture(0)) for _ in range(30)]
    faces = [Masked(entry(str(n), n, 0), [], [], looks[n]) for n in range(30)]
    persons = {str(n): n % 2 for n in range(30)}
    given = list(refining._windows((face for face in faces), persons))
    assert [masked.entry.name for masked, _ in given] == [str(n) for n in range(30)]
    for n, (_, others) in enumerate(given):
        at_hand = [looks.index(other) for other in others]
        before, after = [m for m in at_hand if m < n], [m for m in at_hand if m > n]
        if n < 25:  # at the end nothing is let go any more
            assert before == [m for m in range(max(0, n - 5), n) if m % 2 == n % 2]
        assert after[:2] == [m for m in range(n + 1, min(30, n + 6)) if m % 2 == n % 2][:2]
        assert len(at_hand) < 10
