"""Options of the maskers, for every task that makes masks, and what stored masks are called."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option
from .rows import MASKERS, Row

BLENDER_ADD, BLENDER_SUBTRACT = "blender-add", "blender-subtract"
REFINED = "-refined"  # a mask that was corrected for occlusions is stored beside its own under this ending
PREDICTED = "predicted"  # the mask that a model with learn_mask gives beside its picture
DRAWN = ("components", "extended")  # made from the landmarks wherever they are needed, never stored
IMPORTED = Row("imported", "Imported", "Drawn by hand or made by another program, and brought in with mask import: as "
               "good as whoever made it; faces that none was made for have none", "")


def refined_name(masker: str) -> str:
    """What the occlusion-refined mask of a masker is called."""
    return masker + REFINED


def how_to_get(kind: str) -> str:
    """What a person does to have a kind of mask, as a hint."""
    if kind == IMPORTED.name:
        return "Bring them in with: understudy mask import SOURCE --masks FOLDER"
    if kind in (BLENDER_ADD, BLENDER_SUBTRACT):
        return "Draw them in Blender's Clip Editor, and press Bake Masks"
    masker = kind.removesuffix(REFINED)
    refine = " --refine" if masker != kind else ""
    return f"Make them with: understudy mask add SOURCE --masker {masker}{refine}"


def bisenet_weights(weights: str, hair: bool) -> str:
    """Name of the weights that bisenet-fp runs on with these options."""
    if weights == "original":
        return "bisenet-original"
    return "bisenet-hair" if hair else "bisenet-face"


# What training and conversion can choose: what maskers make, what a person brought in, and both refined.
MASKS: tuple[Row, ...] = (
    *MASKERS, IMPORTED,
    *(Row(refined_name(row.name), f"{row.label}, Refined", f"As {row.name}, less what passes in front of the face; "
          "made by the mask tool or by extraction with occlusion refine on", "")
      for row in (*MASKERS, IMPORTED) if row.name != "custom"))

# What a person drew with Blender's masks: never a face's mask by themselves, but laid over the one that is.
DRAWN_IN_BLENDER: tuple[Row, ...] = (
    Row(BLENDER_ADD, "Blender, Added", "Drawn in Blender as belonging to the face, whatever its mask says", ""),
    Row(BLENDER_SUBTRACT, "Blender, Subtracted", "Drawn in Blender as in front of the face: a hand, a microphone", ""))


@dataclass(frozen=True)
class MaskerOptions:
    """How masks are made."""

    mask_size: int = option(128, label="Mask Size", help="Side at which masks are stored; 0: the size at which the "
                            "masker works, else 64 or more", min=0, max=1024, unit="px", group="Masks", advanced=True)
    refine: bool = option(False, label="Occlusion Refine", help="Take out of every mask what passes in front of the "
                          "face, by its colours and by how they change; stored beside the mask itself, as in "
                          "extended-refined", group="Masks")
    bisenet_weights: str = option("faceswap", label="BiSeNet Weights", help="Which weights bisenet-fp uses: faceswap "
                                  "(bisenet-face, or bisenet-hair for hair; 5 classes, trained on faces cut as ours "
                                  "are) or original (bisenet-original; 19 classes, CelebAMask-HQ, no commercial use)",
                                  choices=("faceswap", "original"),
                                  group="Masks", advanced=True)
    bisenet_glasses: bool = option(True, label="BiSeNet Glasses", help="Count glasses as part of the face in "
                                   "bisenet-fp", group="Masks", advanced=True)
    bisenet_ears: bool = option(False, label="BiSeNet Ears", help="Count ears as part of the face in bisenet-fp",
                                group="Masks", advanced=True)
    bisenet_hair: bool = option(False, label="BiSeNet Hair", help="Count hair as part of the face in bisenet-fp, "
                                "which is then centred on the head and runs on bisenet-hair", group="Masks",
                                advanced=True)
    custom_fill: str = option("face", label="Custom Fill", help="What the custom masker's masks hold before a person "
                              "paints them: all face or all background", choices=("face", "background"),
                              group="Masks", advanced=True)
    custom_centering: str = option("face", label="Custom Centering", help="What the custom masker's masks are centred "
                                   "on", choices=("face", "head"), group="Masks", advanced=True)
