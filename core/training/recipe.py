"""From a trainer's own recipe and a person's options to what a training does."""

from __future__ import annotations

from dataclasses import replace

from ..models.base import Recipe
from ..models.state import Settings
from ..options.losses import AUTO, NONE, LossOptions
from ..options.optimizers import OptimizerOptions
from ..options.train import TrainOptions
from .losses import FaceLoss
from .losses.face import join, parse
from .optimizers import ADABELIEF_EPSILON


def settled(settings: Settings, recipe: Recipe) -> Settings:
    """The settings of a new model, what was left to the trainer written out: it stays so whatever later trainers do."""
    optimizer = recipe.optimizer if settings.optimizer == AUTO else settings.optimizer
    return replace(settings, optimizer=optimizer, ada_beta_1=settings.ada_beta_1 or recipe.betas[0],
                   ada_beta_2=settings.ada_beta_2 or recipe.betas[1],
                   ada_amsgrad=settings.ada_amsgrad or recipe.amsgrad)


def chosen(options: TrainOptions, recipe: Recipe, settings: Settings) -> Recipe:
    """The trainer's own recipe with what the person chose instead.

    Args:
        settings: of the model; what is fixed there counts.
    """
    fixed = settled(settings, recipe)
    own_epsilon = ADABELIEF_EPSILON if fixed.optimizer == "adabelief" != recipe.optimizer else recipe.epsilon
    return replace(
        recipe,
        optimizer=fixed.optimizer, betas=(fixed.ada_beta_1, fixed.ada_beta_2), amsgrad=fixed.ada_amsgrad,
        learning_rate=options.learning_rate or settings.found_learning_rate or recipe.learning_rate,
        epsilon=10.0**options.epsilon_exponent if options.epsilon_exponent else own_epsilon,
        weight_decay=options.weight_decay or recipe.weight_decay,
        warm_up=options.warmup or recipe.warm_up,
        accumulation=options.gradient_accumulation if options.gradient_accumulation > 1 else recipe.accumulation,
        clipping=recipe.clipping if options.gradient_clipping == AUTO else options.gradient_clipping,
        clipping_value=options.clipping_value or recipe.clipping_value,
        autoclip_history=options.autoclip_history,
        loss=loss_sum(options, recipe.loss),
        mask_loss=recipe.mask_loss if options.mask_loss_function == AUTO else options.mask_loss_function,
        eyes=options.eye_multiplier or recipe.eyes, mouth=options.mouth_multiplier or recipe.mouth)


def loss_sum(options: LossOptions, own: str) -> str:
    """The loss functions that are chosen and their weights, in words; `own` is the trainer's."""
    of_trainer = parse(own) if options.loss_function == AUTO else [(1.0, options.loss_function)]
    terms = [of_trainer[0]]
    for number in range(2, 5):
        name, share = getattr(options, f"loss_function_{number}"), getattr(options, f"loss_weight_{number}") / 100
        factor = 1.0
        if name == AUTO:
            factor, name = of_trainer[number - 1] if number <= len(of_trainer) else (factor, NONE)
        if name != NONE and share:
            terms.append((factor * share, name))
    return join(terms)


def face_loss(recipe: Recipe, settings: Settings) -> FaceLoss:
    """What the recipe says to minimise, on a model with these settings."""
    return FaceLoss(recipe.loss, settings.penalized_mask_loss, recipe.mask_floor, recipe.eyes, recipe.mouth,
                    recipe.mask_loss)


def facts(recipe: Recipe, options: OptimizerOptions) -> dict[str, object]:
    """What state.json tells of a session's training: all that may change from one to the next."""
    kept = ("learning_rate", "loss", "mask_loss", "eyes", "mouth", "epsilon", "weight_decay", "warm_up", "accumulation",
            "clipping", "clipping_value")
    return {**{key: getattr(recipe, key) for key in kept}, "nan_protection": options.nan_protection}
