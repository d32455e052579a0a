"""SIGKILL at random instants of the destructive jobs: nothing is lost, and a second run ends where the first would."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.errors import FacesError
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore

from ..killing import kill_at_random_instants
from . import jobs_to_kill
from .jobs_to_kill import JOBS

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
CHAIN = ["remove-frames", "remove-faces", "sort", "temporal", "update", "merge", "rename"]


class Place:
    """A folder with a shot as a person left it after sorting: one image and three pictures gone, others renamed."""

    def __init__(self, images: Any, tmp_path: Path) -> None:
        self.template, self.folder = tmp_path / "template", tmp_path / "work"
        (self.template / "shot").parent.mkdir()
        shutil.copytree(images.path, self.template / "shot")
        shutil.copytree(images.faces, self.template / "faces")
        pictures = sorted((self.template / "faces").glob("*.png"))
        for path in pictures[-3:]:
            path.unlink()
        for number, path in enumerate(reversed(pictures[:-3])):
            path.rename(path.with_name(f"{number:06d}_{path.name}"))
        with AlignmentsStore.open(self.template / "shot" / "alignments.db") as store:
            chance = np.random.default_rng(0)
            for _, faces in list(store.iterate()):
                for face in faces:
                    moved = face.landmarks + chance.normal(0, 1, (68, 2))
                    store.move_landmarks(face.uuid, moved)
            store.edit_face(store.faces(4)[0].uuid, store.faces(4)[0].landmarks)
            self.faces = {face.uuid for frame, faces in store.iterate() for face in faces}

    def prepare(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.template, self.folder)

    def state(self) -> dict[str, Any]:
        """All that the jobs bring about, but for names with times in them."""
        return {"stores": {str(path.relative_to(self.folder)): self._store(path)
                           for path in self.folder.rglob("*alignments.db") if "_backup_" not in path.name},
                "pictures": {str(path.relative_to(self.folder)): (header.uuid, header.frame, header.position,
                                                                  header.landmarks.tobytes())
                             for path, header in self.headers()},
                "half-written": [str(path) for path in self.folder.rglob(".*.part*")],
                "frames": sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("img_????.png"))}

    def _store(self, path: Path) -> dict[str, Any]:
        with AlignmentsStore.open(path) as store:
            assert store.integrity() == []
            return {face.uuid: (face.frame, face.position, face.state, face.landmarks.tobytes())
                    for frame in sorted(store.frames_seen()) for face in store.faces(frame, with_removed=True)}

    def headers(self) -> list[tuple[Path, Any]]:
        found = []
        for path in sorted(self.folder.rglob("[!.]*.png*")):
            try:
                found.append((path, read_header(path)))
            except FacesError:
                continue  # a frame
        return found

    def nothing_is_lost(self) -> None:
        """Every picture that was there is there once; every face is in the alignments or in a backup of them."""
        pictures = Counter(header.uuid for path, header in self.headers()
                           if path.is_relative_to(self.folder / "faces") or "leftover" in path.parts
                           or "several" in path.parts)
        assert set(pictures.values()) == {1}
        assert len(pictures) == 8
        known = set()
        for path in (self.folder / "shot").glob("alignments*.db"):
            known |= set(self._store(path))
        assert known >= self.faces


@pytest.fixture
def place(images, tmp_path):
    return Place(images, tmp_path)


def kill(place: Place, jobs: Sequence[str], instants: int, before: Sequence[str] = ()) -> None:
    """Kill the jobs again and again; after each kill nothing is lost, and run again they end as if never killed."""
    def prepare() -> None:
        place.prepare()
        jobs_to_kill.run(place.folder, list(before))

    wanted: list[dict[str, Any]] = []

    def check() -> None:
        place.nothing_is_lost()
        if wanted:
            jobs_to_kill.run(place.folder, list(jobs))
            assert place.state() == wanted[0]
            place.nothing_is_lost()
        else:
            wanted.append(place.state())

    script = Path(jobs_to_kill.__file__)
    kill_at_random_instants([sys.executable, str(script), str(place.folder), *jobs], instants, check, prepare)


def test_the_jobs_of_a_day_survive_being_killed(place):
    kill(place, CHAIN, 5)


@pytest.mark.parametrize("job", ["remove-frames", "sort", "update", "merge"])
def test_what_a_killed_run_left_half_written_goes(place, job):
    place.prepare()
    torn = [place.folder / ("merged" if job == "merge" else "faces") / "sorted" / ".img_0005_0.png.999999999.part"]
    torn[0].parent.mkdir(parents=True)
    if job == "sort":  # which makes a backup
        torn.append(place.folder / "shot" / ".alignments_backup_2026-01-01_00.00.00.000.db.999999999.part")
    for path in torn:
        path.write_bytes(next((place.folder / "faces").glob("*.png")).read_bytes())
    jobs_to_kill.run(place.folder, ["remove-frames", job])
    assert [path for path in torn if path.exists()] == []


@pytest.mark.long
@pytest.mark.parametrize("job", JOBS)
def test_each_job_survives_being_killed(place, job):
    # Every other job asks for alignments of the folder as it is now.
    kill(place, [job], 30, before=[] if job in ("remove-frames", "rename", "merge") else ["remove-frames"])
