"""A clip in which everything moves by MOTION pixels a frame, and alignments that know it; run by the core's Python:

    python tests/blender/moving_face.py FOLDER '{"kind": "video", "count": 30, "people": 1}'

Prints the path of the clip. Landmarks of person p in frame n are `landmarks(p, n)`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

SIZE = (640, 360)
MOTION = (3, 1)
NAMES = ("Anna", "Ben")


def landmarks(person: int, frame: int) -> np.ndarray:
    """float32 [68, 2]: a face of arcs and ellipses, 120 px wide."""
    def arc(x: float, y: float, width: float, height: float, first: float, last: float, count: int) -> np.ndarray:
        turn = np.linspace(first, last, count) * np.pi
        return np.stack([x + width * np.cos(turn), y + height * np.sin(turn)], 1)

    around = 2 - 1 / 3  # of an ellipse of six points, whose last does not meet its first
    parts = (arc(0, 0, 60, 70, 1.0, 0.0, 17), arc(-30, -22, 20, 8, 1.1, 1.9, 5), arc(30, -22, 20, 8, 1.1, 1.9, 5),
             np.stack([np.zeros(4), np.linspace(-15, 12, 4)], 1), arc(0, 16, 10, 4, 0.9, 0.1, 5),
             arc(-27, -10, 11, 5, 1.0, 1 + around, 6), arc(27, -10, 11, 5, 1.0, 1 + around, 6),
             arc(0, 40, 22, 9, 1.0, 1 + 2 - 1 / 6, 12), arc(0, 40, 17, 4, 1.0, 1 + 2 - 1 / 4, 8))
    middle = np.array([150.0 + 230 * person, 150.0]) + frame * np.array(MOTION, np.float64)
    return (np.concatenate(parts) + middle).astype(np.float32)


def box(person: int, frame: int) -> tuple[float, float, float, float]:
    x, y = landmarks(person, frame).mean(0)
    return float(x - 65), float(y - 70), 130.0, 140.0


def pictures(count: int) -> list[np.ndarray]:
    """Smooth noise that is rolled on, uint8 RGB [360, 640, 3]; the same everywhere in the clip."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(5).uniform(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.float32)
    smooth = gaussian_filter(noise, (3, 3, 0), mode="wrap")
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min()) * 255
    return [np.roll(smooth, (n * MOTION[1], n * MOTION[0]), (0, 1)).astype(np.uint8) for n in range(count)]


def main(folder: Path, kind: str = "video", count: int = 30, people: int = 1, first: int = 1) -> None:
    import runpy

    from understudy.core.extraction.origin import source_info
    from understudy.core.faces.nouns import Face
    from understudy.core.faces.places import default_store
    from understudy.core.faces.store import AlignmentsStore, Found
    from understudy.core.media.images import write_png
    from understudy.core.media.source import open_source

    if kind == "video":
        path = folder / "moving.mp4"
        make = runpy.run_path(str(Path(__file__).resolve().parents[1] / "core" / "media" / "clips.py"))["video"]
        make(path, pictures=pictures(count), size=SIZE, bframes=0, crf=8)
    else:
        path = folder / "moving"
        path.mkdir()
        for n, pixels in enumerate(pictures(count)):
            write_png(path / f"shot_{first + n:04d}.png", pixels, {})
    with open_source(path) as source, AlignmentsStore.create(default_store(path), source_info(source)) as store:
        ids = [store.add_person(name) for name in NAMES[:people]]
        with store.transaction():
            for n in range(count):
                store.write_frame(n, source.name(n), "test", [Found(Face(
                    n, box(p, n), landmarks(p, n), "dlib", "dlib", 1.0, ids[p])) for p in range(people)])
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), **json.loads(sys.argv[2]))
