"""What faces are for decides which frames are read and what is said before."""

from __future__ import annotations

from fractions import Fraction

import pytest

from understudy.core.options.purpose import expectation, expected_faces, ordinal, step, thinned


@pytest.mark.parametrize(("purpose", "every", "rate", "wanted"), [
    ("training", 0, 25, 12), ("training", 0, 60, 30), ("training", 0, 1, 1), ("training", 5, 25, 5),
    ("both", 0, 25, 1), ("convert", 0, 60, 1), ("convert", 4, 60, 4)])
def test_training_takes_two_frames_a_second_unless_somebody_says_otherwise(purpose, every, rate, wanted):
    assert step(purpose, every, Fraction(rate)) == wanted


def test_a_wider_range_keeps_what_a_narrower_one_read():
    assert thinned(range(10, 50), 12) == [12, 24, 36, 48]
    assert set(thinned(range(20, 40), 12)) <= set(thinned(range(100), 12))


def test_what_to_expect():
    assert expected_faces(40) == 40
    assert expected_faces(40, seen=10, faces_seen=25) == 100
    assert expectation(1, 1, measured=True) == "every frame, about 1 face to expect"
    assert expectation(12, 40, measured=False) == "every 12th frame, about 40 faces of each person to expect"
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 13, 22, 111, 121)] == [
        "1st", "2nd", "3rd", "4th", "11th", "13th", "22nd", "111th", "121st"]
