"""How large a step is while training goes on, as a part of the learning rate."""

from __future__ import annotations

import math

from ..models.base import Recipe


def share_of_rate(recipe: Recipe, iteration: int) -> float:
    """The part of the learning rate that the step of an iteration (from 0) takes.

    It rises evenly from 0 over the recipe's warm-up, which counts optimiser steps, and falls with the square root of
    the iterations once they are `settle_after`.
    """
    step = iteration // recipe.accumulation
    share = min(1.0, step / recipe.warm_up) if recipe.warm_up else 1.0
    if recipe.settle_after and iteration > recipe.settle_after:
        share *= math.sqrt(recipe.settle_after / iteration)
    return share
