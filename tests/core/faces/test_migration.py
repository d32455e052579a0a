"""A store written by an older version, made here by that version's own SQL, opens as one of the present."""

from __future__ import annotations

import sqlite3
import zlib

import numpy as np
import pytest

from understudy.core.errors import AlignmentsError
from understudy.core.faces import schema
from understudy.core.faces.nouns import StoredMask
from understudy.core.faces.store import AlignmentsStore

VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE frame (idx INTEGER PRIMARY KEY, name TEXT NOT NULL, settings TEXT NOT NULL);
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE face (
    uuid TEXT PRIMARY KEY, frame INTEGER NOT NULL, position INTEGER NOT NULL,
    x REAL NOT NULL, y REAL NOT NULL, w REAL NOT NULL, h REAL NOT NULL,
    landmarks BLOB NOT NULL,
    detector TEXT NOT NULL, aligner TEXT NOT NULL, score REAL NOT NULL,
    person INTEGER REFERENCES person(id) ON DELETE SET NULL,
    state TEXT NOT NULL CHECK (state IN ('machine', 'edited', 'added', 'removed')),
    revision INTEGER NOT NULL,
    UNIQUE (frame, position)
);
CREATE TABLE thumbnail (face TEXT PRIMARY KEY REFERENCES face(uuid) ON DELETE CASCADE, jpeg BLOB NOT NULL);
CREATE TABLE mask (
    face TEXT NOT NULL REFERENCES face(uuid) ON DELETE CASCADE, kind TEXT NOT NULL,
    size INTEGER NOT NULL, matrix BLOB NOT NULL,
    pixels BLOB NOT NULL,
    PRIMARY KEY (face, kind)
);
CREATE TABLE identity (
    face TEXT NOT NULL REFERENCES face(uuid) ON DELETE CASCADE, kind TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (face, kind)
);
CREATE TABLE history (revision INTEGER NOT NULL, face TEXT NOT NULL, before TEXT, after TEXT,
                      PRIMARY KEY (revision, face));
PRAGMA application_id = 1431524441;
PRAGMA user_version = 1;
"""
POINTS = np.random.default_rng(1).uniform(0, 300, (2, 68, 2)).astype("<f4")
PIXELS = np.random.default_rng(2).integers(0, 256, (64, 64), np.uint8)
MATRIX = np.array([[0.5, -0.1, 7], [0.1, 0.5, -3]])


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "clip_alignments.db"
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1)
    connection.executemany("INSERT INTO meta VALUES (?, ?)", [
        ("schema", "1"), ("revision", "0"), ("fingerprint", "abc"), ("name", "clip.mp4"), ("width", "640"),
        ("height", "360"), ("rate", "25/1"), ("length", "100"), ("kind", "video")])
    connection.execute("INSERT INTO frame VALUES (4, 'clip_000004.mp4', 's')")
    connection.execute("INSERT INTO person VALUES (1, 'Anna')")
    for position, state in enumerate(("machine", "removed")):
        connection.execute("INSERT INTO face VALUES (?, 4, ?, 1, 2, 30, 40, ?, 'dlib', 'dlib', 0.5, 1, ?, 0)",
                           (f"{position:032x}", position, POINTS[position].tobytes(), state))
    connection.execute("INSERT INTO thumbnail VALUES (?, ?)", (f"{0:032x}", b"jpeg"))
    connection.execute("INSERT INTO mask VALUES (?, 'bisenet-fp', 64, ?, ?)",
                       (f"{0:032x}", MATRIX.astype("<f8").tobytes(), zlib.compress(PIXELS.tobytes())))
    connection.execute("INSERT INTO identity VALUES (?, 'dlib', ?)", (f"{0:032x}", np.ones(128, "<f4").tobytes()))
    connection.commit()
    connection.close()
    return path


def test_a_store_of_version_1_keeps_everything_and_gains_what_version_2_holds(old):
    with pytest.raises(AlignmentsError, match="older"):
        AlignmentsStore.readonly(old)
    with AlignmentsStore.open(old) as store:
        (face,) = store.faces(4)
        assert (face.uuid, face.box, face.person, store.people()) == (f"{0:032x}", (1, 2, 30, 40), 1, {1: "Anna"})
        np.testing.assert_array_equal(face.landmarks, POINTS[0])
        assert store.faces(4, with_removed=True)[1].state == "removed"
        assert store.thumbnail(face.uuid) == b"jpeg"
        mask = store.mask(face.uuid, "bisenet-fp")
        np.testing.assert_array_equal(mask.pixels, PIXELS)
        np.testing.assert_array_equal(mask.matrix, MATRIX)
        assert (mask.centering, mask.interpolator) == ("head", 1)  # version 1 cut masks from head-centred crops only
        assert store.frame_names() == {4: "clip_000004.mp4"}
        assert store.video_meta() == {}
        store.set_video_meta(4, 2048, True)
        assert store.video_meta() == {4: (2048, True)}
        store.set_mask(face.uuid, StoredMask("custom", PIXELS, MATRIX, "legacy", 3))
        assert store.mask(face.uuid, "custom").centering == "legacy"
        store.remove_face(face.uuid)
        assert store.stats()["removed"] == 2
        assert store.integrity() == []
    (backup,) = old.parent.glob("*_backup_*.db")
    with sqlite3.connect(backup) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_migrated_store_is_laid_out_as_a_new_one(old, tmp_path):
    def layout(path):
        with sqlite3.connect(path) as connection:
            names = connection.execute("SELECT type, name FROM sqlite_master ORDER BY name").fetchall()
            columns = {name: sorted(row[1:4] for row in connection.execute(f"PRAGMA table_info({name})"))
                       for kind, name in names if kind == "table"}
        return names, columns

    with AlignmentsStore.open(old) as store:
        source = store.source
    AlignmentsStore.create(tmp_path / "new.db", source).close()
    assert layout(old) == layout(tmp_path / "new.db")


def test_every_version_has_its_way_to_the_next():
    assert sorted(schema.MIGRATIONS) == list(range(1, schema.VERSION))
