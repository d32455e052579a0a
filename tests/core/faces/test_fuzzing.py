"""Stores with anything in them: opening, reading and editing succeed, or fail with a named error."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.faces.nouns import Face, SourceInfo, StoredMask
from understudy.core.faces.store import AlignmentsStore, Found

from ..damage import cases, damaged, told

CLIP = SourceInfo("abc", "clip.mp4", 640, 360, "25/1", 100)


def landmarks(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(20, 300, (68, 2)).astype(np.float32)


def store_bytes(folder: Path) -> bytes:
    path = folder / "whole.db"
    with AlignmentsStore.create(path, CLIP) as store:
        for index in range(6):
            store.set_frame(index, f"clip_{index:06d}.mp4", "s")
            masks = [StoredMask("custom", np.tri(64, dtype=np.uint8), np.eye(2, 3))]
            face = store.put(Found(Face(index, (1, 2, 30, 40), landmarks(index)), b"jpeg",
                                   {"dlib": np.ones(128, np.float32)}, masks))
        store.edit_face(face.uuid, landmarks(9))
        store.set_persons({face.uuid: store.add_person("Anna")})
    return path.read_bytes()


HOSTILE_SQL = [
    "CREATE TRIGGER t AFTER UPDATE ON face BEGIN DELETE FROM face; END",
    "DROP TABLE face; CREATE VIEW face AS SELECT 1 AS uuid", "DROP TABLE mask", "ALTER TABLE face DROP COLUMN score",
    "UPDATE face SET landmarks = x'00'", "UPDATE face SET landmarks = 'text'", "UPDATE face SET x = 'wide'",
    "UPDATE face SET frame = frame + 0.5 WHERE frame = 3", "UPDATE face SET position = 'first'",
    "UPDATE mask SET size = 100000", "UPDATE mask SET pixels = zeroblob(1000)", "UPDATE mask SET matrix = x'00'",
    "UPDATE mask SET centering = 'nose'",
    "UPDATE meta SET value = 'x' WHERE key = 'length'", "DELETE FROM meta", "UPDATE identity SET vector = 'abc'",
    "UPDATE history SET before = '[', after = '[1]'", "UPDATE thumbnail SET jpeg = 7", "UPDATE person SET name = x'ff'",
    "UPDATE frame SET name = 5", "UPDATE meta SET value = 'x' WHERE key = 'revision'",
    "UPDATE person_history SET change = x'00'", "PRAGMA user_version = 1",
    "PRAGMA user_version = 99", "PRAGMA application_id = 0",
    "UPDATE face SET landmarks = (SELECT x'0000c07f' || zeroblob(540))",
]


def look_at_everything(opening: Callable[[Path], AlignmentsStore], path: Path) -> None:
    with opening(path) as store:
        store.require(CLIP)
        store.stats(), store.frames_seen(), store.frame_names(), store.video_meta(), store.people()
        store.identities("dlib")
        for index, faces in list(store.iterate()):
            assert store.faces(index, with_removed=True)
            for face in faces:
                store.mask(face.uuid, "custom"), store.packed_masks(face.uuid), store.identities_of(face.uuid)
                store.thumbnail(face.uuid), store.mask_kinds(face.uuid), store.identity(face.uuid, "dlib")
        if not store.is_readonly:
            for _, faces in list(store.iterate()):
                store.edit_face(faces[0].uuid, faces[0].landmarks + 1)
            store.go_to(0)
            store.set_persons({face.uuid: None for _, faces in store.iterate() for face in faces})


def check_store(path: Path) -> None:
    for opening in (AlignmentsStore.readonly, AlignmentsStore.open, lambda p: AlignmentsStore.create(p, CLIP)):
        told(lambda opening=opening: look_at_everything(opening, path), path)
    for backup in path.parent.glob("*_backup_*"):
        backup.unlink()


@pytest.mark.parametrize("sql", HOSTILE_SQL)
def test_a_store_with_other_contents(tmp_path, sql):
    path = tmp_path / "file.db"
    path.write_bytes(store_bytes(tmp_path))
    connection = sqlite3.connect(path)
    connection.executescript(sql)
    connection.close()
    check_store(path)


@pytest.mark.parametrize("number", [pytest.param(60, id="few"), pytest.param(2000, id="many", marks=pytest.mark.long)])
def test_stores(tmp_path, number):
    path = tmp_path / "file.db"
    whole = store_bytes(tmp_path)

    @cases(number)
    @given(st.one_of(damaged(whole), st.binary(max_size=200).map(lambda b: b"SQLite format 3\0" + b),
                     st.integers(0, 2**32 - 1).map(lambda seed: with_noise(whole, seed))))
    def check(data):
        for leftover in tmp_path.glob("file.db*"):
            leftover.unlink()
        path.write_bytes(data)
        check_store(path)

    check()


def with_noise(whole: bytes, seed: int) -> bytes:
    """A store with some bytes of some of its pages changed, its header left alone."""
    chance = random.Random(seed)
    data = bytearray(whole)
    for _ in range(chance.randint(1, 60)):
        data[chance.randrange(100, len(data))] = chance.randrange(256)
    return bytes(data)
