"""Options of how weights are changed (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option
from .rows import OPTIMIZERS

_GROUP, _FINDER = "Optimiser", "Learning Rate Finder"
AUTO = "auto"


@dataclass(frozen=True)
class OptimizerOptions:
    """How weights are changed."""

    optimizer: str = option(AUTO, label="Optimiser", help="The rule by which weights follow gradients; auto: the "
                            "trainer's own, as a rule adam", choices=(AUTO, *OPTIMIZERS), group=_GROUP, advanced=True,
                            fixed=True)
    learning_rate: float = option(0.0, label="Learning Rate", help="Step size of the optimiser; 0: the trainer's own",
                                  min=0.0, max=1e-2, group=_GROUP, advanced=True)
    epsilon_exponent: int = option(0, label="Epsilon Exponent", help="What is added to the divisor of a step is 10 to "
                                   "the power of this; 0: the trainer's own, as a rule -7, and -16 for adabelief; lion "
                                   "has none", min=-20, max=0, group=_GROUP, advanced=True)
    ada_beta_1: float = option(0.0, label="Beta 1", help="How long a gradient is remembered; 0: the trainer's own, as "
                               "a rule 0.9", min=0.0, max=0.9999, group=_GROUP, advanced=True, fixed=True)
    ada_beta_2: float = option(0.0, label="Beta 2", help="How long a gradient's size is remembered; 0: the trainer's "
                               "own, as a rule 0.999", min=0.0, max=0.99999, group=_GROUP, advanced=True, fixed=True)
    ada_amsgrad: bool = option(False, label="AMSGrad", help="Let steps only become smaller by the size of gradients; "
                               "for adam, adamw and adabelief", group=_GROUP, advanced=True, fixed=True)
    weight_decay: float = option(0.0, label="Weight Decay", help="Draw weights towards 0 while they are trained, but "
                                 "for biases; 0: the trainer's own, as a rule none", min=0.0, max=1.0, group=_GROUP,
                                 advanced=True)
    warmup: int = option(0, label="Warm-Up", help="Let the learning rate rise from 0 over so many steps; 0: the "
                         "trainer's own", min=0, max=5000, unit="steps", group=_GROUP, advanced=True)
    gradient_accumulation: int = option(1, label="Accumulation", help="Batches whose gradients make one step "
                                        "of the optimiser: acts like a larger batch and takes no more memory",
                                        min=1, max=100, unit="batches", group=_GROUP, advanced=True)
    gradient_clipping: str = option(AUTO, label="Gradient Clipping", help="Keep single steps from being too large. "
                                    "value: each number of a gradient; norm: each layer's gradient; global-norm: all "
                                    "together; autoclip: all together, by what gradients were like so far; auto: the "
                                    "trainer's own, as a rule none", group=_GROUP, advanced=True,
                                    choices=(AUTO, "none", "autoclip", "global-norm", "norm", "value"))
    clipping_value: float = option(0.0, label="Clipping Value", help="The largest number or norm; for autoclip a tenth "
                                   "of the percentile (1: the 10th); 0: the trainer's own, as a rule 1", min=0.0,
                                   max=10.0, group=_GROUP, advanced=True)
    autoclip_history: int = option(10_000, label="Autoclip History", help="Gradients that autoclip remembers", min=10,
                                   max=100_000, unit="steps", group=_GROUP, advanced=True)
    nan_protection: bool = option(True, label="NaN Protection", help="Stop when a loss is no number any more, rather "
                                  "than save a broken model", group=_GROUP, advanced=True)
    use_lr_finder: bool = option(False, label="Find the Learning Rate", help="Try rising learning rates on a new model "
                                 "first, and train with the one found", group=_FINDER, advanced=True)
    lr_finder_iterations: int = option(1000, label="Finder Iterations", help="Length of the trial", min=100, max=10_000,
                                       group=_FINDER, advanced=True)
    lr_finder_mode: str = option("set", label="Finder Mode", help="What is done with the rate found: train with it, "
                                 "draw the graph lr_finder.png into the model folder too, or draw it and stop",
                                 choices=("set", "graph-and-set", "graph-and-exit"), group=_FINDER, advanced=True)
    lr_finder_strength: str = option("default", label="Finder Strength", help="How close to the rate of the lowest "
                                     "loss to go: a tenth of it, a fifth, or 1 / 2.5", group=_FINDER, advanced=True,
                                     choices=("default", "aggressive", "extreme"))
