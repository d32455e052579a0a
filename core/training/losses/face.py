"""The loss of a face: a weighted sum of functions, each weighed by the masks of face, eyes and mouth."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from ...options.rows import LOSS_FUNCTIONS, find
from .pointwise import absolute_error, squared_error

Function = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
_WHOLE = ("l-inf-norm", "ffl")  # give one number per picture, so that no mask can weigh the result
_MASK_LOSSES: dict[str, Function] = {"mae": absolute_error, "mse": squared_error}


class Measure(NamedTuple):
    """What a loss is measured against, for one output size; see `training.augmenting.batch.Batch`.

    Attributes:
        target: float32 [N, 3, S, S], RGB in [0, 1].
        mask: float32 [N, 1, S, S] in [0, 1], 1 inside the face.
        eyes, mouth: like `mask`; None: they count like the rest.
    """

    target: torch.Tensor
    mask: torch.Tensor
    eyes: torch.Tensor | None = None
    mouth: torch.Tensor | None = None


class FaceLoss:
    """A weighted sum of loss functions, averaged over all pixels of a face.

    Args:
        name: names of `options.rows.LOSS_FUNCTIONS` joined by "+", each with an optional factor: "ssim+0.5*mae".
        penalized: weigh errors by the masks, so that only what lies inside the face is learned. The average still runs
            over all pixels, so a large face in the crop weighs more than a small one.
        mask_floor: the mask's weights run from this to 1 instead of from 0.
        eyes, mouth: what lies there weighs so much more beside the 1 of the rest of the face; 1 or less: no more.
        mask_loss: "mae" or "mse", of a learned mask.

    Raises:
        KeyError, ValueError: unknown function, or a factor that is no number.
    """

    def __init__(self, name: str, penalized: bool, mask_floor: float = 0.0, eyes: float = 1.0, mouth: float = 1.0,
                 mask_loss: str = "mse") -> None:
        self.name, self.penalized, self.mask_floor = name, penalized, mask_floor
        self.eyes, self.mouth = ((factor if penalized and factor > 1 else 0.0) for factor in (eyes, mouth))
        self._mask_loss = _MASK_LOSSES[mask_loss]
        self._functions: list[tuple[float, Function, bool]] = [
            (factor, find(LOSS_FUNCTIONS, term).load(), term in _WHOLE) for factor, term in parse(name)]

    def __call__(self, y: torch.Tensor, measure: Measure) -> torch.Tensor:
        """The loss of each face, float32 [N], for pictures `y` like `measure.target`."""
        parts = self._parts(measure)
        weight = _product(parts)
        total = torch.zeros(len(y), device=y.device)
        for factor, function, whole in self._functions:
            if whole:
                error = _of_whole_pictures(function, y, measure.target, parts)
            else:
                places = function(y, measure.target)
                error = (places if weight is None else places * weight).mean(dim=(1, 2, 3))
            total = total + factor * error
        return total

    def of_mask(self, made: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The loss of a learned mask per face, [N]: `made` and `mask` are float32 [N, 1, S, S] in [0, 1]."""
        return self._mask_loss(made, mask).mean(dim=(1, 2, 3))

    def _parts(self, measure: Measure) -> list[tuple[float, torch.Tensor]]:
        """The masks that errors are weighed by and their factors, the face's first; none: all counts alike."""
        if not self.penalized:
            return []
        floor = self.mask_floor
        face = measure.mask * (1 - floor) + floor if floor else measure.mask
        extra = ((self.eyes, measure.eyes), (self.mouth, measure.mouth))
        return [(1.0, face), *((factor, mask) for factor, mask in extra if factor and mask is not None)]


def _product(parts: list[tuple[float, torch.Tensor]]) -> torch.Tensor | None:
    """The weight of each place: the face's, raised by what eyes and mouth add."""
    if not parts:
        return None
    (_, weight), *extra = parts
    for factor, mask in extra:
        weight = weight * (1 + factor * mask)
    return weight


def _of_whole_pictures(function: Function, y: torch.Tensor, target: torch.Tensor,
                       parts: list[tuple[float, torch.Tensor]]) -> torch.Tensor:
    """A function that gives one number per picture sees each part by itself."""
    if not parts:
        return function(y, target)
    return torch.stack([factor * function(y * mask, target * mask) for factor, mask in parts]).sum(0)


def parse(name: str) -> list[tuple[float, str]]:
    """The factors and functions of a sum; the inverse of `join`.

    Raises:
        ValueError: a factor is no number.
    """
    parts = (part.rpartition("*") for part in name.split("+"))
    return [(float(factor or 1), function) for factor, _, function in parts]


def join(terms: list[tuple[float, str]]) -> str:
    """A sum in words: [(1, "ssim"), (0.5, "mae")] -> "ssim+0.5*mae"."""
    return "+".join(name if factor == 1 else f"{factor:g}*{name}" for factor, name in terms)
