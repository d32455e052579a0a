"""What every swap model is: a shared view of faces, one decoder per performer, and a recipe to train it by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import nn

from ..options.rows import TRAINERS, find
from .style import PLAIN, Style

Side = Literal["a", "b"]


@dataclass(frozen=True)
class Recipe:
    """How a trainer likes to be trained where the person leaves it to the trainer.

    Attributes:
        optimizer: a name of `options.rows.OPTIMIZERS`.
        learning_rate, betas, epsilon: of the optimiser.
        amsgrad: see `training.optimizers.make`.
        weight_decay: on parameters of two or more dimensions; 0: none.
        clipping, clipping_value, autoclip_history: of the gradients, see `training.clipping`.
        accumulation: batches whose gradients make one step of the optimiser.
        loss: what is minimised: functions of `options.rows.LOSS_FUNCTIONS`, such as "ssim+mae" or "0.5*ssim5+mae".
        mask_loss: the same for learned masks, "mae" or "mse".
        eyes, mouth: how much more they count under a penalised mask loss; 1: like the rest of the face.
        mask_floor: weight of the pixels outside the mask under a penalised mask loss; above 0 the model learns a little
            of what lies under the mask's soft edge too.
        warm_up: steps of the optimiser over which the learning rate rises from 0; 0: none.
        settle_after: iterations after which the learning rate falls with the square root of their number; 0: never.
        ema: decay of the moving average of the weights that previews and conversion use; 0: the weights themselves.
        landmark_weight: weight of the error of the landmarks that a model with a head for them reads off its code.
        side_weights: factors of the losses of A and B before they are added.
        augmentation: changes to the fields of `training.augmenting.augmentation.Amounts`, by name.
        late_augmentation: what of these they become by and by; `late_between` says from which iteration to which.
        oversampling: crops are kept at this many times the model's size, and placing, warping and shrinking are then
            one interpolation instead of three: sharper targets for more memory.
    """

    optimizer: str = "adam"
    learning_rate: float = 5e-5
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-7
    amsgrad: bool = False
    weight_decay: float = 0.0
    clipping: str = "none"
    clipping_value: float = 1.0
    autoclip_history: int = 10_000
    accumulation: int = 1
    loss: str = "ssim+mae"
    mask_loss: str = "mse"
    eyes: float = 3.0
    mouth: float = 2.0
    mask_floor: float = 0.0
    warm_up: int = 0
    settle_after: int = 0
    ema: float = 0.0
    side_weights: tuple[float, float] = (1.0, 1.0)
    augmentation: dict[str, float | bool] = field(default_factory=dict)
    late_augmentation: dict[str, float] = field(default_factory=dict)
    late_between: tuple[int, int] = (0, 1)
    oversampling: int = 1
    landmark_weight: float = 0.0


class Outputs(NamedTuple):
    """What a decoder makes.

    Attributes:
        faces: float32 [N, 3, S, S], RGB in [0, 1], for each of the model's `output_sizes`, smallest first.
        mask: float32 [N, 1, S, S] in [0, 1], the learned mask at the largest size; None from a model that learns none.
        landmarks: float32 [N, 136], where the model believes the landmarks to be, in the units of
            `training.augmenting.augmentation.Batch.landmarks`; None from a model that does not tell.
    """

    faces: tuple[torch.Tensor, ...]
    mask: torch.Tensor | None = None
    landmarks: torch.Tensor | None = None


class SwapModel(nn.Module):
    """An autoencoder with one decoder per performer.

    Class attributes:
        name, label: as in its row of `options.rows.TRAINERS`.
        recipe: how to train it by default.
        input_size, output_sizes: sides of the square pictures in pixels; of several outputs, smallest first.

    The constructor takes the trainer's own options by name, and `learn_mask`. Everything that must survive a save is a
    parameter or a persistent buffer.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    recipe: ClassVar[Recipe] = Recipe()
    input_size: int = 64
    output_sizes: tuple[int, ...] = (64,)

    @property
    def output_size(self) -> int:
        """Side in pixels of the largest picture, the one that conversion uses."""
        return self.output_sizes[-1]

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """What both performers share: float32 [N, 3, input_size, input_size], RGB in [0, 1] -> a code [N, …]."""
        raise NotImplementedError

    def decode(self, code: torch.Tensor, side: Side) -> Outputs:
        """The faces that `encode` saw, as the performer of `side` would show them."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor, side: Side) -> torch.Tensor:
        """The face in `x` as the performer of `side` would show it.

        Args:
            x: float32 [N, 3, input_size, input_size], RGB in [0, 1].
            side: whose decoder; A -> B swaps with "b".

        Returns:
            float32 [N, 3, output_size, output_size] in [0, 1]; a fourth channel is a learned mask.
        """
        made = self.decode(self.encode(x), side)
        return made.faces[-1] if made.mask is None else torch.cat((made.faces[-1], made.mask), dim=1)

    def forward_both(self, x_a: torch.Tensor, x_b: torch.Tensor) -> tuple[Outputs, Outputs]:
        """Both sides' own reconstructions, with one pass of both through what they share: larger matrices."""
        code = self.encode(torch.cat((x_a, x_b)))
        return self.decode(code[: len(x_a)], "a"), self.decode(code[len(x_a):], "b")

    def parameters_for(self, recipe: Recipe, learning_rate: float) -> list[dict[str, Any]]:
        """Groups of parameters for the optimiser; a trainer may give its parts learning rates of their own."""
        decayed = [p for p in self.parameters() if p.requires_grad and p.ndim > 1]
        plain = [p for p in self.parameters() if p.requires_grad and p.ndim <= 1]
        return [{"params": decayed, "lr": learning_rate, "weight_decay": recipe.weight_decay},
                {"params": plain, "lr": learning_rate, "weight_decay": 0.0}]


class SharedEncoderModel(SwapModel):
    """The classic shape: one `encoder` for both performers, `decoder_a` and `decoder_b` for their faces.

    `mask_a` and `mask_b` are None, or make the learned masks of the same code.
    """

    encoder: nn.Module
    decoder_a: nn.Module
    decoder_b: nn.Module
    mask_a: nn.Module | None
    mask_b: nn.Module | None

    def __init__(self) -> None:
        super().__init__()
        self.register_module("mask_a", None)
        self.register_module("mask_b", None)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)

    def decode(self, code: torch.Tensor, side: Side) -> Outputs:
        decoder, mask = (self.decoder_a, self.mask_a) if side == "a" else (self.decoder_b, self.mask_b)
        return Outputs((decoder(code),), None if mask is None else mask(code))


def build(trainer: str, trainer_options: Mapping[str, Any] | None = None, *, learn_mask: bool = False,
          style: Style = PLAIN, start: bool = True) -> SwapModel:
    """A fresh model of the trainer called `trainer`, with random weights from torch's global generator.

    Under `torch.device("meta")` it has shapes but no weights: quick, and enough to count or to load weights into
    (`load_state_dict(…, assign=True)`).

    Args:
        trainer_options: its own options, see `options.trainers.trainer_options`; those left out have their defaults.
        learn_mask: each decoder makes a mask, too.
        style: how its layers begin and pad.
        start: draw the kernels that the style wants to begin otherwise, which may take seconds; not needed where other
            weights are put in their place.

    Raises:
        TypeError, ValueError: it has no such option, or an option has a value that makes no model.
    """
    model_class: type[SwapModel] = find(TRAINERS, trainer).load()
    model = model_class(**(trainer_options or {}), **({"learn_mask": True} if learn_mask else {}))
    style.set_on(model)
    if start:
        style.start(model)
    return model
