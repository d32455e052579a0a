"""What every swap model is: a shared view of faces, one decoder per performer, and a recipe to train it by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from ..errors import UsageError
from ..options.rows import TRAINERS, find

Side = Literal["a", "b"]


@dataclass(frozen=True)
class Recipe:
    """How a trainer likes to be trained where the person leaves it to the trainer.

    Attributes:
        learning_rate, betas, epsilon: of the Adam optimiser (Kingma and Ba 2015).
        weight_decay: decoupled (Loshchilov and Hutter 2019), on parameters of two or more dimensions; 0: none.
        loss: what is minimised: terms of `training.losses`, such as "ssim+mae" or "0.5*ssim5+mae".
        mask_floor: weight of the pixels outside the mask under a penalised mask loss; above 0 the model learns a little
            of what lies under the mask's soft edge too.
        warm_up: iterations over which the learning rate rises from 0; 0: none.
        settle_after: iterations after which the learning rate falls with the square root of their number; 0: never.
        ema: decay of the moving average of the weights that previews and conversion use; 0: the weights themselves.
        gradient_clip: largest global norm of the gradients; 0: any.
        landmark_weight: weight of the error of the landmarks that a model with a head for them reads off its code.
        side_weights: factors of the losses of A and B before they are added.
        augmentation: changes to the fields of `training.augmentation.Amounts`, by name.
        late_augmentation: what of these they become by and by; `late_between` says from which iteration to which.
        oversampling: crops are kept at this many times the model's size, and placing, warping and shrinking are then
            one interpolation instead of three: sharper targets for more memory.
    """

    learning_rate: float = 5e-5
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-7
    weight_decay: float = 0.0
    loss: str = "ssim+mae"
    mask_floor: float = 0.0
    warm_up: int = 0
    settle_after: int = 0
    ema: float = 0.0
    gradient_clip: float = 0.0
    side_weights: tuple[float, float] = (1.0, 1.0)
    augmentation: dict[str, float | bool] = field(default_factory=dict)
    late_augmentation: dict[str, float] = field(default_factory=dict)
    late_between: tuple[int, int] = (0, 1)
    oversampling: int = 1
    landmark_weight: float = 0.0


class SwapModel(nn.Module):
    """An autoencoder with one decoder per performer.

    Class attributes:
        name, label: as in its row of `options.rows.TRAINERS`.
        recipe: how to train it by default.
        has_lowmem: the constructor's `lowmem=True` makes a smaller variant.
        input_size, output_size: sides of the square pictures in pixels.

    Everything that must survive a save is a parameter or a persistent buffer.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    recipe: ClassVar[Recipe] = Recipe()
    has_lowmem: ClassVar[bool] = False
    input_size: int = 64
    output_size: int = 64

    def forward(self, x: torch.Tensor, side: Side) -> torch.Tensor:
        """The face in `x` as the performer of `side` would show it.

        Args:
            x: float32 [N, 3, input_size, input_size], RGB in [0, 1].
            side: whose decoder; A -> B swaps with "b".

        Returns:
            float32 [N, 3, output_size, output_size] in [0, 1]; a fourth channel is a learned mask.
        """
        raise NotImplementedError

    def forward_both(self, x_a: torch.Tensor, x_b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both sides' own reconstructions at once (shapes as in `forward`); the training step calls this."""
        return self(x_a, "a"), self(x_b, "b")

    def forward_training(self, x: torch.Tensor, side: Side) -> tuple[torch.Tensor, torch.Tensor | None]:
        """As `forward` for the faces of one side, with what its recipe's `landmark_weight` is for.

        Returns:
            The pictures, and float32 [N, 136]: where the model believes the landmarks to be, in the units of
            `training.augmentation.Batch.landmarks`; None from a model that does not tell.
        """
        return self(x, side), None

    def parameters_for(self, recipe: Recipe, learning_rate: float) -> list[dict[str, Any]]:
        """Groups of parameters for the optimiser; a trainer may give its parts learning rates of their own."""
        decayed = [p for p in self.parameters() if p.requires_grad and p.ndim > 1]
        plain = [p for p in self.parameters() if p.requires_grad and p.ndim <= 1]
        return [{"params": decayed, "lr": learning_rate, "weight_decay": recipe.weight_decay},
                {"params": plain, "lr": learning_rate, "weight_decay": 0.0}]


class SharedEncoderModel(SwapModel):
    """The classic shape: one `encoder` for both performers, `decoder_a` and `decoder_b`."""

    encoder: nn.Module
    decoder_a: nn.Module
    decoder_b: nn.Module

    def forward(self, x: torch.Tensor, side: Side) -> torch.Tensor:
        decoder = self.decoder_a if side == "a" else self.decoder_b
        return decoder(self.encoder(x))

    def forward_both(self, x_a: torch.Tensor, x_b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        code = self.encoder(torch.cat((x_a, x_b)))  # one pass over both sides: larger matrices, better use of the cores
        return self.decoder_a(code[: len(x_a)]), self.decoder_b(code[len(x_a):])


def build(trainer: str, *, lowmem: bool = False) -> SwapModel:
    """A fresh model of the trainer called `trainer`, with random weights from torch's global generator.

    Raises:
        UsageError: if the trainer has no low-memory variant and one is asked for.
    """
    model_class: type[SwapModel] = find(TRAINERS, trainer).load()
    if not lowmem:
        return model_class()
    if not model_class.has_lowmem:
        able = [row.name for row in TRAINERS if row.load().has_lowmem]
        raise UsageError(f"The trainer {trainer} has no low-memory variant",
                         f"Leave low memory off, or choose one of: {', '.join(able)}")
    return model_class(lowmem=True)
