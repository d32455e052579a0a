"""How much augmentation does: what a trainer likes, and what a person says instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from ...models.base import Recipe
from ...options.augmentation import AugmentationOptions

# Option -> the amount that it sets, and what it is divided by.
_SET: dict[str, tuple[str, float]] = {
    "rotation_range": ("rotation", 1), "zoom_amount": ("zoom", 100), "shift_range": ("shift", 100),
    "flip_chance": ("flip_chance", 100), "color_lightness": ("lightness", 100), "color_ab": ("chroma", 100),
    "color_clahe_chance": ("clahe_chance", 100), "color_clahe_max_size": ("clahe_size", 1),
}
_COLORS = {"lightness": 0.0, "chroma": 0.0, "clahe_chance": 0.0}


@dataclass(frozen=True)
class Amounts:
    """How much of what; the defaults are those of the field's trainers.

    Attributes:
        color, flip, warp: whether colours are varied, faces mirrored, inputs warped.
        lightness, chroma: largest relative shift of L, and of a and b.
        clahe_chance: share of faces whose local contrast is equalised.
        clahe_size: largest number of half steps by which CLAHE's grid grows beyond its least size.
        rotation: largest turn in degrees.
        zoom: largest relative change of scale.
        shift: largest move along each axis, as a part of the side.
        flip_chance: share of faces that are mirrored.
        warp_spread: standard deviation of the warp's grid points, as a part of the side.
        relight: how much the light of the inputs alone is changed, see `augmentation.relight`; 0: not at all.
    """

    color: bool = True
    flip: bool = True
    warp: bool = True
    lightness: float = 0.30
    chroma: float = 0.08
    clahe_chance: float = 0.5
    clahe_size: int = 4
    rotation: float = 10.0
    zoom: float = 0.05
    shift: float = 0.05
    flip_chance: float = 0.5
    warp_spread: float = 5 / 256
    relight: float = 0.0


@dataclass(frozen=True)
class Growth:
    """Amounts that change while training goes on: little at first, so that the model soon knows the face, and more
    later, so that it does not learn the pictures by heart.

    Attributes:
        late: what the amounts become.
        first, last: the iterations between which they change, evenly.
    """

    late: Amounts
    first: int
    last: int

    def at(self, early: Amounts, iteration: int) -> Amounts:
        """The amounts of one iteration; `early` are those at the start."""
        share = min(max((iteration - self.first) / (self.last - self.first), 0.0), 1.0)
        grown = {f.name: (1 - share) * getattr(early, f.name) + share * getattr(self.late, f.name)
                 for f in fields(Amounts) if f.type == "float"}
        return replace(early, **grown)


def chosen(options: AugmentationOptions, recipe: Recipe) -> Amounts:
    """The trainer's own amounts with what the person chose instead."""
    own = Amounts(**recipe.augmentation)  # type: ignore[arg-type]
    if not own.color:  # one that leaves colours alone varies no more of them than a person asks for
        own = _changed(own, _COLORS)
    amounts = _changed(own, _given(options))
    varies = any(getattr(amounts, name) for name in _COLORS)
    return replace(amounts, color=varies and options.augment_color, flip=own.flip and options.flip,
                   warp=own.warp and options.warp)


def growth(options: AugmentationOptions, recipe: Recipe) -> Growth | None:
    """How the amounts grow, where the trainer lets them; those that a person chose stay."""
    late = {name: value for name, value in recipe.late_augmentation.items() if name not in _given(options)}
    return Growth(_changed(chosen(options, recipe), late), *recipe.late_between) if late else None


def _changed(amounts: Amounts, values: Mapping[str, float]) -> Amounts:
    return replace(amounts, **values)  # type: ignore[arg-type]  # the names decide whether a number is whole


def _given(options: AugmentationOptions) -> dict[str, float]:
    """The amounts that the person set."""
    values = {amount: getattr(options, option) / divisor for option, (amount, divisor) in _SET.items()
              if getattr(options, option) != getattr(AugmentationOptions, option)}
    return {name: int(value) if name == "clahe_size" else value for name, value in values.items()}
