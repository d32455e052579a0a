"""Options of `understudy train`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .field import option
from .maskers import MASKS
from .rows import TRAINERS


def _alignments(side: str) -> Any:
    return option((), label=f"Alignments {side}", help=f"Alignments files that know the persons of side {side} and "
                  "whether its pictures are older than their landmarks; for the latter, empty looks near the faces "
                  "folder", kind="file", group="Faces", per_shot=False)


@dataclass(frozen=True)
class TrainOptions:
    """Train a model that gives performer B's face the performance of A."""

    input_a: str = option("", label="Faces A", help="Faces folder of the performer whose face is replaced",
                          kind="folder", required=True, group="Faces", per_shot=False)
    input_b: str = option("", label="Faces B", help="Faces folder of the performer who lends the face",
                          kind="folder", required=True, group="Faces", per_shot=False)
    persons_a: tuple[str, ...] = option((), label="Persons A", help="Names of the persons on side A whose faces are "
                                        "learned; empty: everyone in the folder", group="Faces", advanced=True)
    persons_b: tuple[str, ...] = option((), label="Persons B", help="Names of the persons on side B whose faces are "
                                        "learned; empty: everyone in the folder", group="Faces", advanced=True)
    alignments_a: tuple[str, ...] = _alignments("A")
    alignments_b: tuple[str, ...] = _alignments("B")
    model_dir: str = option("", label="Model Folder", help="Where the model is kept; made when it is not there, "
                            "continued when it is", kind="folder", required=True, group="Model", per_shot=False)
    trainer: str = option("sketch", label="Trainer", help="Which model to train; fixed once the model exists",
                          choices=TRAINERS, group="Model")
    lowmem: bool = option(False, label="Low Memory", help="A smaller variant of the trainer where it has one",
                          group="Model", advanced=True)
    iterations: int = option(20000, label="Iterations", help="Stop at this number of iterations in all; a later run "
                             "may go further", min=1, max=10_000_000, group="Training")
    batch_size: int = option(16, label="Batch Size", help="Faces of each side per iteration", min=1, max=256,
                             group="Training")
    learning_rate: float = option(0.0, label="Learning Rate", help="Step size of the optimiser; 0: the trainer's own",
                                  min=0.0, max=1e-2, group="Training", advanced=True)
    precision: str = option("auto", label="Precision", help="Arithmetic of the networks; auto measures the choices on "
                            "this machine and takes the fastest", choices=("auto", "float32", "bfloat16"),
                            group="Training", advanced=True)
    device: str = option("auto", label="Device", help="Where to train; auto takes a graphics card where there is one",
                         choices=("auto", "cpu", "cuda", "mps"), group="Training", advanced=True)
    seed: int = option(0, label="Seed", help="Start of the random numbers; the same seed repeats a training", min=0,
                       max=2**31 - 1, group="Training", advanced=True)
    centering: str = option("face", label="Centering", help="What the training crop is centred on; fixed once the "
                            "model exists", choices=("face", "head", "legacy"), group="Crop", advanced=True)
    coverage: float = option(87.5, label="Coverage", help="How much of the crop the model sees; fixed once the model "
                             "exists", min=62.5, max=100.0, unit="%", group="Crop")
    mask_type: str = option("extended", label="Mask", help="Which mask weights the loss; fixed once the model exists; "
                            "all but components and extended have to be in the pictures' headers",
                            choices=MASKS, group="Loss")
    penalized_mask_loss: bool = option(True, label="Penalised Mask Loss", help="Learn only what lies inside the mask; "
                                       "fixed once the model exists", group="Loss")
    loss: str = option("auto", label="Loss", help="What is minimised; auto: the trainer's own", group="Loss",
                       choices=("auto", "mae", "ssim", "ssim+mae"), advanced=True)
    flip: bool = option(True, label="Flip", help="Mirror half of the faces", group="Augmentation", advanced=True)
    augment_color: bool = option(True, label="Colour Augmentation", help="Vary lightness, colour and contrast",
                                 group="Augmentation", advanced=True)
    warp: bool = option(True, label="Warp", help="Bend the input pictures at random, so that the model learns faces "
                        "rather than pictures", group="Augmentation", advanced=True)
    save_interval: int = option(250, label="Save Interval", help="Iterations between saves", min=10, max=10_000,
                                group="Saving")
    preview_images: int = option(14, label="Preview Faces", help="Faces on the preview sheet", min=2, max=16, step=2,
                                 group="Saving", advanced=True)
    logs: bool = option(True, label="Logs", help="Write TensorBoard logs beside the model", group="Saving",
                        advanced=True)
