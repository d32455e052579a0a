"""What reading faces for a training costs, and how many of a clip's frames are near twins.

    python benchmarks/faces.py FACES [FACES …]     (folders that extract wrote, of every frame)

Processor time is the sum over threads; wall time is that of the machine as it is. 100,000 faces are not read but
reckoned, but for the two searches, which run over 100,000 invented faces.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.folder import Settings
from understudy.core.training.faces import directions, duplicates
from understudy.core.training.faces.data import FaceSet, read_faces
from understudy.core.training.faces.reading import Cut

CUT = Cut(128, Settings("original"), parts=True)
MANY = 100_000
STEPS = (1, 6, 12, 25)
T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """What `work` returns, and its wall and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - processor


def read(folder: Path) -> FaceSet:
    faces, wall, processor = timed(lambda: read_faces(folder, CUT, SilentReporter(), "A"))
    each = processor / len(faces)
    print(f"{folder}: {len(faces)} faces, {1000 * each:.1f} ms of processor time each, {wall:.1f} s; "
          f"{MANY:,} would take {each * MANY / 60:.0f} min of one core, {MANY * faces.crops[0].nbytes / 1e9:.1f} GB")
    return faces


def main() -> None:
    cv2.setNumThreads(1)
    for folder in map(Path, sys.argv[1:]):
        faces = read(folder)
        shares = [f"{100 * duplicates.twin_share(faces.looks[::step]):.0f} % at every {step}." for step in STEPS]
        print(f"  near twins: {', '.join(shares)}")
    chance = np.random.default_rng(0)
    looks = chance.integers(0, 255, (MANY, duplicates.SIZE, duplicates.SIZE, 2), np.uint8)
    a, b = chance.normal((0, 0), (20, 10), (MANY, 2)), chance.normal((5, 0), (15, 8), (MANY, 2))
    for name, work in (("near twins", lambda: duplicates.twin_share(looks)),
                       ("directions", lambda: directions.compare(a, b, flip=True))):
        _, wall, processor = timed(work)
        print(f"{name} among {MANY:,}: {processor:.1f} s of processor time, {wall:.1f} s")


if __name__ == "__main__":
    main()
