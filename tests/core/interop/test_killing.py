"""kill -9 at random instants of an import: the alignments are sound, keep what was there, and a second run finishes."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from understudy.core.faces.store import AlignmentsStore
from understudy.core.interop.importing import run
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.interop import ImportOptions

from ..killing import kill_at_random_instants
from .conftest import CLIP, fsa_bytes, landmarks

FRAMES = 99
RUN = """
import sys
from understudy.core.interop import importing
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.interop import ImportOptions
importing._FRAMES_PER_COMMIT = 4
print("begin", flush=True)
importing.run(ImportOptions((sys.argv[1],), alignments=sys.argv[2], replace=True), SilentReporter())
"""


@pytest.mark.parametrize("instants", [5, pytest.param(30, marks=pytest.mark.long)])
def test_a_killed_import(tmp_path, instants):
    fsa, path = tmp_path / "a.fsa", tmp_path / "a.db"
    fsa.write_bytes(fsa_bytes("2.4", frames=FRAMES))
    mine: list[str] = []

    def prepare() -> None:
        for old in tmp_path.glob("a*.db*"):
            old.unlink()
        with AlignmentsStore.create(path, CLIP) as store:
            mine[:] = [store.add_face(frame, (400, 20, 90, 90), landmarks(7)).uuid for frame in range(0, 60, 10)]

    def check() -> None:
        with AlignmentsStore.open(path) as store:
            assert store.integrity() == []
            for uuid in mine:
                np.testing.assert_array_equal(store.face(uuid).landmarks, landmarks(7))
        for backup in tmp_path.glob("a_backup_*.db"):
            with AlignmentsStore.readonly(backup) as store:
                assert sum(store.counts().values()) >= len(mine)
        run(ImportOptions((str(fsa),), alignments=str(path)), SilentReporter())
        with AlignmentsStore.open(path) as store:
            assert store.integrity() == []
            assert sum(store.counts().values()) == FRAMES + len(mine)
            for frame in range(FRAMES):
                faces = [face for face in store.faces(frame) if face.uuid not in mine]
                assert len(faces) == (1, 2, 0)[frame % 3]
                for number, face in enumerate(faces):
                    np.testing.assert_array_equal(face.landmarks, landmarks(frame * 10 + number))
                    assert store.mask_kinds(face.uuid) == ["vgg-obstructed"]

    kill_at_random_instants([sys.executable, "-c", RUN, str(fsa), str(path)], instants, check, prepare)
