"""The mask jobs on a prepared folder, one after the other: python masks_to_kill.py FOLDER JOB …"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from understudy.core.faces.nouns import AlignedFace
from understudy.core.jobs.messages import SilentReporter
from understudy.core.jobs.tasks import TASKS
from understudy.core.masking import importing, making
from understudy.core.options import Row, make
from understudy.core.options.maskers import MaskerOptions


class Bright:
    """A masker that looks at pixels, as networks do: what is brighter than so much."""

    is_drawn, size, centering, batch_size = False, 96, "head", 3
    calls = 0
    seconds = 0.0  # that each batch takes

    def __init__(self, options: MaskerOptions | None = None, device: str = "cpu") -> None:
        pass

    def mask(self, faces: Sequence[AlignedFace]) -> list[np.ndarray]:
        Bright.calls += len(faces)
        time.sleep(Bright.seconds)
        return [((face.pixels.max(2) > 100) * 255).astype(np.uint8) for face in faces]


class BrightRow(Row):
    def load(self) -> type[Bright]:
        return Bright


# `Bright` in the place of unet-dfl, whose weights are nowhere.
WITH_BRIGHT = tuple(BrightRow(row.name, row.label, row.help, "") if row.name == "unet-dfl" else row
                    for row in making.MASKERS)

CLIP = {"source": "shot", "faces": "faces"}
FOLDER = {"source": "faces", "alignments": "shot/alignments.db"}
MAKING = {"masker": ("unet-dfl", "custom", "extended"), "refine": True}
IMPORTING = {"masks": "drawn"}
JOBS: dict[str, tuple[str, dict[str, object]]] = {
    "add": ("mask add", {**CLIP, **MAKING}),
    "add to pictures": ("mask add", {**FOLDER, **MAKING}),
    "update": ("mask update", {**CLIP, **MAKING, "mask_size": 64}),
    "update in pictures": ("mask update", {**FOLDER, **MAKING, "mask_size": 96}),
    "import": ("mask import", {**CLIP, **IMPORTING, "mask_size": 64}),
    "import to pictures": ("mask import", {**FOLDER, "masks": "drawn on faces", "mask_size": 96}),
    "refine imported": ("mask update", {**CLIP, "masker": ("imported",), "refine": True}),
}
_PLACES = {"source", "faces", "alignments", "masks"}


def run(folder: Path, names: Sequence[str]) -> None:
    """Run jobs by their keys in `JOBS`, in the folder."""
    for name in names:
        job, values = JOBS[name]
        given = {key: str(folder / str(value)) if key in _PLACES else value for key, value in values.items()}
        TASKS[job].load()(make(TASKS[job].options, given), SilentReporter())


if __name__ == "__main__":
    making.MASKERS, making._GROUP, importing._GROUP = WITH_BRIGHT, 3, 3  # type: ignore[assignment]
    Bright.seconds = 0.02
    print("begun", flush=True)
    run(Path(sys.argv[1]), sys.argv[2:])
