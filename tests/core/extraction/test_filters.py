"""Alignment filters: each rule at its limit, on faces whose measure is known."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.core.extraction.filters import RULES, Limits, broken_rule, limits_of
from understudy.core.faces.geometry import MEAN_FACE, Alignment
from understudy.core.faces.nouns import Face
from understudy.core.options.extract import ExtractOptions

FRAME = (640, 360)
JAW = np.column_stack([np.linspace(-0.1, 1.1, 17), 0.3 + 0.9 * np.sin(np.linspace(0, np.pi, 17))])


def face(side: float = 100.0, roll: float = 0.0, inner: np.ndarray = MEAN_FACE) -> Face:
    """A face whose face-centred crop is `side` pixels wide in the frame, tilted clockwise by `roll` degrees."""
    angle = np.radians(roll)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    points = (np.concatenate([JAW, inner]) - 0.5) @ turn.T * side / 2 + 180
    return Face(0, (0, 0, side, side), points.astype(np.float32))


def test_a_plain_face_breaks_no_rule():
    assert broken_rule(face(), FRAME, Limits()) is None


@pytest.mark.parametrize(("side", "expected"), [
    (10.79, "min-scale"), (10.81, None), (1439, None), (1441, "max-scale")])
def test_scale_counts_against_the_shorter_side(side, expected):
    assert broken_rule(face(side), FRAME, Limits()) == expected
    assert broken_rule(face(side), FRAME[::-1], Limits()) == expected
    assert broken_rule(face(side), FRAME, Limits(min_scale=0, max_scale=0)) is None


def test_distance_at_its_limit():
    odd = face(inner=MEAN_FACE + np.random.default_rng(1).normal(0, 0.05, MEAN_FACE.shape))
    distance = Alignment(odd.landmarks).average_distance
    assert 0.01 < distance < 0.4
    assert broken_rule(odd, FRAME, Limits(distance=distance * 1.001)) is None
    assert broken_rule(odd, FRAME, Limits(distance=distance * 0.999)) == "distance"
    assert broken_rule(odd, FRAME, Limits(distance=0)) is None


@pytest.mark.parametrize("side", [1, -1])
def test_roll_at_its_limit_to_either_side(side):
    offset = Alignment(face().landmarks).pose().roll
    limits = Limits(roll=30)
    assert broken_rule(face(roll=side * 29.5 - offset), FRAME, limits) is None
    assert broken_rule(face(roll=side * 30.5 - offset), FRAME, limits) == "roll"
    assert broken_rule(face(roll=side * 80), FRAME, Limits()) is None


def test_features_out_of_place():
    swapped = MEAN_FACE.copy()
    swapped[19:31, 1], swapped[31:, 1] = MEAN_FACE[31:43, 1] + 0.2, MEAN_FACE[31:, 1] - 0.6
    assert Alignment(face(inner=swapped).landmarks).eyes_above_mouth < 0
    assert broken_rule(face(inner=swapped), FRAME, Limits()) == "features"
    assert broken_rule(face(inner=swapped), FRAME, Limits(features=False, distance=0)) is None


@pytest.mark.parametrize("points", [np.full((68, 2), 7.0), np.full((68, 2), np.nan), np.full((68, 2), np.inf)])
def test_landmarks_that_are_no_face_are_told_and_not_raised(points):
    broken = Face(0, (0, 0, 9, 9), points.astype(np.float32))
    assert broken_rule(broken, FRAME, Limits(False, 0, 0, 0, 0)) == "features"


def test_limits_come_from_the_options_and_their_defaults_agree():
    assert limits_of(ExtractOptions()) is None
    assert limits_of(ExtractOptions(align_filters=True)) == Limits()
    chosen = limits_of(ExtractOptions(align_filters=True, align_features=False, align_min_scale=10.0,
                                      align_max_scale=90.0, align_distance=0.2, align_roll=40.0))
    assert chosen == Limits(False, 0.1, 0.9, 0.2, 40.0)


def test_every_rule_has_a_face_that_breaks_it():
    """The names that runs report are all reachable."""
    tilted = face(roll=60)
    found = {broken_rule(face(5), FRAME, Limits()), broken_rule(face(5000), FRAME, Limits()),
             broken_rule(tilted, FRAME, Limits(roll=20)), broken_rule(face(), FRAME, Limits(distance=1e-9)),
             broken_rule(Face(0, (0, 0, 1, 1), np.zeros((68, 2), np.float32)), FRAME, Limits())}
    assert found == set(RULES)
