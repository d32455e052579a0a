"""Options of `understudy mask add | update | import | output`."""

from __future__ import annotations

from dataclasses import dataclass

from .common_fields import device_option, persons_option
from .field import option
from .maskers import DRAWN_IN_BLENDER, IMPORTED, MASKS, MaskerOptions
from .rows import MASKERS


@dataclass(frozen=True)
class MaskInput:
    """Whose masks a job is about."""

    source: str = option("", label="Source", help="Video file or folder of images that was extracted, or a faces "
                         "folder", kind="path", positional=True, required=True, per_shot=False)
    alignments: str = option("", label="Alignments", help="The source's alignments; empty: beside a clip, none for a "
                             "faces folder, whose pictures hold their masks themselves", kind="file", group="Input",
                             per_shot=False)
    faces: str = option("", label="Faces Folder", help="For a clip: the folder of its face pictures, whose headers are "
                        "then kept in step with the alignments; empty: none", kind="folder", group="Input",
                        per_shot=False)
    frames: str = option("", label="Frames", help="Frames whose faces are meant, counted from 0, such as 0-99,150; "
                         "empty: all", group="Input")
    position: int = option(-1, label="Face Number", help="Only the face of this number in each frame, as in the "
                           "pictures' names; -1: all faces", min=-1, max=999, group="Input", advanced=True)
    persons: tuple[str, ...] = persons_option("Input")


@dataclass(frozen=True)
class MaskAddOptions(MaskerOptions, MaskInput):
    """Make masks for the faces that lack them."""

    masker: tuple[str, ...] = option(("extended",), label="Masks", help="Masks to make, any number; components and "
                                     "extended are drawn whenever they are needed and stored only where they are "
                                     "refined; imported can only be refined", choices=(*MASKERS, IMPORTED),
                                     group="Masks")
    device: str = device_option("Performance")


@dataclass(frozen=True)
class MaskUpdateOptions(MaskAddOptions):
    """Make masks anew for all faces; the alignments are backed up first."""

    dry_run: bool = option(False, label="Dry Run", help="Only say what would be done", group="Output")


@dataclass(frozen=True)
class MaskImportOptions(MaskInput):
    """Bring in masks that were drawn by hand or made by another program."""

    masks: str = option("", label="Mask Images", help="Folder of mask images, white on the face, of the size of the "
                        "frames or face pictures whose names they bear; for a video the names end in the frame's "
                        "number", kind="folder", required=True, group="Masks")
    first_number: int = option(1, label="First Number", help="Number that the images of a video's first frame bear",
                               min=0, max=1, group="Masks", advanced=True)
    mask_size: int = option(128, label="Mask Size", help="Side at which the masks are stored", min=64, max=1024,
                            unit="px", group="Masks")
    centering: str = option("face", label="Centering", help="What the stored masks are centred on; head reaches "
                            "farther around the face", choices=("face", "head", "legacy"), group="Masks")
    dry_run: bool = option(False, label="Dry Run", help="Only say what would be done", group="Output")


@dataclass(frozen=True)
class MaskBakeOptions(MaskInput):
    """Store the masks that were drawn in Blender, as they move, for the faces of the persons they are about."""

    blend: str = option("", label="Blend File", help="The .blend whose masks are meant: those that New Add Mask and "
                        "New Subtract Mask made on a clip of this source", kind="file", required=True, group="Masks",
                        per_shot=False)
    blender_python: str = option("", label="Blender", help="Blender's program, or a Python with its module, which "
                                 "draws the masks; empty: $BLENDER, or blender on the path", kind="file",
                                 group="Masks", per_shot=False)
    script: str = option("", label="Script", help="What is run in Blender; the extension names its own, since workers "
                         "run a copy of the core alone; empty: the one of this installation", kind="file",
                         group="Masks", advanced=True, per_shot=False)
    mask_size: int = option(512, label="Mask Size", help="Side at which the masks are stored", min=64, max=1024,
                            unit="px", group="Masks", per_shot=False)


@dataclass(frozen=True)
class MaskOutputOptions(MaskInput):
    """Write pictures that show masks."""

    output: str = option("", label="Output", help="Folder for the pictures", kind="folder", required=True,
                         group="Output")
    mask: tuple[str, ...] = option(("extended",), label="Masks", help="Masks to show, any number",
                                   choices=(*MASKS, *DRAWN_IN_BLENDER), group="Masks")
    kind: str = option("combined", label="Picture", help="combined: picture, masked picture and mask side by side; "
                       "masked: RGBA with the mask as alpha; mask: the mask alone",
                       choices=("combined", "masked", "mask"), group="Output")
    full_frame: bool = option(False, label="Full Frame", help="Show whole frames with all chosen faces rather than one "
                              "picture per face", group="Output")
    size: int = option(512, label="Picture Size", help="Side of the pictures of single faces", min=64, max=1024,
                       unit="px", group="Output", advanced=True)
    blur: int = option(0, label="Blur", help="Width of a gaussian blur of the mask as stored; 0: none", min=0, max=9,
                       unit="px", group="Masks")
    threshold: int = option(0, label="Threshold", help="What is within so much of black or white becomes so", min=0,
                            max=50, unit="%", group="Masks")
