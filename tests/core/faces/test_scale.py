"""The store with many faces and with several processes: still quick, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from understudy.core.faces.nouns import Face, PackedMask, SourceInfo
from understudy.core.faces.packing import pack_mask
from understudy.core.faces.store import AlignmentsStore, Found

CLIP = SourceInfo("abc", "clip.mp4", 640, 360, "25/1", 100_000)
SIZES = [pytest.param(5_000, id="few"), pytest.param(100_000, id="many", marks=pytest.mark.long)]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Makes a store of so many faces with three masks each, once."""
    made = {}

    def store(faces: int):
        if faces not in made:
            made[faces] = tmp_path_factory.mktemp("scale") / f"{faces}.db"
            fill(made[faces], faces)
        return made[faces]

    return store


def fill(path, faces: int) -> None:
    random = np.random.default_rng(0)
    packed = pack_mask(np.tri(128, dtype=np.uint8) * 255)
    with AlignmentsStore.create(path, CLIP) as store, store.transaction():
        for number in range(faces):
            masks = [PackedMask(kind, 128, packed, np.eye(2, 3)) for kind in ("a", "b", "c")]
            face = Face(number, (1, 2, 3, 4), random.uniform(0, 300, (68, 2)).astype(np.float32), "d", "a")
            store.put(Found(face, bytes(2000), {"dlib": random.normal(0, 1, 128).astype(np.float32)}, masks))


@pytest.mark.parametrize("faces", SIZES)
def test_a_frame_is_as_little_work_wherever_it_is_and_however_many_there_are(stores, faces):
    """In SQLite's own instructions; seconds are the benchmark's."""
    steps = []
    with AlignmentsStore.readonly(stores(faces)) as store:
        store._connection.set_progress_handler(lambda: steps.append(1) and None, 1)
        for frame in range(0, faces, max(1, faces // 200)):
            assert store.faces(frame)
    assert len(steps) / 200 < 100


@pytest.mark.parametrize("faces", SIZES)
def test_counting_reads_indices_and_not_faces(stores, faces):
    with AlignmentsStore.open(stores(faces)) as store:
        for sql, index in (("SELECT frame, count(*) FROM face WHERE state != 'removed' GROUP BY frame ORDER BY frame",
                            "COVERING INDEX face_present"),
                           ("SELECT state, count(*) FROM face WHERE state != 'machine' GROUP BY state",
                            "COVERING INDEX face_touched"),
                           ("SELECT 1 FROM face WHERE person = 3", "INDEX face_person")):
            plan = " ".join(row[3] for row in store._connection.execute(f"EXPLAIN QUERY PLAN {sql}"))
            assert index in plan
        assert store.stats()["faces"] == sum(store.counts().values()) == faces


@pytest.mark.parametrize("faces", SIZES)
def test_reading_everything_takes_little_memory(stores, faces):
    with AlignmentsStore.readonly(stores(faces)) as store:
        next(store.iterate())
        tracemalloc.start()
        assert sum(len(found) for _, found in store.iterate()) == faces
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2_000_000 + faces * 100  # a face itself is 700 bytes


def test_iterating_gives_what_frame_by_frame_gives(tmp_path):
    random = np.random.default_rng(1)
    with AlignmentsStore.create(tmp_path / "a.db", CLIP) as store:
        with store.transaction():
            for frame in sorted(random.choice(3000, 600, replace=False).tolist()):
                for place in range(random.integers(1, 4)):
                    face = store.put(Found(Face(frame, (place * 100, 0, 9, 9), np.zeros((68, 2), np.float32))))
                    if random.random() < 0.2:
                        store.remove_face(face.uuid)
        for wanted in (None, range(0, 3000, 7), [5], [], range(10**6, 10**6 + 5)):
            chosen = range(3000) if wanted is None else wanted
            expected = [(n, [f.uuid for f in store.faces(n)]) for n in chosen if store.faces(n)]
            assert [(n, [f.uuid for f in faces]) for n, faces in store.iterate(wanted)] == expected


WRITER = """
import sys, time
import numpy as np
from understudy.core.errors import AlignmentsError
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.store import AlignmentsStore, Found
path, first, wait = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
refused = 0
with AlignmentsStore.create(path, SourceInfo("abc", "clip.mp4", 640, 360, "25/1", 100000), wait) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for frame in range(first, 120, 2):
        points = np.full((68, 2), frame, np.float32)
        while True:
            try:
                found = Found(Face(frame, (0, 0, 9, 9), points), b"jpeg%d" % frame)
                (face,) = store.write_frame(frame, "f", "s", [found])
                store.edit_face(face.uuid, points + 1)
                break
            except AlignmentsError as error:
                assert "another job" in str(error), error
                refused += 1
print("done", refused, flush=True)
"""


@pytest.mark.parametrize("wait", [10.0, 0.0])
def test_two_processes_that_write_at_once_lose_nothing(tmp_path, wait):
    """With patience each waits for the other; without, it hears that it must, and tries again."""
    path = tmp_path / "a.db"
    AlignmentsStore.create(path, CLIP).close()
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(first), str(wait)], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE) for first in (0, 1)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    endings = [writer.communicate(timeout=120)[0].split() for writer in writers]
    assert [ending[0] for ending in endings] == ["done", "done"]
    if wait:
        assert [int(ending[1]) for ending in endings] == [0, 0]
    with AlignmentsStore.open(path) as store:
        assert store.integrity() == []
        assert store.counts() == dict.fromkeys(range(120), 1)
        for frame, (face,) in store.iterate():
            assert (face.state, store.thumbnail(face.uuid)) == ("edited", b"jpeg%d" % frame)
            np.testing.assert_array_equal(face.landmarks, np.full((68, 2), frame + 1, np.float32))
        assert store.revision == 120
        edited = store._connection.execute("SELECT count(*) FROM history").fetchone()[0]
        assert edited == 120  # each edit has a revision of its own
        store.go_to(0)
        assert store.faces(7)[0].state == "machine"
