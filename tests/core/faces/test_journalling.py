"""Sessions of edits: saved quickly, whole after a kill, and one plain file when they end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from understudy.core.faces import journalling
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.store import AlignmentsStore, Found

CLIP = SourceInfo("abc", "clip.mp4", 640, 360, "25/1", 100)
POINTS = np.zeros((68, 2), np.float32)


@pytest.fixture
def path(tmp_path):
    with AlignmentsStore.create(tmp_path / "a.db", CLIP) as store, store.transaction():
        for frame in range(20):
            store.put(Found(Face(frame, (0, 0, 9, 9), POINTS)))
    return tmp_path / "a.db"


def mode(path) -> bytes:
    return path.read_bytes()[18:20]


def edit(store: AlignmentsStore, frames) -> None:
    for frame in frames:
        store.edit_face(store.faces(frame)[0].uuid, POINTS + frame + 1)


def edited(path) -> list[int]:
    with AlignmentsStore.readonly(path) as store:
        return [frame for frame, (face,) in store.iterate() if (face.landmarks == POINTS + frame + 1).all()]


def test_a_session_ends_with_one_plain_file(path):
    with AlignmentsStore.open(path) as store:
        edit(store, range(5))
        assert store._is_logged
        assert edited(path) == list(range(5))  # others see each edit as soon as it is saved
        with AlignmentsStore.readonly(store.backup()) as backup:
            assert backup.revision == 5
    assert mode(path) == b"\1\1"
    assert not [p.name for p in path.parent.iterdir() if p.name.startswith("a.db-")]
    assert edited(path) == list(range(5))


def test_one_edit_and_extraction_keep_the_journal(path):
    with AlignmentsStore.open(path) as store:
        edit(store, [3])
        for frame in range(5, 9):
            store.write_frame(frame, "f", "s")
        assert not store._is_logged
        assert mode(path) == b"\1\1"


def test_a_copy_made_while_a_reader_stays_open_holds_every_edit(path, tmp_path):
    with AlignmentsStore.readonly(path) as reader:
        with AlignmentsStore.open(path) as store:
            edit(store, range(5))
            assert reader.faces(2)[0].landmarks[0, 0] == 3
        shutil.copy(path, tmp_path / "copy.db")
        assert edited(tmp_path / "copy.db") == list(range(5))
    with AlignmentsStore.open(path) as store:
        assert edited(path) == list(range(5))
    assert mode(path) == b"\1\1"  # the next writer to close it brings the journal back
    assert not [p.name for p in path.parent.iterdir() if p.name.startswith("a.db-")]


SESSION = """
import sys
import numpy as np
from understudy.core.faces.store import AlignmentsStore
with AlignmentsStore.open(sys.argv[1]) as store:
    for frame in range(20):
        store.edit_face(store.faces(frame)[0].uuid, np.full((68, 2), frame + 1, np.float32))
        print(frame, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("told", [1, 2, 7, 20])
def test_a_killed_session_loses_no_saved_edit(path, told):
    session = subprocess.Popen([sys.executable, "-c", SESSION, str(path)], stdout=subprocess.PIPE,
                               stdin=subprocess.PIPE, text=True)
    for _ in range(told):
        session.stdout.readline()
    session.send_signal(signal.SIGKILL)
    session.communicate()
    with AlignmentsStore.open(path) as store:
        assert store.integrity() == []
        assert store.revision >= told
    assert edited(path)[:told] == list(range(told))
    assert mode(path) == b"\1\1"


def test_a_backup_put_back_after_a_kill_is_what_it_was(path):
    """The log that the killed session left belongs to the file that the backup replaces."""
    with AlignmentsStore.open(path) as store:
        edit(store, [15])
        backup = store.backup()
    session = subprocess.Popen([sys.executable, "-c", SESSION, str(path)], stdout=subprocess.PIPE,
                               stdin=subprocess.PIPE, text=True)
    for _ in range(20):
        session.stdout.readline()
    session.send_signal(signal.SIGKILL)
    session.communicate()
    assert path.with_name("a.db-wal").stat().st_size
    shutil.copy(backup, path)
    with AlignmentsStore.open(path) as store:
        assert store.revision == 1
        edit(store, [0, 1])
        assert store._is_logged
        assert edited(path) == [0, 1, 15]
        assert store.integrity() == []
    assert edited(path) == [0, 1, 15]
    assert not [p.name for p in path.parent.iterdir() if p.name.startswith("a.db-")]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a place that may not be written")
def test_a_file_left_in_the_logs_mode_is_read_where_nothing_can_be_written(path):
    check_read_only_place(path)


def test_a_file_left_in_the_logs_mode_is_read_as_one_that_never_changes(path, monkeypatch):
    """As above for those who may write everywhere: the place is only said to be read-only."""
    monkeypatch.setattr("understudy.core.faces.schema._writable", lambda path: False)
    check_read_only_place(path)
    assert not [p.name for p in path.parent.iterdir() if p.name.startswith("a.db-")]


def check_read_only_place(path) -> None:
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert mode(path) == b"\2\2"
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        with AlignmentsStore.readonly(path) as store:
            assert len(store.counts()) == 20
    finally:
        path.parent.chmod(0o755)
        path.chmod(0o644)


def test_on_a_network_drive_the_journal_stays(path, monkeypatch):
    monkeypatch.setattr(journalling, "is_local", lambda path: False)
    with AlignmentsStore.open(path) as store:
        edit(store, range(5))
        assert not store._is_logged
    assert edited(path) == list(range(5))


@pytest.mark.skipif(not os.path.exists("/proc/self/mounts"), reason="asks Linux")
def test_mounts_tell_what_is_on_a_network(tmp_path, monkeypatch):
    assert journalling.is_local(tmp_path / "a.db")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nnas:/films {tmp_path} nfs4 rw 0 0\n"
                      f"/dev/sdb {tmp_path}/local ext4 rw 0 0\n")
    real = open
    monkeypatch.setattr("builtins.open", lambda name, *a, **k: real(mounts if name == "/proc/self/mounts" else name,
                                                                    *a, **k))
    assert not journalling.is_local(tmp_path / "shot" / "a.db")
    assert journalling.is_local(tmp_path / "local" / "a.db")
    assert journalling.is_local(tmp_path.parent / "a.db")
