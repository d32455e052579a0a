"""How the layers of any model begin and pad: a walk over the modules of a model that is already built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from .initial import convolution_aware, icnr
from .layers import Conv, PixelShuffle


@dataclass(frozen=True)
class Style:
    """How the layers of any model begin and pad.

    Attributes:
        icnr_init: the convolutions that a pixel shuffle interleaves begin equal (Aitken et al. 2017). By each shuffle's
            own factor, and nowhere else: a bilinear upscaling has no checkerboard to prevent.
        conv_aware_init: all kernels begin orthogonal in the frequency domain (Aghajanyan 2017), whatever the trainer's
            own start for them.
        reflect_padding: convolutions continue pictures by their mirror image instead of by zeros; not those whose
            `may_reflect` says no.
        subpixel_upscaling: pixel shuffles read their channels by block, see `PixelShuffle`.
    """

    icnr_init: bool = False
    conv_aware_init: bool = False
    reflect_padding: bool = False
    subpixel_upscaling: bool = False

    def set_on(self, model: nn.Module) -> None:
        """Have the layers of a fresh model pad and shuffle so."""
        for module in model.modules():
            if isinstance(module, Conv):
                module.reflect = self.reflect_padding and module.may_reflect
            elif isinstance(module, PixelShuffle):
                module.by_block = self.subpixel_upscaling

    def start(self, model: nn.Module) -> None:
        """Draw the kernels of a fresh model anew where this style wants them other than the trainer."""
        if not (self.icnr_init or self.conv_aware_init):
            return
        factors = dict(_shuffled(model)) if self.icnr_init else {}
        for module in model.modules():
            if not isinstance(module, Conv) or module.weight.is_meta:
                continue
            own = convolution_aware if self.conv_aware_init else module.start
            if module in factors:
                icnr(module.weight, own, factors[module].factor, factors[module].by_block)
            elif self.conv_aware_init:
                own(module.weight)


PLAIN = Style()


def _shuffled(model: nn.Module) -> Iterator[tuple[Conv, PixelShuffle]]:
    """Each convolution whose output goes into a pixel shuffle, with that."""
    for parent in model.modules():
        conv: Conv | None = None
        for child in parent.children():
            if isinstance(child, Conv):
                conv = child
            elif isinstance(child, PixelShuffle) and conv is not None:
                yield conv, child
