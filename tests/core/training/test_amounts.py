"""What a trainer likes and what a person says instead."""

from __future__ import annotations

import pytest

from understudy.core.models.base import Recipe
from understudy.core.models.sketch import Sketch
from understudy.core.options import options_of
from understudy.core.options.augmentation import AugmentationOptions
from understudy.core.training.augmenting.amounts import Amounts, chosen, growth

# Share or degrees, as the field's trainers have them where nobody says otherwise.
USUAL = {"lightness": 0.30, "chroma": 0.08, "clahe_chance": 0.5, "clahe_size": 4, "rotation": 10, "zoom": 0.05,
         "shift": 0.05, "flip_chance": 0.5, "warp_spread": 5 / 256}


def test_untouched_options_leave_the_trainer_s_own() -> None:
    assert chosen(AugmentationOptions(), Recipe()) == Amounts(**USUAL)
    assert chosen(AugmentationOptions(), Sketch.recipe) == Amounts(
        color=False, lightness=0, chroma=0, clahe_chance=0, rotation=3.0, zoom=0.02, shift=0.01, relight=0.7)
    assert growth(AugmentationOptions(), Recipe()) is None


@pytest.mark.parametrize(("option", "value", "amount", "expected"), [
    ("rotation_range", 7.0, "rotation", 7.0), ("zoom_amount", 12.0, "zoom", 0.12), ("shift_range", 0.0, "shift", 0.0),
    ("flip_chance", 75.0, "flip_chance", 0.75), ("color_lightness", 75.0, "lightness", 0.75),
    ("color_ab", 50.0, "chroma", 0.5), ("color_clahe_chance", 0.0, "clahe_chance", 0.0),
    ("color_clahe_max_size", 8, "clahe_size", 8)])
def test_a_person_s_value_wins(option: str, value: float, amount: str, expected: float) -> None:
    options = AugmentationOptions(**{option: value})
    for recipe in (Recipe(), Sketch.recipe):
        assert getattr(chosen(options, recipe), amount) == pytest.approx(expected)


def test_every_amount_has_an_option() -> None:
    numbers = {option.name for option in options_of(AugmentationOptions) if option.type in (int, float)}
    tried = {mark for mark, *_ in test_a_person_s_value_wins.pytestmark[0].args[1]}
    assert numbers == tried


def test_what_is_switched_off_stays_off() -> None:
    off = chosen(AugmentationOptions(flip=False, augment_color=False, warp=False, color_lightness=50.0), Recipe())
    assert (off.flip, off.color, off.warp) == (False, False, False)


def test_colours_that_a_trainer_leaves_alone_can_be_asked_for() -> None:
    asked = chosen(AugmentationOptions(color_lightness=20.0), Sketch.recipe)
    assert asked.color
    assert (asked.lightness, asked.chroma, asked.clahe_chance) == (0.2, 0, 0)
    assert not chosen(AugmentationOptions(color_lightness=0.0, color_ab=0.0, color_clahe_chance=0.0), Recipe()).color


def test_what_a_person_sets_does_not_grow() -> None:
    own = growth(AugmentationOptions(), Sketch.recipe)
    assert own is not None
    assert (own.late.rotation, own.late.shift, own.late.zoom) == (7.5, 0.04, 0.05)
    asked = growth(AugmentationOptions(rotation_range=5.0), Sketch.recipe)
    assert asked is not None
    early = chosen(AugmentationOptions(rotation_range=5.0), Sketch.recipe)
    assert [asked.at(early, i).rotation for i in (0, 5000, 20_000)] == [5.0, 5.0, 5.0]
    assert asked.at(early, 20_000).shift == 0.04
