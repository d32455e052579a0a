"""Options of what training minimises (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .field import option
from .rows import LOSS_FUNCTIONS

_GROUP = "Loss"
AUTO, NONE = "auto", "none"


def _function(number: int) -> Any:
    return option(AUTO, label=f"Loss Function {number}", help="One more loss beside the first; auto: the trainer's own "
                  "where the first is the trainer's own too, and none otherwise",
                  choices=(AUTO, NONE, *LOSS_FUNCTIONS), group=_GROUP, advanced=True)


def _weight(number: int) -> Any:
    return option(100, label=f"Weight {number}", help=f"How much loss function {number} counts beside the first",
                  min=0, max=400, unit="%", group=_GROUP, advanced=True)


@dataclass(frozen=True)
class LossOptions:
    """What training minimises, and where in the face."""

    penalized_mask_loss: bool = option(True, label="Penalised Mask Loss", help="Learn only what lies inside the mask",
                                       group=_GROUP, fixed=True)
    learn_mask: bool = option(False, label="Learn Mask", help="Let the model learn to make the mask beside the face, "
                              "which previews then show; takes time and memory", group=_GROUP, fixed=True)
    loss_function: str = option(AUTO, label="Loss Function", help="What is minimised; auto: the trainer's own",
                                choices=(AUTO, *LOSS_FUNCTIONS), group=_GROUP, advanced=True)
    loss_function_2: str = _function(2)
    loss_weight_2: int = _weight(2)
    loss_function_3: str = _function(3)
    loss_weight_3: int = _weight(3)
    loss_function_4: str = _function(4)
    loss_weight_4: int = _weight(4)
    mask_loss_function: str = option(AUTO, label="Mask Loss Function", help="What is minimised for a learned mask; "
                                     "auto: the trainer's own, as a rule mse", choices=(AUTO, "mae", "mse"),
                                     group=_GROUP, advanced=True)
    eye_multiplier: int = option(0, label="Eye Multiplier", help="How much more the eyes count than the rest of the "
                                 "face, with a penalised mask loss; 1: no more; 0: the trainer's own, as a rule 3",
                                 min=0, max=40, group=_GROUP, advanced=True)
    mouth_multiplier: int = option(0, label="Mouth Multiplier", help="How much more the mouth counts than the rest of "
                                   "the face, with a penalised mask loss; 1: no more; 0: the trainer's own, as a rule "
                                   "2",
                                   min=0, max=40, group=_GROUP, advanced=True)
