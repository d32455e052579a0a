"""SIGKILL at random instants of the mask jobs: no mask is lost, and a second run ends where the first would have."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from understudy.core.faces.nouns import PackedMask
from understudy.core.faces.png import FaceHeader, read_header
from understudy.core.faces.store import AlignmentsStore
from understudy.core.masking import importing, making
from understudy.core.media.images import read_image

from ..killing import kill_at_random_instants
from . import masks_to_kill
from .conftest import FRAMES, HEIGHT, WIDTH, Scene
from .masks_to_kill import JOBS, WITH_BRIGHT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
CHAIN = ["add", "import", "update in pictures"]

Masks = dict[tuple[str, str], tuple[Any, ...]]  # by face and kind


def told(mask: PackedMask) -> tuple[Any, ...]:
    # Headers keep the other tool's matrix, and the way there and back may cost the last of sixteen digits.
    return mask.size, mask.packed, str(mask.matrix.round(6) + 0.0), mask.centering, mask.interpolator


class Place:
    """A folder with a shot, its faces folder, some pictures of which sorting put into a group, and drawn masks."""

    def __init__(self, images: Scene, pictures: Path, tmp_path: Path) -> None:
        self.template, self.folder = tmp_path / "template", tmp_path / "work"
        shutil.copytree(images.path, self.template / "shot")
        shutil.copytree(pictures, self.template / "faces")
        group = self.template / "faces" / "_yaw_001_-18_to_18"
        group.mkdir()
        for number, path in enumerate(sorted((self.template / "faces").glob("*.png"))[:5]):
            path.rename(group / f"{number:06d}_{path.name}")
        for folder, names, shape in (
                ("drawn", [f"img_{2 * index + 5}" for index in range(FRAMES)], (HEIGHT, WIDTH)),
                ("drawn on faces", [path.stem for path in pictures.glob("*.png")], (256, 256))):
            (self.template / folder).mkdir()
            for number, name in enumerate(names):
                mask = cv2.circle(np.zeros(shape, np.uint8), (120 + number, 130), 60, 255, -1)
                assert cv2.imwrite(str(self.template / folder / f"{name}.png"), mask)
        self.before: Masks = {}
        self.pixels = {header.uuid: read_image(path).tobytes() for path, header in self._headers(self.template)}

    def prepare(self, jobs: Sequence[str]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.template, self.folder)
        masks_to_kill.run(self.folder, jobs)
        self.before = self.stored()

    @staticmethod
    def _headers(folder: Path) -> Iterator[tuple[Path, FaceHeader]]:
        for path in sorted((folder / "faces").rglob("[!.]*.png")):
            yield path, read_header(path, with_masks=True)

    def stored(self, path: str = "shot/alignments.db") -> Masks:
        """The masks of a store, which is sound."""
        with AlignmentsStore.open(self.folder / path) as store:
            assert store.integrity() == []
            faces = [face for _, faces in store.iterate() for face in faces]
            assert {face.uuid for face in faces} == self.pixels.keys()
            return {(face.uuid, mask.kind): told(mask) for face in faces for mask in store.packed_masks(face.uuid)}

    def pictured(self) -> Masks:
        """The masks of the pictures, all of which are there, once, with their pixels."""
        found = list(self._headers(self.folder))
        assert {header.uuid: read_image(path).tobytes() for path, header in found} == self.pixels
        assert len(found) == len(self.pixels)
        return {(header.uuid, mask.kind): told(mask) for _, header in found for mask in header.masks}

    def state(self) -> dict[str, Masks]:
        return {"store": self.stored(), "pictures": self.pictured()}

    def nothing_is_lost(self) -> None:
        """Every mask that was there is in the alignments or in a backup; none of any face is gone without another."""
        now = self.stored()
        assert now.keys() >= self.before.keys()
        assert self.pictured().keys() >= self.before.keys()
        kept = [self.stored(f"shot/{path.name}") for path in (self.folder / "shot").glob("alignments_backup_*.db")]
        for key, mask in self.before.items():
            assert now[key] == mask or any(masks.get(key) == mask for masks in kept)
        for backup in self.folder.glob("faces_backup_*"):
            assert {read_header(path).uuid for path in backup.rglob("*.png")} == self.pixels.keys()


@pytest.fixture
def place(images: Scene, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(making, "MASKERS", WITH_BRIGHT)
    monkeypatch.setattr(making, "_GROUP", 3)
    monkeypatch.setattr(importing, "_GROUP", 3)
    return Place(images, pictures, tmp_path)


def kill(place: Place, jobs: Sequence[str], instants: int, before: Sequence[str] = ()) -> None:
    """Kill the jobs again and again; after each kill nothing is lost, and run again they end as if never killed."""
    wanted: list[dict[str, Masks]] = []

    def check() -> None:
        place.nothing_is_lost()
        if wanted:
            masks_to_kill.run(place.folder, jobs)
            assert place.state() == wanted[0]
            place.nothing_is_lost()
        else:
            wanted.append(place.state())
            assert wanted[0]["store"] == wanted[0]["pictures"] != place.before

    script = Path(masks_to_kill.__file__)
    kill_at_random_instants([sys.executable, str(script), str(place.folder), *jobs], instants, check,
                            lambda: place.prepare(before))


def test_the_jobs_of_a_day_survive_being_killed(place: Place) -> None:
    kill(place, CHAIN, 5)


# What each job finds that it has to keep or to replace.
BEFORE = {"update": ["add"], "update in pictures": ["add"], "import": ["import to pictures"],
          "import to pictures": ["import"], "refine imported": ["import"]}


@pytest.mark.long
@pytest.mark.parametrize("job", JOBS)
def test_each_job_survives_being_killed(place: Place, job: str) -> None:
    kill(place, [job], 30, BEFORE.get(job, []))
