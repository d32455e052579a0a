"""Options of `understudy demo`."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option
from .rows import TRAINERS


@dataclass(frozen=True)
class DemoOptions:
    """Show the whole job from two clips to a swapped strip rendered by Blender, on sample clips or your own."""

    a: str = option("", label="Clip A", help="Clip whose face is replaced; empty: a sample clip made for you",
                    kind="path", group="Input", per_shot=False)
    b: str = option("", label="Clip B", help="Clip that lends the face; empty: a sample clip made for you", kind="path",
                    group="Input", per_shot=False)
    output: str = option("demo", label="Output", help="Folder for everything that the demonstration makes",
                         kind="folder", group="Output", per_shot=False)
    iterations: int = option(2000, label="Iterations", help="How long to train; the same command with more goes on "
                             "from there", min=1, max=10_000_000, group="Training")
    trainer: str = option("sketch", label="Trainer", help="Which model to train; the others want a graphics card",
                          choices=TRAINERS, group="Training")
    blender_python: str = option("", label="Blender", help="Blender's program, or a Python that has the module bpy, to "
                                 "render the result; empty: the program that $BLENDER names, or blender on the path",
                                 kind="file", group="Blender", per_shot=False)


@dataclass(frozen=True)
class SamplesOptions:
    """Make two sample clips of public-domain portraits, to try Understudy on."""

    output: str = option("samples", label="Folder", help="Folder for the clips", kind="folder", positional=True,
                         per_shot=False)
