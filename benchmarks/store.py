"""How quick the alignments store is with 100,000 faces of three masks each: python benchmarks/store.py [FACES]

Prints the time to open it and read the first frame, to read any frame, to count, to read everything, and to save one
edited face, the first after opening and any later one, beside a bare write of 4 KB with fsync in the same run; the size
of the file by table, and the memory taken.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from understudy.core.faces.nouns import Face, PackedMask, SourceInfo
from understudy.core.faces.packing import pack_mask
from understudy.core.faces.store import AlignmentsStore, Found

FACES, MASKS, MASK_SIZE, POOL = 100_000, ("vgg-obstructed", "bisenet-fp", "unet-dfl"), 128, 64
SAVES = 200


def soft_mask(random: np.random.Generator) -> bytes:
    """A soft-edged ellipse with a ragged outline, as networks make them, packed."""
    y, x = np.mgrid[:MASK_SIZE, :MASK_SIZE] / MASK_SIZE - random.normal(0.5, 0.02, (2, 1, 1))
    radius = np.hypot(x / random.uniform(0.3, 0.4), y / random.uniform(0.35, 0.45))
    ragged = radius + sum(random.normal(0, 0.02) * np.sin(n * np.arctan2(y, x)) for n in range(2, 9))
    return pack_mask((np.clip((1 - ragged) * 12 + 0.5, 0, 1) * 255).astype(np.uint8))


def found(number: int, random: np.random.Generator, masks: list[bytes]) -> Found:
    """A face as extraction finds it: 68 landmarks, a thumbnail of 2.5 KB, an identity of 512 numbers, three masks."""
    box = tuple(random.uniform(50, 900, 4))
    matrix = random.normal(0, 100, (2, 3))
    kept = [PackedMask(kind, MASK_SIZE, masks[(number + place) % POOL], matrix) for place, kind in enumerate(MASKS)]
    face = Face(number * 4 // 5, box, random.uniform(0, 1900, (68, 2)).astype(np.float32), "yunet", "fan", 0.9)
    return Found(face, random.bytes(2500), {"vggface2": random.normal(0, 0.04, 512).astype(np.float32)}, kept)


def fill(path: Path, faces: int) -> None:
    """Four faces in five are alone in their frames, one shares a frame."""
    random = np.random.default_rng(0)
    masks = [soft_mask(random) for _ in range(POOL)]
    info = SourceInfo("0" * 32, "clip.mp4", 1920, 1080, "25/1", faces)
    with AlignmentsStore.create(path, info) as store:
        for start in range(0, faces, 5000):
            with store.transaction():
                for number in range(start, min(start + 5000, faces)):
                    new = found(number, random, masks)
                    store.set_frame(new.face.frame, f"clip_{new.face.frame:06d}.mp4", "s")
                    store.put(new)


def seconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


@dataclass(frozen=True)
class Saves:
    """Seconds, all measured in turn: a busy disk is as busy for one as for the others.

    Attributes:
        first: for the first edit of a store that was just opened.
        later: for the third edit of that store; the second changes to the log.
        bare: for a write of 4 KB with fsync.
    """

    first: list[float]
    later: list[float]
    bare: list[float]


def saves(path: Path, frames: int) -> Saves:
    random = np.random.default_rng(1)
    taken = Saves([], [], [])
    with (path.parent / "bare").open("wb") as file:
        for _ in range(SAVES):
            with AlignmentsStore.open(path) as store:
                for times in (taken.first, None, taken.later):
                    face = store.faces(int(random.integers(frames)))[0]
                    landmarks = face.landmarks + np.float32(1)
                    time_ = seconds(lambda: store.edit_face(face.uuid, landmarks))  # noqa: B023 - called at once
                    if times is not None:
                        times.append(time_)
            page = random.bytes(4096)
            taken.bare.append(seconds(lambda: (file.write(page), file.flush(), os.fsync(file.fileno()))))  # noqa: B023
    return taken


def sizes(path: Path) -> Iterator[tuple[str, int]]:
    """(table, bytes of its own values), largest first."""
    with sqlite3.connect(path) as connection:
        found = []
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            total = " + ".join(f"coalesce(length(CAST({column} AS BLOB)), 0)" for column in columns)
            found.append((table, connection.execute(f"SELECT coalesce(sum({total}), 0) FROM {table}").fetchone()[0]))
    yield from sorted(found, key=lambda pair: -pair[1])[:5]


def measure(path: Path, faces: int) -> None:
    frames = faces * 4 // 5

    def first_frame() -> None:
        with AlignmentsStore.readonly(path) as store:
            assert store.source
            assert store.faces(0)

    print(f"open and first frame        {min(seconds(first_frame) for _ in range(5)) * 1e3:8.2f} ms")
    with AlignmentsStore.readonly(path) as store:
        times = sorted(seconds(lambda f=frame: store.faces(f))
                       for frame in np.random.default_rng(2).integers(0, frames, 5000).tolist())
        print(f"any frame's faces           {statistics.median(times) * 1e3:8.3f} ms, 99 % within "
              f"{times[len(times) * 99 // 100] * 1e3:.3f} ms, worst {times[-1] * 1e3:.3f} ms")
        for name, action in (("counts of all frames", store.counts), ("stats", store.stats),
                             ("all faces, one by one", lambda: sum(len(f) for _, f in store.iterate())),
                             ("all identities", lambda: store.identities("vggface2"))):
            begin, processor = time.perf_counter(), time.process_time()
            action()
            time_, processor = time.perf_counter() - begin, time.process_time() - processor
            tracemalloc.start()
            action()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            print(f"{name:27} {time_ * 1e3:8.1f} ms, of which processor {processor * 1e3:.1f} ms; "
                  f"memory {peak / 1e6:.1f} MB")
    taken = saves(path, frames)
    for name, middle in (("median", statistics.median), ("mean", statistics.mean)):
        first, later, bare = (middle(times) * 1e3 for times in (taken.first, taken.later, taken.bare))
        print(f"save one edited face, {name:6} first after opening {first:.2f} ms, later ones {later:.2f} ms "
              f"(4 KB and fsync: {bare:.2f} ms; three times that and 2 ms: {3 * bare + 2:.2f} ms)")
    print(f"file                        {path.stat().st_size / 1e6:8.0f} MB, {path.stat().st_size / faces:.0f} bytes "
          f"a face; of these " + ", ".join(f"{table} {size / 1e6:.0f}" for table, size in sizes(path)))


def main() -> None:
    faces = int(sys.argv[1]) if len(sys.argv) > 1 else FACES
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip_alignments.db"
        print(f"{faces} faces, {len(MASKS)} masks each; made in {seconds(lambda: fill(path, faces)):.0f} s")
        measure(path, faces)


if __name__ == "__main__":
    main()
