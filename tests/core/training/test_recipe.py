"""What a person chooses wins over what the trainer likes, and what is fixed wins over both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from understudy.core.models.base import Recipe
from understudy.core.models.state import Settings
from understudy.core.options import make
from understudy.core.options.rows import TRAINERS
from understudy.core.options.train import TrainOptions
from understudy.core.training.recipe import chosen, face_loss, loss_sum, settled

OWN = Recipe(optimizer="adam", learning_rate=1e-3, betas=(0.5, 0.9), epsilon=1e-6, loss="0.5*ssim5+mae", warm_up=7,
             weight_decay=0.2, clipping="norm", clipping_value=3.0, eyes=1.5, mouth=1.0)
SETTINGS = Settings("tiny")


def options(**values: object) -> TrainOptions:
    return make(TrainOptions, values)


def test_left_alone_a_trainer_is_trained_as_it_likes() -> None:
    assert chosen(options(), OWN, SETTINGS) == OWN
    for row in TRAINERS:
        recipe = row.load().recipe
        assert chosen(options(trainer=row.name), recipe, SETTINGS) == recipe


def test_what_a_person_chooses_wins() -> None:
    made = chosen(options(learning_rate=2e-4, epsilon_exponent=-5, weight_decay=0.1, warmup=9, gradient_accumulation=3,
                          gradient_clipping="autoclip", clipping_value=2, autoclip_history=99, loss_function="flip",
                          mask_loss_function="mae", eye_multiplier=4, mouth_multiplier=5), OWN, SETTINGS)
    assert made == replace(OWN, learning_rate=2e-4, epsilon=pytest.approx(1e-5), weight_decay=0.1, warm_up=9,
                           accumulation=3, clipping="autoclip", clipping_value=2, autoclip_history=99, loss="flip",
                           mask_loss="mae", eyes=4, mouth=5)


def test_what_is_fixed_wins_over_the_options_of_a_later_run() -> None:
    made = settled(replace(SETTINGS, optimizer="nadam", ada_beta_1=0.8), OWN)
    assert (made.optimizer, made.ada_beta_1, made.ada_beta_2) == ("nadam", 0.8, 0.9)
    later = chosen(options(optimizer="lion", ada_beta_1=0.1), replace(OWN, betas=(0.1, 0.1)), made)
    assert (later.optimizer, later.betas) == ("nadam", (0.8, 0.9))


def test_a_found_rate_counts_until_a_person_gives_one() -> None:
    found = replace(SETTINGS, found_learning_rate=3e-3)
    assert chosen(options(), OWN, found).learning_rate == 3e-3
    assert chosen(options(learning_rate=1e-5), OWN, found).learning_rate == 1e-5


def test_adabelief_has_an_epsilon_of_its_own() -> None:
    belief = replace(SETTINGS, optimizer="adabelief")
    assert chosen(options(), OWN, belief).epsilon == 1e-16
    assert chosen(options(epsilon_exponent=-9), OWN, belief).epsilon == pytest.approx(1e-9)
    assert chosen(options(), replace(OWN, optimizer="adabelief"), SETTINGS).epsilon == OWN.epsilon


@pytest.mark.parametrize(("values", "expected"), [
    ({}, "0.5*ssim5+mae"),
    ({"loss_weight_2": 50}, "0.5*ssim5+0.5*mae"),
    ({"loss_function_2": "none"}, "0.5*ssim5"),
    ({"loss_function_3": "ffl", "loss_weight_3": 200}, "0.5*ssim5+mae+2*ffl"),
    ({"loss_function": "mse"}, "mse"),
    ({"loss_function": "mse", "loss_function_2": "gmsd", "loss_function_4": "laploss"}, "mse+gmsd+laploss"),
    ({"loss_function": "ssim", "loss_function_2": "mse", "loss_weight_2": 0}, "ssim"),
])
def test_the_four_slots(values: dict[str, object], expected: str) -> None:
    assert loss_sum(options(**values), OWN.loss) == expected


def test_the_loss_is_what_settings_and_recipe_say() -> None:
    loss = face_loss(OWN, replace(SETTINGS, penalized_mask_loss=False))
    assert (loss.name, loss.penalized, loss.eyes, loss.mouth) == (OWN.loss, False, 0, 0)
    loss = face_loss(replace(OWN, mouth=2.0), SETTINGS)
    assert (loss.penalized, loss.eyes, loss.mouth) == (True, 1.5, 2.0)
