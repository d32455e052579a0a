"""What making batches takes: milliseconds of one processor core for each kind of model.

    python benchmarks/augmentation.py [--batch-size 16]

Faces have masks of eyes and mouth; each figure is the best of some.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch

from understudy.core.faces.geometry import MEAN_FACE
from understudy.core.training.augmenting.amounts import Amounts
from understudy.core.training.augmenting.augmentation import Augmenter
from understudy.core.training.augmenting.batches import Maker
from understudy.core.training.computing.allocation import keep_memory

FACES, ROUNDS = 100, 10
# What kind of model, its crops, input and outputs, and whether one interpolation does it all.
KINDS = (("64 px (original)", 64, 64, (64,), False), ("64 px from 128 (sketch)", 128, 64, (64,), True),
         ("64 to 128 px (dfaker)", 128, 64, (128,), False), ("128 px (villain)", 128, 128, (128,), False),
         ("128 to 256 px (dlight)", 256, 128, (256,), False))
JAW = np.array([(0.5 - 0.58 * np.cos(t), 0.2 + 0.95 * np.sin(t)) for t in np.linspace(0, np.pi, 17)])


@dataclass(frozen=True)
class Side:
    crops: np.ndarray
    landmarks: np.ndarray


def side(size: int, seed: int) -> Side:
    rng = np.random.default_rng(seed)
    points = np.concatenate((JAW, MEAN_FACE)) * 0.5 + 0.25 + rng.normal(0, 0.02, (FACES, 68, 2))
    return Side(rng.integers(0, 256, (FACES, size, size, 6), np.uint8), (points * size).astype(np.float32))


def milliseconds(maker: Maker) -> float:
    times = []
    for iteration in range(ROUNDS):
        begin = time.thread_time()
        maker.make(iteration)
        times.append(time.thread_time() - begin)
    return 1e3 * min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=16)
    batch_size = parser.parse_args().batch_size
    torch.set_num_threads(1)
    keep_memory()
    print("| Model | Usual | Without colour | Warp to landmarks |\n|---|--:|--:|--:|")
    for name, size, fed, wanted, in_one in KINDS:
        sides = side(size, 0), side(size, 1)
        figures = []
        for color, to_landmarks in ((True, False), (False, False), (True, True)):
            augmenter = Augmenter(size, fed, wanted, Amounts(color=color), in_one=in_one)
            figures.append(milliseconds(Maker(sides, batch_size, augmenter, 0, to_landmarks=to_landmarks)))
        print(f"| {name} | " + " | ".join(f"{figure:.0f}" for figure in figures) + " |", flush=True)


if __name__ == "__main__":
    main()
