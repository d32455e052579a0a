"""Options of `understudy train`; the files beside hold them by what they are about."""

from __future__ import annotations

from dataclasses import dataclass

from .augmentation import AugmentationOptions
from .faces import FacesOptions
from .field import option
from .hardware import HardwareOptions
from .losses import LossOptions
from .optimizers import OptimizerOptions
from .rows import TRAINERS
from .saving import SavingOptions
from .trainers import TrainerOptions
from .training_masks import TrainingMaskOptions
from .watching import WatchingOptions


@dataclass(frozen=True)
class TrainOptions(FacesOptions, TrainerOptions, TrainingMaskOptions, LossOptions, OptimizerOptions,
                   AugmentationOptions, HardwareOptions, SavingOptions, WatchingOptions):
    """Train a model that gives performer B's face the performance of A."""

    model_dir: str = option("", label="Model Folder", help="Where the model is kept; made when it is not there, "
                            "continued when it is", kind="folder", required=True, group="Model", per_shot=False)
    trainer: str = option("sketch", label="Trainer", help="Which model to train", choices=TRAINERS, group="Model",
                          fixed=True)
    iterations: int = option(20000, label="Iterations", help="Stop at this number of iterations in all; a later run "
                             "may go further", min=1, max=10_000_000, group="Training")
    batch_size: int = option(16, label="Batch Size", help="Faces of each side per iteration", min=1, max=256,
                             group="Training")
    seed: int = option(0, label="Seed", help="Start of the random numbers; the same seed repeats a training", min=0,
                       max=2**31 - 1, group="Training", advanced=True)
    centering: str = option("face", label="Centering", help="What the training crop is centred on",
                            choices=("face", "head", "legacy"), group="Crop", advanced=True, fixed=True)
    coverage: float = option(87.5, label="Coverage", help="How much of the crop the model sees", min=62.5, max=100.0,
                             unit="%", group="Crop", fixed=True)
    vertical_offset: float = option(0.0, label="Vertical Offset", help="How far the face is moved down in the crop, in "
                                    "percent of the mean face's height; below 0: up", min=-25.0, max=25.0, unit="%",
                                    group="Crop", advanced=True, fixed=True)
