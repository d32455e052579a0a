"""Options of the trainers: each trainer's own, and those of how its networks are built (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from .field import option, options_of


def _own(trainer: str, default: Any, label: str, help: str, **declaration: Any) -> Any:
    """An option of one trainer alone; its field's name begins with the trainer's."""
    return option(default, label=label, help=help, group="Model", fixed=True, trainers=(trainer,), **declaration)


def _filters(trainer: str, default: int, label: str, of: str, low: int, high: int, step: int) -> Any:
    return _own(trainer, default, label, f"Filters of the first layer of {of}; more see more detail, and cost time and "
                "memory", min=low, max=high, step=step, advanced=True)


@dataclass(frozen=True)
class TrainerOptions:
    """What a model is made of."""

    lowmem: bool = option(False, label="Low Memory", help="A smaller variant of the trainer", group="Model",
                          advanced=True, fixed=True, trainers=("original", "dfl-h128", "villain", "unbalanced"))
    dfaker_output_size: int = _own("dfaker", 128, "Output Size", "Side of the pictures made; the model sees half of it",
                                   min=128, max=256, step=128, unit="px")
    unbalanced_input_size: int = _own("unbalanced", 128, "Size", "Side of the pictures seen and made", min=64, max=512,
                                      step=64, unit="px")
    unbalanced_nodes: int = _own("unbalanced", 1024, "Nodes", "Numbers that describe a face between encoder and "
                                 "decoders", min=512, max=4096, step=64, advanced=True)
    unbalanced_complexity_encoder: int = _filters("unbalanced", 128, "Encoder Complexity", "the encoder", 64, 1024, 16)
    unbalanced_complexity_decoder_a: int = _filters("unbalanced", 384, "Decoder A Complexity", "A's decoder", 64, 1024,
                                                    16)
    unbalanced_complexity_decoder_b: int = _filters("unbalanced", 512, "Decoder B Complexity", "B's decoder", 64, 1024,
                                                    16)
    dfl_sae_input_size: int = _own("dfl-sae", 128, "Size", "Side of the pictures seen and made", min=64, max=256,
                                   step=16, unit="px")
    dfl_sae_architecture: str = _own("dfl-sae", "df", "Architecture", "df keeps each performer's features and shape of "
                                     "face; liae shares almost all and takes on A's light and shape of face better",
                                     choices=("df", "liae"))
    dfl_sae_autoencoder_dims: int = _own("dfl-sae", 0, "Autoencoder Dims", "Numbers that describe a face between "
                                         "encoder and decoders; 0: 512 for df, 256 for liae", min=0, max=1024, step=32,
                                         advanced=True)
    dfl_sae_encoder_dims: int = _own("dfl-sae", 42, "Encoder Dims", "A third of the filters of the encoder's first "
                                     "layer", min=21, max=85, advanced=True)
    dfl_sae_decoder_dims: int = _own("dfl-sae", 21, "Decoder Dims", "A third of the filters of the decoders' last "
                                     "layer", min=10, max=85, advanced=True)
    dfl_sae_multiscale_decoder: bool = _own("dfl-sae", False, "Multiscale Decoder", "Train pictures of a quarter and "
                                            "half of the size, too", advanced=True)
    realface_input_size: int = _own("realface", 64, "Input Size", "Side of the pictures seen", min=64, max=128, step=16,
                                    unit="px")
    realface_output_size: int = _own("realface", 128, "Output Size", "Side of the pictures made", min=64, max=256,
                                     step=32, unit="px")
    realface_dense_nodes: int = _own("realface", 1536, "Dense Nodes", "Numbers that describe a face to B's decoder; "
                                     "A's has two thirds of them", min=768, max=2048, step=64, advanced=True)
    realface_complexity_encoder: int = _filters("realface", 128, "Encoder Complexity", "the encoder", 96, 160, 4)
    realface_complexity_decoder: int = _filters("realface", 512, "Decoder Complexity", "B's decoder (A's has two thirds"
                                                " of them)", 512, 544, 4)
    dlight_features: str = _own("dlight", "best", "Features", "How much the encoder sees: a higher choice learns "
                                "finer features, and costs memory", choices=("lowmem", "fair", "best"))
    dlight_details: str = _own("dlight", "good", "Details", "Decoder of B: good learns finer detail, fast takes two "
                               "thirds of its work", choices=("fast", "good"))
    dlight_output_size: int = _own("dlight", 256, "Output Size", "Side of the pictures made; the model sees 128 px",
                                   min=128, max=384, step=128, unit="px")
    icnr_init: bool = option(False, label="ICNR Start", help="Begin upscaling layers as a repetition of pixels, "
                             "against checkerboards", group="Model", advanced=True, fixed=True)
    conv_aware_init: bool = option(False, label="Convolution-Aware Start", help="Begin kernels orthogonal to each "
                                   "other, which may learn faster; a new model then takes some seconds longer to begin",
                                   group="Model", advanced=True, fixed=True)
    reflect_padding: bool = option(False, label="Reflect Padding", help="Continue pictures at their edges by their "
                                   "mirror image instead of by black, against grey borders; costs some time",
                                   group="Model", advanced=True, fixed=True)
    subpixel_upscaling: bool = option(False, label="Subpixel Upscaling", help="Upscale by another operation: the same "
                                      "results at another speed", group="Model", advanced=True, fixed=True)


def trainer_options(trainer: str, options: TrainerOptions) -> dict[str, Any]:
    """The values of a trainer's own options, named as its class takes them (without the trainer's prefix).

    Raises:
        UsageError: an option that only other trainers have is set.
    """
    values = {}
    for declared in options_of(TrainerOptions):
        owners, value = declared.declaration.trainers, getattr(options, declared.name)
        if trainer in owners:
            values[declared.name.removeprefix(trainer.replace("-", "_") + "_")] = value
        elif owners and value != declared.default:
            raise UsageError(f"The trainer {trainer} has no option {declared.key}",
                             f"Leave it out, or choose a trainer that has it: {', '.join(owners)}")
    return values
