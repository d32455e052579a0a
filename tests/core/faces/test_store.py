"""The alignments store: nothing a person made is lost, whatever extraction, crashes and other writers do."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import AlignmentsError, OutputError
from understudy.core.faces import schema
from understudy.core.faces.matching import match, overlap
from understudy.core.faces.nouns import Face, SourceInfo, StoredMask
from understudy.core.faces.places import default_store
from understudy.core.faces.store import AlignmentsStore, Found

CLIP = SourceInfo("abc", "clip.mp4", 640, 360, "25/1", 100)


def landmarks(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 300, (68, 2)).astype(np.float32)


def found(x: float, seed: int = 0, y: float = 50) -> Found:
    face = Face(0, (x, y, 100, 100), landmarks(seed), "dlib", "dlib", 1.5)
    return Found(face, b"jpeg%d" % seed, {"dlib": np.full(128, seed, np.float32)})


@pytest.fixture
def store(tmp_path):
    with AlignmentsStore.create(tmp_path / "clip_alignments.db", CLIP) as opened:
        yield opened


def test_what_extraction_found_is_there_after_reopening(store):
    store.write_frame(3, "clip_000004", "s", [found(10, 1), found(300, 2)])
    store.write_frame(4, "clip_000005", "s")
    with AlignmentsStore.readonly(store.path, CLIP) as reader:
        first, second = reader.faces(3)
        np.testing.assert_array_equal(first.landmarks, landmarks(1))
        assert (first.box, first.position, second.position, first.detector) == ((10, 50, 100, 100), 0, 1, "dlib")
        assert reader.frames_seen() == reader.frames_seen("s") == {3, 4}
        assert reader.frames_seen("other settings") == set()
        assert reader.counts() == {3: 2}
        assert reader.thumbnail(second.uuid) == b"jpeg2"
        np.testing.assert_array_equal(reader.identity(first.uuid, "dlib"), np.full(128, 1, np.float32))
        uuids, vectors = reader.identities("dlib")
        assert uuids == [first.uuid, second.uuid]
        assert vectors.shape == (2, 128)
        assert reader.source == CLIP
        assert reader.integrity() == []
        assert reader.stats()["frames_with_several"] == 1


def test_masks_come_back_bit_for_bit(store):
    (face,) = store.write_frame(0, "f", "s", [found(0)])
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128), np.uint8)
    store.set_mask(face.uuid, StoredMask("bisenet", pixels, np.arange(6.0).reshape(2, 3)))
    back = store.mask(face.uuid, "bisenet")
    np.testing.assert_array_equal(back.pixels, pixels)
    np.testing.assert_array_equal(back.matrix, np.arange(6.0).reshape(2, 3))
    assert store.mask(face.uuid, "other") is None
    assert store.mask_kinds(face.uuid) == ["bisenet"]


def test_re_extraction_keeps_uuids_persons_and_all_that_a_person_did(store):
    faces = store.write_frame(0, "f", "old", [found(0, 1), found(150, 2), found(300, 3), found(450, 4)])
    anna = store.add_person("Anna")
    store.set_person(faces[0].uuid, anna)
    edited = store.edit_face(faces[1].uuid, landmarks(99))
    store.remove_face(faces[2].uuid)
    added = store.add_face(0, (0, 250, 100, 100), landmarks(98))
    # New settings: face 0 a little moved, 1 and 2 found again, 3 no longer, one where the person added, one new.
    now = store.write_frame(0, "f", "new", [found(5, 11), found(152, 12), found(303, 13), found(4, 14, 250),
                                            found(600, 15)])
    by_uuid = {f.uuid: f for f in now}
    assert {faces[0].uuid, edited.uuid, added.uuid} < set(by_uuid)
    assert len(now) == 4
    assert by_uuid[faces[0].uuid].person == anna
    np.testing.assert_array_equal(by_uuid[faces[0].uuid].landmarks, landmarks(11))
    np.testing.assert_array_equal(by_uuid[edited.uuid].landmarks, landmarks(99))
    np.testing.assert_array_equal(by_uuid[added.uuid].landmarks, landmarks(98))
    assert store.thumbnail(faces[0].uuid) == b"jpeg11"
    assert store.face(faces[2].uuid).state == "removed"
    assert store.face(faces[3].uuid) is None
    assert sum(f.box[0] == 600 for f in now) == 1
    assert store.integrity() == []


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(st.sampled_from("eraup"), st.integers(0, 5)), max_size=12), st.randoms())
def test_undo_and_redo_reach_every_revision_exactly(tmp_path_factory, steps, random):
    path = tmp_path_factory.mktemp("store") / "a.db"
    with AlignmentsStore.create(path, CLIP) as store:
        store.write_frame(0, "f", "s", [found(0, 1), found(200, 2), found(400, 3)])
        person = store.add_person("P")

        def state() -> list[tuple]:
            return sorted((f.uuid, f.state, f.person, f.position, f.revision, f.landmarks.tobytes())
                          for f in store.faces(0, with_removed=True))

        states = {store.revision: state()}
        for n, (kind, which) in enumerate(steps):
            faces = store.faces(0, with_removed=True)
            face = faces[which % len(faces)]
            if kind == "e":
                store.edit_face(face.uuid, landmarks(100 + n))
            elif kind == "r":
                store.remove_face(face.uuid)
            elif kind == "a":
                store.add_face(0, (n * 10, 0, 5, 5), landmarks(200 + n))
            elif kind == "p":
                store.set_person(face.uuid, person)
            elif kind == "u" and store.revision > 0:
                back = random.randrange(store.revision)
                store.go_to(back)
                states = {r: s for r, s in states.items() if r <= back}
            states[store.revision] = state()
        revisions = list(states)
        random.shuffle(revisions)
        for revision in revisions:
            store.go_to(revision)
            assert state() == states[revision]
        assert store.integrity() == []


def test_edits_of_one_session_are_one_revision_and_all_or_nothing(store):
    a, b = store.write_frame(0, "f", "s", [found(0, 1), found(200, 2)])
    with store.edit():
        store.edit_face(a.uuid, landmarks(5))
        store.edit_face(a.uuid, landmarks(6))
        store.remove_face(b.uuid)
    assert store.revision == 1

    def half_an_edit() -> None:
        with store.edit():
            store.edit_face(a.uuid, landmarks(7))
            store.remove_face("nobody")

    with pytest.raises(AlignmentsError, match="no face"):
        half_an_edit()
    assert store.revision == 1
    np.testing.assert_array_equal(store.face(a.uuid).landmarks, landmarks(6))
    assert set(store.go_to(0)) == {a.uuid, b.uuid}
    np.testing.assert_array_equal(store.face(a.uuid).landmarks, landmarks(1))
    with pytest.raises(AlignmentsError, match="revision 9"):
        store.go_to(9)


def test_a_face_is_as_the_machine_left_it_again_after_a_revert(store):
    (face,) = store.write_frame(0, "f", "s", [found(0, 1)])
    person = store.add_person("Anna")
    assert store.machine_face(face.uuid).landmarks.tobytes() == landmarks(1).tobytes()
    store.move_landmarks(face.uuid, landmarks(2))  # a job smoothed them: that, too, is the machine's
    store.edit_face(face.uuid, landmarks(3), (1, 2, 3, 4))
    store.set_person(face.uuid, person)
    store.edit_face(face.uuid, landmarks(4))
    reverted = store.revert_face(face.uuid)
    assert reverted.landmarks.tobytes() == landmarks(2).tobytes()
    assert (reverted.state, reverted.box, reverted.person) == ("machine", face.box, person)
    assert store.faces(0)[0].landmarks.tobytes() == landmarks(2).tobytes()
    before = store.revision
    assert store.revert_face(face.uuid).state == "machine"
    assert store.revision == before  # nothing to do, nothing to undo

    store.go_to(before - 1)
    assert store.faces(0)[0].landmarks.tobytes() == landmarks(4).tobytes()
    store.remove_face(face.uuid)
    assert store.revert_face(face.uuid).state == "machine"
    added = store.add_face(0, (200, 5, 9, 9), landmarks(5))
    store.edit_face(added.uuid, landmarks(6))
    assert store.machine_face(added.uuid) is None
    assert store.revert_face(added.uuid) is None
    assert [one.uuid for one in store.faces(0)] == [face.uuid]


def test_a_store_of_another_clip_is_refused_with_both_names(store):
    other = replace(CLIP, fingerprint="xyz", name="other.mp4", length=7)
    for opening in (AlignmentsStore.create, AlignmentsStore.open, AlignmentsStore.readonly):
        with pytest.raises(AlignmentsError, match=r"clip\.mp4.*other\.mp4"):
            opening(store.path, other)


def test_a_reader_never_waits_and_shows_what_it_knew(store):
    store.write_frame(0, "f", "s", [found(0, 1)])
    with AlignmentsStore.readonly(store.path) as reader:
        known = reader.faces(0)
        writer = sqlite3.connect(store.path, isolation_level=None)
        writer.execute("BEGIN EXCLUSIVE")
        begin = time.monotonic()
        for _ in range(250):
            assert [f.uuid for f in reader.faces(0)] == [f.uuid for f in known]
            assert reader.faces(1) == []
        assert time.monotonic() - begin < 10  # 500 waits of even 20 ms would not fit
        writer.execute("ROLLBACK")
        writer.close()
        reader.changed()
        assert not reader.changed()
        store.write_frame(1, "f", "s", [found(0, 2)])
        assert reader.changed()
        assert len(reader.faces(1)) == 1


def test_a_second_writer_hears_that_the_store_is_busy(store):
    with store.transaction(), AlignmentsStore.open(store.path, wait=0.01) as second, \
            pytest.raises(AlignmentsError, match="another job"):
        second.write_frame(0, "f", "s")


def test_a_reader_cannot_write(store):
    with AlignmentsStore.readonly(store.path) as reader, pytest.raises(OutputError):
        reader.write_frame(0, "f", "s")


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like a file of some kind" * 30,
                                     b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_or_foreign_file_says_what_to_do_and_stays(tmp_path, content):
    path = tmp_path / "a.db"
    path.write_bytes(content)
    for opening in (AlignmentsStore.open, AlignmentsStore.readonly, lambda p: AlignmentsStore.create(p, CLIP)):
        with pytest.raises(AlignmentsError, match=r"a\.db"):
            opening(path)
    assert path.read_bytes() == content


def test_another_programs_database_and_a_newer_version_are_refused(tmp_path, store):
    foreign = tmp_path / "x.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(AlignmentsError, match="not an alignments file"):
        AlignmentsStore.create(foreign, CLIP)
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(AlignmentsError, match="newer"):
        AlignmentsStore.open(store.path)


def test_a_full_disk_is_told_and_the_store_stays_sound(store):
    """SQLite's own page limit answers with the same code as a full disk."""
    store.write_frame(0, "f", "s", [found(0, 1)])
    store._connection.execute("PRAGMA max_page_count = 1")  # rounded up by SQLite to what is in use
    big = replace(found(0, 2), thumbnail=bytes(500_000))
    with pytest.raises(OutputError, match="disk is full"):
        store.write_frame(1, "f", "s", [big])
    assert store.frames_seen() == {0}
    assert store.integrity() == []


def test_damage_inside_is_found(store):
    for frame in range(60):
        store.write_frame(frame, "f", "s", [found(0, frame)])
    assert store.integrity() == []
    store.close()
    raw = bytearray(store.path.read_bytes())
    raw[8192:8192 + 4096] = os.urandom(4096)
    store.path.write_bytes(raw)
    with AlignmentsStore.open(store.path) as opened:
        assert opened.integrity() != []


def test_an_older_version_is_backed_up_and_brought_up_to_date(store, monkeypatch):
    (face,) = store.write_frame(0, "f", "s", [found(0, 1)])
    store.close()
    monkeypatch.setitem(schema.MIGRATIONS, schema.VERSION,
                        lambda c: c.execute("ALTER TABLE person ADD COLUMN colour TEXT"))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(AlignmentsError, match="older"):
        AlignmentsStore.readonly(store.path)
    with AlignmentsStore.open(store.path, CLIP) as opened:
        assert opened.faces(0)[0].uuid == face.uuid
        opened._connection.execute("SELECT colour FROM person")
    (backup,) = store.path.parent.glob("*_backup_*.db")
    with sqlite3.connect(backup) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION - 1,)


def test_a_failing_migration_leaves_the_old_version(store, monkeypatch):
    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE identity")
        connection.execute("SELECT nonsense")

    store.close()
    monkeypatch.setitem(schema.MIGRATIONS, schema.VERSION, fail)
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(AlignmentsError):
        AlignmentsStore.open(store.path)
    monkeypatch.undo()
    with AlignmentsStore.open(store.path) as opened:
        assert opened.identities("dlib")[0] == []


def test_missing_store_and_places_that_cannot_be_written(tmp_path):
    with pytest.raises(AlignmentsError, match="Run extract"):
        AlignmentsStore.open(tmp_path / "none.db")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        AlignmentsStore.create(tmp_path / "file" / "a.db", CLIP)


WRITE_FOREVER = """
import sys
import numpy as np
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.store import AlignmentsStore, Found
with AlignmentsStore.create(sys.argv[1], SourceInfo("abc", "clip.mp4", 640, 360, "25/1", 100)) as store:
    frame = 0
    while True:
        with store.transaction():
            for _ in range(4):
                face = Face(frame, (0, 0, 9, 9), np.zeros((68, 2), np.float32))
                store.write_frame(frame, "f", "s", [Found(face, bytes(3000))])
                frame += 1
        print(frame, flush=True)
"""


def test_kill_9_loses_no_committed_batch_and_half_of_none(tmp_path):
    """Killed at arbitrary moments, the file is sound, holds whole batches, and all that were told to be written."""
    path = tmp_path / "a.db"
    for pause in (0.0, 0.013, 0.031):
        worker = subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(path)], stdout=subprocess.PIPE, text=True)
        told = int(worker.stdout.readline())
        time.sleep(pause)
        worker.send_signal(signal.SIGKILL)
        rest = worker.stdout.read().split("\n")
        worker.wait()
        told = max([told, *(int(line) for line in rest[:-1])])
        with AlignmentsStore.open(path, CLIP) as store:
            assert store.integrity() == []
            assert len(store.frames_seen()) >= told
            assert len(store.frames_seen()) % 4 == 0
        path.unlink()


def test_backup_is_a_whole_store(store):
    store.write_frame(0, "f", "s", [found(0, 1)])
    copy = store.backup()
    assert copy.name.startswith("clip_alignments_backup_")
    with AlignmentsStore.readonly(copy, CLIP) as opened:
        assert len(opened.faces(0)) == 1
    assert sorted(p.suffix for p in store.path.parent.iterdir()) == [".db", ".db"]


def test_default_places(tmp_path):
    (tmp_path / "a.b.mp4").write_text("")
    (tmp_path / "shots").mkdir()
    assert default_store(tmp_path / "a.b.mp4") == tmp_path / "a.b_alignments.db"
    assert default_store(tmp_path / "shots") == tmp_path / "shots" / "alignments.db"
    assert default_store(tmp_path / "a.b.mp4", tmp_path / "blend") == tmp_path / "a.b_alignments.db"
    (tmp_path / "blend").mkdir()
    (tmp_path / "blend" / "shots_alignments.db").write_text("")
    assert default_store(tmp_path / "shots", tmp_path / "blend") == tmp_path / "blend" / "shots_alignments.db"


def test_overlap_and_matching():
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0
    assert match([(0, 0, 10, 10), (1, 0, 10, 10)], [(1, 0, 10, 10), (50, 0, 10, 10)]) == {1: 0}
