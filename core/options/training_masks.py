"""Which mask training goes by and what is done to it first (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option
from .maskers import MASKS

_GROUP = "Mask"


@dataclass(frozen=True)
class TrainingMaskOptions:
    """Where in the face training looks."""

    mask_type: str = option("extended", label="Mask", help="Which mask says what belongs to the face; all but "
                            "components and extended have to be in the pictures' headers or in the alignments named",
                            choices=("none", *MASKS), group=_GROUP, fixed=True)
    mask_dilation: float = option(0.0, label="Mask Dilation", help="Widen the mask with a round brush of this width, "
                                  "in percent of its side; below 0: shrink it", min=-5.0, max=5.0, unit="%",
                                  group=_GROUP, advanced=True)
    mask_blur_kernel: int = option(3, label="Mask Blur", help="Width of a blur of the mask's edge, in pixels of a mask "
                                   "of 128 px; 0: none; components and extended are never blurred", min=0, max=9,
                                   unit="px", group=_GROUP, advanced=True)
    mask_threshold: int = option(4, label="Mask Threshold", help="What is within so much of black or white in the mask "
                                 "becomes so, which removes specks; components and extended have none", min=0, max=50,
                                 unit="%", group=_GROUP, advanced=True)
