"""Options of what training minimises (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option
from .maskers import MASKS


@dataclass(frozen=True)
class LossOptions:
    """What training minimises, and where in the face."""

    mask_type: str = option("extended", label="Mask", help="Which mask weights the loss; all but components and "
                            "extended have to be in the pictures' headers", choices=MASKS, group="Loss", fixed=True)
    penalized_mask_loss: bool = option(True, label="Penalised Mask Loss", help="Learn only what lies inside the mask",
                                       group="Loss", fixed=True)
    loss: str = option("auto", label="Loss", help="What is minimised; auto: the trainer's own", group="Loss",
                       choices=("auto", "mae", "ssim", "ssim+mae"), advanced=True)
