"""How an alignments store looks inside: tables, versions, and SQLite's failures in words (stdlib; both sides).

`docs/architecture.md` has the road there; the tables' columns are named after the fields in `nouns`.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from ..errors import AlignmentsError, OutputError
from .journalling import drop_strange_log, is_at_rest

VERSION = 2
APPLICATION_ID = 0x55535459  # "USTY", in the file's header: tells our stores from other SQLite files
PAGE_SIZE = 8192  # thumbnails, masks and identities of some 2 KB each fill it better than SQLite's own 4096
LARGEST_VALUE = 64 * 1024 * 1024  # bytes; the largest mask has a quarter of that before it is packed

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- A row for every frame that was looked at, also where no face was found (`settings`: with what).
CREATE TABLE frame (
    idx INTEGER PRIMARY KEY, name TEXT NOT NULL, settings TEXT NOT NULL,
    pts INTEGER, keyframe INTEGER  -- of the video's packet, where another tool's file said so
);
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE face (
    uuid TEXT PRIMARY KEY, frame INTEGER NOT NULL, position INTEGER NOT NULL,
    x REAL NOT NULL, y REAL NOT NULL, w REAL NOT NULL, h REAL NOT NULL,
    landmarks BLOB NOT NULL,  -- 68 x 2 little-endian float32
    detector TEXT NOT NULL, aligner TEXT NOT NULL, score REAL NOT NULL,
    person INTEGER REFERENCES person(id) ON DELETE SET NULL,
    state TEXT NOT NULL CHECK (state IN ('machine', 'edited', 'added', 'removed')),
    revision INTEGER NOT NULL,
    UNIQUE (frame, position)
);
CREATE TABLE thumbnail (face TEXT PRIMARY KEY REFERENCES face(uuid) ON DELETE CASCADE, jpeg BLOB NOT NULL);
CREATE TABLE mask (
    face TEXT NOT NULL REFERENCES face(uuid) ON DELETE CASCADE, kind TEXT NOT NULL,
    size INTEGER NOT NULL, matrix BLOB NOT NULL,  -- 2 x 3 little-endian float64, frame -> mask
    pixels BLOB NOT NULL,  -- zlib of size x size uint8
    centering TEXT NOT NULL DEFAULT 'face', interpolator INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (face, kind)
);
CREATE TABLE identity (
    face TEXT NOT NULL REFERENCES face(uuid) ON DELETE CASCADE, kind TEXT NOT NULL,
    vector BLOB NOT NULL,  -- little-endian float32
    PRIMARY KEY (face, kind)
);
-- One row per face that an edit touched: its row before and after as JSON, NULL where it did not exist.
CREATE TABLE history (revision INTEGER NOT NULL, face TEXT NOT NULL, before TEXT, after TEXT,
                      PRIMARY KEY (revision, face));
"""
PERSON_TABLES = """
-- Faces of which a person said whose they are (or nobody's): no machine changes that.
CREATE TABLE chosen (face TEXT PRIMARY KEY REFERENCES face(uuid) ON DELETE CASCADE) WITHOUT ROWID;
-- What an edit did to persons: zlib of JSON, {"name": [id, before, after]} or {"faces": [[uuid, before, after] ...]}.
CREATE TABLE person_history (step INTEGER PRIMARY KEY, revision INTEGER NOT NULL, change BLOB NOT NULL);
"""
TABLES += PERSON_TABLES

# Small ones that answer what is asked all the time without reading the faces themselves: how many faces each frame
# has, how many a person touched, whose faces are whose.
INDEXES = """
CREATE INDEX face_present ON face (frame, state) WHERE state != 'removed';
CREATE INDEX face_touched ON face (state) WHERE state != 'machine';
CREATE INDEX face_person ON face (person) WHERE person IS NOT NULL;
"""


def _to_2(connection: sqlite3.Connection) -> None:
    """Masks say which crop they cover, frames where their packet is, persons have a history; counting is quick."""
    for column in ("pts INTEGER", "keyframe INTEGER"):
        connection.execute(f"ALTER TABLE frame ADD COLUMN {column}")
    for column in ("centering TEXT NOT NULL DEFAULT 'face'", "interpolator INTEGER NOT NULL DEFAULT 1"):
        connection.execute(f"ALTER TABLE mask ADD COLUMN {column}")
    connection.execute("UPDATE mask SET centering = 'head'")  # version 1 knew no other crop
    _execute_all(connection, PERSON_TABLES + INDEXES)


# From version n to n + 1: statements run on the writer's connection, inside one transaction, after a backup.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _to_2}


def _execute_all(connection: sqlite3.Connection, script: str) -> None:
    # Not `executescript`, which commits the open transaction.
    for statement in script.split(";"):
        if statement.strip():
            connection.execute(statement)


def connect(path: Path, *, readonly: bool, wait: float) -> sqlite3.Connection:
    """Open an existing file in the wanted mode; `wait` is how long a lock is waited for, in seconds."""
    mode = "rw"
    if readonly and not _writable(path):
        # Where nothing can be put beside it, a file in the log's mode opens only as one that never changes.
        mode = "ro&immutable=1" if is_at_rest(path) else "ro"
    else:
        drop_strange_log(path)
    # A reader opens for writing too where it can: after a crash the first one to come must roll the journal back.
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        # The file may come from anybody: nothing in its schema may call functions, no value may fill the memory.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
        # One wait for the disk less than FULL. A killed process loses nothing either way; a power cut in the middle of
        # a commit is rolled back by the journal, whose pages have checksums.
        connection.execute("PRAGMA synchronous = NORMAL")
        if readonly:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _writable(path: Path) -> bool:
    try:
        with path.open("r+b"):
            return os.access(path.parent, os.W_OK)
    except OSError:
        return False


def prepare(connection: sqlite3.Connection, meta: dict[str, str]) -> None:
    """Lay out a new store in one transaction; does nothing where another process was faster."""
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            connection.execute("ROLLBACK")
            return
        _execute_all(connection, TABLES + INDEXES)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        rows = {"schema": str(VERSION), "revision": "0", **meta}
        connection.executemany("INSERT INTO meta VALUES (?, ?)", rows.items())
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of an open file.

    Raises:
        AlignmentsError: if the file is no store of ours, or of a newer version.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID or version < 1:
        raise AlignmentsError(f"{path} is not an alignments file of Understudy", "Name another alignments file")
    if version > VERSION:
        raise AlignmentsError(f"{path} was written by a newer Understudy", "Update Understudy to open it")
    return version


def check_layout(connection: sqlite3.Connection, path: Path) -> None:
    """Make sure that a file of the present version has the tables and columns it needs, and nothing that acts.

    Raises:
        AlignmentsError: naming what is wrong.
    """
    kinds = dict(connection.execute("SELECT name, type FROM sqlite_master"))
    acting = sorted(str(name) for name, kind in kinds.items() if kind not in ("table", "index"))
    if acting:
        raise damaged(path, f"it holds {', '.join(acting[:3])}, which is neither table nor index")
    for table, columns in _columns().items():
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if kinds.get(table) != "table" or not columns <= there:
            raise damaged(path, f"its table {table} is missing or lacks columns")


@lru_cache(maxsize=1)
def _columns() -> dict[str, frozenset[str]]:
    connection = sqlite3.connect(":memory:")
    _execute_all(connection, TABLES)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: frozenset(row[1] for row in connection.execute(f"PRAGMA table_info({name})")) for name in tables}
    connection.close()
    return found


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring an open store from `version` to the present one, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in range(version, VERSION):
            MIGRATIONS[step](connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(VERSION),))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_busy(error: sqlite3.Error) -> bool:
    """Somebody else holds the lock that was needed."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turn SQLite's failures into errors for people.

    Raises:
        OutputError: disk full, read-only place.
        AlignmentsError: locked by another job, missing, damaged.
    """
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite's own message quotes damaged bytes
        raise damaged(path, error) from error
    except sqlite3.Error as error:
        code = _code(error)
        if is_busy(error):
            raise AlignmentsError(f"{path} is being written by another job",
                                  "Wait for it to end, or stop it") from error
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _disk_is_full(path)):
            raise OutputError(f"The disk is full: {path}", "Free some space; running the same command again "
                              "continues where it stopped") from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            raise OutputError(f"May not write to {path}", "Choose an alignments file in a folder that you can "
                              "write to") from error
        if code == sqlite3.SQLITE_CANTOPEN:
            raise AlignmentsError(f"Cannot open {path}", "Check that it is a file you may read and write, or name "
                                  "another alignments file") from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or isinstance(error, sqlite3.DatabaseError):
            raise damaged(path, error) from error
        raise


def damaged(path: Path, why: object) -> AlignmentsError:
    """The error for a file that is a store of ours by its header and not by what is in it."""
    return AlignmentsError(f"The alignments file {path} is damaged ({why})", "Put back a backup (the files beside it "
                           "with _backup_ in their names), or move it away and extract again")


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn values in a store that cannot be what they should be into `AlignmentsError`."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError, zlib.error) as error:
        raise damaged(path, error) from error


def _disk_is_full(path: Path) -> bool:
    import shutil

    try:
        return shutil.disk_usage(path.parent).free < 64 * 1024
    except OSError:
        return False
