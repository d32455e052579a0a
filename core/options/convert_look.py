"""Conversion's options about how the swapped face looks: colours, mask, geometry, detail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .field import option
from .maskers import BLENDER_ADD, BLENDER_SUBTRACT, MASKS, PREDICTED
from .rows import COLOURS

_BLURS = ("gaussian", "normalized", "none")
_SHARPENING = ("box", "gaussian", "unsharp-mask")


def _slider(label: str, help: str, **declaration: Any) -> Any:
    return option(0.0, label=label, help=help, min=-100.0, max=100.0, unit="%", **declaration)


def _balance(label: str, help: str) -> Any:
    return _slider(label, help, group="Colour", only_with=("color", ("manual-balance",)))


def _side(side: str) -> Any:
    return _slider(f"Erosion {side.capitalize()}", f"Moves the {side} edge of the mask inwards; below zero outwards",
                   group="Mask", advanced=True)


@dataclass(frozen=True)
class ConvertLookOptions:
    """How the swapped face joins its frame."""

    color: str = option("avg-color", label="Colour", help="How the swapped face takes on the original's colours",
                        choices=COLOURS, group="Colour")
    transfer_paper: bool = option(True, label="Paper's Scaling", help="Scale the spread of the colours by swapped over "
                                  "original, as Reinhard's paper prints it; off: by original over swapped, which gives "
                                  "the swapped face the original's spread", group="Colour",
                                  only_with=("color", ("color-transfer",)))
    transfer_clip: bool = option(True, label="Clip", help="Cut off colours that leave the range; off: squeeze all into "
                                 "it", group="Colour", only_with=("color", ("color-transfer",)))
    histogram_threshold: float = option(99.0, label="Threshold", help="Share of the original's histogram that is "
                                        "matched, from its dark end; less keeps highlights from burning out",
                                        min=90.0, max=100.0, unit="%", group="Colour",
                                        only_with=("color", ("match-hist",)))
    balance_space: str = option("hsv", label="Colour Space", help="What the three sliders are: hue, saturation, value; "
                                "red, green, blue; lightness, green to red, blue to yellow; or luma, red difference, "
                                "blue difference", choices=("hsv", "rgb", "lab", "ycrcb"), group="Colour",
                                only_with=("color", ("manual-balance",)))
    balance_1: float = _balance("First", "Hue, red, lightness or luma; 100 is all, -100 nothing")
    balance_2: float = _balance("Second", "Saturation, green, green to red, or red difference")
    balance_3: float = _balance("Third", "Value, blue, blue to yellow, or blue difference")
    balance_contrast: float = _balance("Contrast", "Spreads the colours about middle grey; below zero, pulls them to "
                                       "it")
    balance_brightness: float = _balance("Brightness", "Moves all colours up or down")
    color_stable: str = option("off", label="Stable", help="Smooth over time what the colour method measures, so that "
                               "the face does not flicker; both: what it measures of the swapped face and of the "
                               "original; original: of the original only, so that the swapped face's own flicker goes, "
                               "too, but its brightness may sway as a mouth opens. Looks at every frame twice",
                               choices=("off", "both", "original"), group="Colour", advanced=True)
    color_stable_frames: int = option(12, label="Stable Over", help="How many frames before and after count",
                                      min=1, max=100, unit="frames", group="Colour", advanced=True,
                                      only_with=("color_stable", ("both", "original")))

    mask_type: str = option("extended", label="Mask", help="Which mask joins the swapped face to the frame; "
                            "predicted: the model's own, where it has learned one; all but none, predicted, components "
                            "and extended have to be in the alignments", choices=("none", PREDICTED, *MASKS),
                            group="Mask")
    mask_add: tuple[str, ...] = option((BLENDER_ADD,), label="Add Masks", help="Stored masks whose areas are added to "
                                       "the mask of the faces that have them", group="Mask", advanced=True)
    mask_subtract: tuple[str, ...] = option((BLENDER_SUBTRACT,), label="Subtract Masks", help="Stored masks whose "
                                            "areas are taken out of the mask of the faces that have them",
                                            group="Mask", advanced=True)
    mask_threshold: float = option(4.0, label="Threshold", help="How near to nothing or all a stored mask counts as "
                                   "nothing or all", min=0.0, max=50.0, unit="%", group="Mask", advanced=True)
    mask_blur: str = option("normalized", label="Blur Type", help="Kind of blur on the mask's edge", choices=_BLURS,
                            group="Mask", advanced=True)
    mask_kernel: int = option(3, label="Blur Kernel", help="Width of the blur, in pixels of the model's output; of a "
                              "stored mask, in 128ths of its side", min=1, max=9, unit="px", group="Mask",
                              advanced=True, only_with=("mask_blur", _BLURS[:2]))
    mask_passes: int = option(4, label="Blur Passes", help="How often the mask is blurred", min=1, max=8,
                              group="Mask", advanced=True, only_with=("mask_blur", _BLURS[:2]))
    erosion: float = _slider("Erosion", "Shrinks the mask; below zero widens it", group="Mask")
    erosion_top: float = _side("top")
    erosion_bottom: float = _side("bottom")
    erosion_left: float = _side("left")
    erosion_right: float = _side("right")
    box_distance: float = option(3.125, label="Box Distance", help="How far from the crop's edge the mask ends at the "
                                 "latest, in shares of the crop's side", min=0.0, max=25.0, unit="%", group="Mask",
                                 advanced=True)
    box_blur: str = option("auto", label="Box Blur", help="Kind of blur on that end; auto: gaussian, unless the mask "
                           "is not blurred either", choices=("auto", *_BLURS), group="Mask", advanced=True)
    box_radius: float = option(6.0, label="Box Radius", help="Radius of that blur, in shares of the side", min=0.1,
                               max=25.0, unit="%", group="Mask", advanced=True,
                               only_with=("box_blur", ("auto", *_BLURS[:2])))
    box_passes: int = option(1, label="Box Passes", help="How often the box is blurred", min=1, max=8, group="Mask",
                             advanced=True, only_with=("box_blur", ("auto", *_BLURS[:2])))

    face_scale: float = option(0.0, label="Face Scale", help="Enlarges the swapped face", min=-10.0, max=10.0,
                               unit="%", group="Geometry", advanced=True)
    face_shift: float = option(0.0, label="Vertical Shift", help="Moves the swapped face down, along the face, in "
                               "shares of the crop's side; below zero up", min=-10.0, max=10.0, unit="%",
                               group="Geometry", advanced=True)

    sharpen: str = option("none", label="Sharpen", help="How the swapped face is sharpened: against its mean around "
                          "each pixel (box), against a soft blur (gaussian), or the same only where there is enough to "
                          "sharpen (unsharp-mask), which leaves smooth skin alone",
                          choices=("none", *_SHARPENING), group="Detail", advanced=True)
    sharpen_amount: float = option(150.0, label="Amount", help="Strength of the sharpening", min=100.0, max=500.0,
                                   unit="%", group="Detail", advanced=True, only_with=("sharpen", _SHARPENING))
    sharpen_radius: float = option(0.3, label="Radius", help="Reach of the sharpening, in shares of the frame's width",
                                   min=0.1, max=5.0, unit="%", group="Detail", advanced=True,
                                   only_with=("sharpen", _SHARPENING))
    sharpen_threshold: float = option(5.0, label="Threshold", help="Differences up to this many 255ths are left alone",
                                      min=1.0, max=10.0, group="Detail", advanced=True,
                                      only_with=("sharpen", ("unsharp-mask",)))
    super_sampling: int = option(1, label="Super-Sampling", help="Samples along each side of a frame's pixel when the "
                                 "face is laid back; more take the shimmer out of faces that are small in their frame",
                                 min=1, max=4, group="Detail", advanced=True)
    grain: float = option(0.0, label="Grain Match", help="Strength of the grain that is put on the swapped face, as "
                          "measured around it; 100: the same, 0: none", min=0.0, max=200.0, unit="%", group="Detail",
                          advanced=True)
    motion_blur: float = option(0.0, label="Motion Blur", help="Shutter angle with which the swapped face is blurred "
                                "along its own motion; 180 is usual for film, 0: none", min=0.0, max=360.0, unit="°",
                                group="Detail", advanced=True)
