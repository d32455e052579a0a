"""Options of `understudy convert`."""

from __future__ import annotations

from dataclasses import dataclass

from .common_fields import device_option, persons_option
from .field import option
from .maskers import MASKS
from .rows import COLOURS, WRITERS


@dataclass(frozen=True)
class ConvertOptions:
    """Replace the faces of a clip with those that a trained model makes."""

    source: str = option("", label="Source", help="Video file or folder of images to convert", kind="path",
                         positional=True, required=True, per_shot=False)
    model_dir: str = option("", label="Model Folder", help="Folder of the trained model", kind="folder",
                            required=True, group="Input", per_shot=False)
    output: str = option("", label="Output", help="Folder for images, or file for a video", kind="path",
                         required=True, group="Output", per_shot=False)
    alignments: str = option("", label="Alignments", help="The source's alignments; empty: beside the source",
                             kind="file", group="Input", per_shot=False)
    frames: str = option("", label="Frames", help="Frames to convert, counted from 0, such as 0-99,150; empty: all",
                         group="Input", per_shot=False)
    persons: tuple[str, ...] = persons_option("Input")
    smooth_alignments: bool = option(False, label="Smooth Alignments", help="Take the jitter out of the landmarks for "
                                     "this conversion, without changing the alignments; faces corrected by hand stay "
                                     "as they are", group="Input")
    swap_model: bool = option(False, label="Swap Model", help="Convert from B to A instead", group="Input",
                              advanced=True)
    writer: str = option("overlay", label="Writer", help="What to write", choices=WRITERS, group="Output")
    color: str = option("avg-color", label="Colour", help="How the swapped face takes on the original's colours",
                        choices=COLOURS, group="Colour")
    mask_type: str = option("extended", label="Mask", help="Which mask joins the swapped face to the frame; "
                            "all but components and extended have to be in the alignments",
                            choices=("none", *MASKS), group="Mask")
    mask_blur: str = option("normalized", label="Blur Type", help="Kind of blur on the mask's edge",
                            choices=("gaussian", "normalized", "none"), group="Mask", advanced=True)
    mask_kernel: int = option(3, label="Blur Kernel", help="Width of the blur, in pixels of the model's output",
                              min=1, max=9, unit="px", group="Mask", advanced=True)
    mask_passes: int = option(4, label="Blur Passes", help="How often the mask is blurred", min=1, max=8,
                              group="Mask", advanced=True)
    erosion: float = option(0.0, label="Erosion", help="Shrinks the mask; below zero widens it", min=-100.0,
                            max=100.0, unit="%", group="Mask")
    face_scale: float = option(0.0, label="Face Scale", help="Enlarges the swapped face", min=-10.0, max=10.0,
                               unit="%", group="Geometry", advanced=True)
    batch_size: int = option(16, label="Batch Size", help="Faces converted at a time", min=1, max=128,
                             group="Performance", advanced=True)
    device: str = device_option("Performance")
