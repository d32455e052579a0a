"""How a store's file is kept safe while it is written: SQLite's rollback journal, or its log while a person edits.

The rollback journal leaves one plain file between any two transactions, which is what people copy, but a commit waits
for the disk three times (old pages, the folder that names the journal, new pages). The write-ahead log waits once; it
lives beside the file while a session of edits lasts, and is folded into it at the end, or by whoever opens the file
next if the session is killed. (Stdlib.)
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

_NETWORK = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "fuse.rclone", "afs", "ceph", "glusterfs", "lustre")
_PATIENCE = 200  # milliseconds in which other connections may come to rest


def is_logged(connection: sqlite3.Connection) -> bool:
    """Whether the file is in the log's mode now, perhaps since a session that was killed."""
    return connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def use_log(connection: sqlite3.Connection, path: Path) -> bool:
    """Change to the log where that is possible; returns whether it is in use.

    It needs memory that all its users share: on a network drive, whose users may be elsewhere, the journal stays.
    """
    if not is_local(path):
        return False
    try:
        if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            return False
        connection.execute("PRAGMA synchronous = FULL")  # a saved edit stays saved when the power goes
    except sqlite3.Error:
        return False  # somebody is reading just now; the journal does, too
    return True


def fold_log(connection: sqlite3.Connection) -> None:
    """Bring everything into the one file again; where others have it open, at least its contents."""
    try:
        connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error:
        pass  # the last to close it does it


def is_at_rest(path: Path) -> bool:
    """Whether a file is in the log's mode and has no log: nobody has it open, and all is in it."""
    return _versions(path) == b"\2\2" and not _log(path).exists()


def drop_strange_log(path: Path) -> None:
    """Remove the log of a killed session from beside a file that a backup has replaced since.

    SQLite would take it for this file's and play its pages into it. A file whose own log is there is in the log's mode.
    """
    if _log(path).exists() and _versions(path) == b"\1\1":
        with suppress(OSError):
            _log(path).unlink()


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _versions(path: Path) -> bytes:
    """The database's write and read versions: 1 for the journal, 2 for the log (SQLite's file format, 1.3.3)."""
    try:
        with path.open("rb") as file:
            return file.read(20)[18:]
    except OSError:
        return b""  # opening it says why


def is_local(path: Path) -> bool:
    """Whether a file is on a disk of this computer, as far as the system tells."""
    if os.name == "nt":
        return not str(path.resolve()).startswith("\\\\")
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
            mounts = [line.split()[1:3] for line in file]
    except OSError:
        return True
    place = str(path.resolve())
    holding = [(mount, kind) for mount, kind in mounts if place.startswith(mount.rstrip("/") + "/")]
    return not holding or not max(holding, key=lambda pair: len(pair[0]))[1].startswith(_NETWORK)
