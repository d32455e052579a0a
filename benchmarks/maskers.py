"""What each masker costs per face on this machine's processor; the sentences of `core.options.rows` state it.

    python benchmarks/maskers.py

Networks whose weights are not on disk compute with random numbers: the time does not depend on them.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from understudy.core.extraction.maskers.bisenet_fp import BiSeNet
from understudy.core.extraction.maskers.unet_dfl import TernausNet
from understudy.core.extraction.maskers.vgg import FCN8s
from understudy.core.faces.geometry import MEAN_FACE
from understudy.core.faces.nouns import AlignedFace
from understudy.core.masking.occlusion import SIZE, cover, look
from understudy.core.options.maskers import MaskerOptions
from understudy.core.options.rows import MASKERS
from understudy.core.weights import files
from understudy.core.weights.rows import find

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "vgg-clear": lambda: FCN8s(2, "_r"), "vgg-obstructed": lambda: FCN8s(21, ""), "unet-dfl": TernausNet,
    "bisenet-face": lambda: BiSeNet(5)}
SECONDS = 3.0  # of measuring, at least, per masker


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        for name, build in NETWORKS.items():
            if not files.is_present(name):
                provide_random(Path(home), name, build)
        print(f"{'masker':<16} {'crop':>5} {'ms of one core per face':>24}")
        for row in MASKERS:
            masker = row.load()(MaskerOptions(), "cpu")
            face = some_face(masker.size, masker.centering)
            print(f"{row.name:<16} {masker.size:>5} {milliseconds(lambda m=masker, f=face: m.mask([f])):>24.2f}")
    chance = np.random.default_rng(0)
    looks = [some_look(chance) for _ in range(16)]

    def refine() -> None:
        for one in looks:
            one.agreement = 1.0
        cover(looks[0], looks[1:])

    print(f"{'refine':<16} {SIZE:>5} {milliseconds(refine):>24.2f}   (without what its references cost each other)")


def provide_random(home: Path, name: str, build: Callable[[], nn.Module]) -> None:
    os.environ["UNDERSTUDY_HOME"] = str(home)
    path = files.folder() / find(name).file
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(build().state_dict(), path)


def some_face(size: int, centering: str) -> AlignedFace:
    t = np.linspace(np.pi, 0, 17)
    jaw = np.column_stack([0.5 + 0.6 * np.cos(t), 0.25 + 0.9 * np.sin(t)])
    points = np.concatenate([jaw, MEAN_FACE]) * size / 2 + size / 4
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3)).astype(np.uint8)
    return AlignedFace(pixels, np.eye(2, 3), points.astype(np.float32), centering, 1.0)


def some_look(chance: np.random.Generator):
    pixels = chance.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    everywhere = np.ones((SIZE, SIZE), bool)
    return look(MEAN_FACE, pixels, everywhere, everywhere)


def milliseconds(work: Callable[[], object]) -> float:
    """Processor time of one call, of all threads, after one to warm up."""
    work()
    count, since = 0, time.process_time()
    while time.process_time() - since < SECONDS or not count:
        work()
        count += 1
    return (time.process_time() - since) / count * 1000


if __name__ == "__main__":
    main()
