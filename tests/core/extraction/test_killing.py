"""kill -9 at random instants: what was found stays, running again makes the rest good, and no hand edit is lost."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest

from understudy.core.extraction.task import run
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.extract import ExtractOptions

from ..killing import kill_at_random_instants
from .conftest import portrait, write

FRAMES = 14
RUN = """
import sys
from understudy.core.extraction import pipeline
from understudy.core.extraction.task import run
from understudy.core.options.extract import ExtractOptions
from understudy.core.jobs.messages import SilentReporter
pipeline.WORKERS = 1
options = ExtractOptions(source=sys.argv[1], faces=sys.argv[2], save_interval=2, detection_size=int(sys.argv[3]))
print("begin", flush=True)
run(options, SilentReporter())
"""


class Case:
    """A clip, what is there before each run, and what must be there in the end."""

    def __init__(self, folder, size: int) -> None:
        self.shot, self.faces, self.size = folder / "shot", folder / "faces", size
        self.store = self.shot / "alignments.db"
        self.before = folder / "before"
        self.landmarks: dict[int, list[np.ndarray]] = {}
        self.shot.mkdir()
        for n in range(FRAMES):
            write(self.shot / f"{n:02d}.png", portrait(2 * n, n))
        self.prepare()

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", RUN, str(self.shot), str(self.faces), str(self.size)]

    def run(self, size: int) -> None:
        run(ExtractOptions(source=str(self.shot), faces=str(self.faces), detection_size=size), SilentReporter())

    def keep(self) -> None:
        """Every run begins with what is there now."""
        self.before.mkdir()
        shutil.copy2(self.store, self.before)
        shutil.copytree(self.faces, self.before / "faces")

    def prepare(self) -> None:
        for name in ("alignments.db", "alignments.db-journal"):
            (self.shot / name).unlink(missing_ok=True)
        shutil.rmtree(self.faces, ignore_errors=True)
        if self.before.exists():
            shutil.copy2(self.before / "alignments.db", self.store)
            shutil.copytree(self.before / "faces", self.faces)

    def check(self) -> None:
        """What a kill has left is sound, and running again makes it whole."""
        if self.store.exists():
            with AlignmentsStore.readonly(self.store) as store:
                assert store.integrity() == []
                self.check_edits(store)
        self.run(self.size)
        with AlignmentsStore.readonly(self.store) as store:
            assert store.integrity() == []
            assert store.frames_seen() == set(range(FRAMES))
            self.check_edits(store)
            found = {frame: [face.landmarks for face in faces] for frame, faces in store.iterate()}
            uuids = {f"{face.frame:02d}_{face.position}.png": face.uuid for _, faces in store.iterate()
                     for face in faces}
        self.landmarks = self.landmarks or found
        assert found.keys() == self.landmarks.keys()
        for frame, faces in found.items():
            np.testing.assert_array_equal(faces, self.landmarks[frame])
        assert {path.name for path in self.faces.iterdir()} == set(uuids)  # nothing torn lies about, either
        assert {path.name: read_header(path).uuid for path in self.faces.iterdir()} == uuids

    def check_edits(self, store: AlignmentsStore) -> None:
        pass


class Edited(Case):
    """Extracted, corrected by hand, and extracted again with other settings."""

    def __init__(self, folder) -> None:
        super().__init__(folder, 240)
        self.run(640)
        with AlignmentsStore.open(self.store) as store:
            first, removed = store.faces(1)[0], store.faces(2)[0]
            store.edit_face(first.uuid, first.landmarks + 3)
            store.remove_face(removed.uuid)
            added = store.add_face(3, (200.0, 150.0, 60.0, 60.0), first.landmarks * 0.5 + 150)
            self.edited = [store.face(uuid) for uuid in (first.uuid, removed.uuid, added.uuid)]
        self.keep()

    def check_edits(self, store: AlignmentsStore) -> None:
        for face in self.edited:
            now = store.face(face.uuid)
            assert (now.state, now.frame, now.position) == (face.state, face.frame, face.position)
            np.testing.assert_array_equal(now.landmarks, face.landmarks)


@pytest.mark.parametrize("instants", [2, pytest.param(15, marks=pytest.mark.long)])
def test_a_first_extraction(tmp_path, instants):
    case = Case(tmp_path, 640)
    kill_at_random_instants(case.command, instants, case.check, case.prepare)


@pytest.mark.parametrize("instants", [3, pytest.param(15, marks=pytest.mark.long)])
def test_an_extraction_over_hand_edits(tmp_path, instants):
    case = Edited(tmp_path)
    kill_at_random_instants(case.command, instants, case.check, case.prepare)
