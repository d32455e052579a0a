"""The alignments store: one SQLite file per source (stdlib + numpy; both sides import it).

Rollback journal, one writer at a time. A worker writes short transactions; Blender's side reads with `readonly`, which
never waits for a lock: while somebody writes, it shows what it knew last.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AlignmentsError, writing
from . import schema
from .history import FACE_COLUMNS, History, face_row
from .matching import match
from .nouns import Face, SourceInfo, StoredMask

_SELECT = f"SELECT {', '.join(FACE_COLUMNS)} FROM face"
_REMEMBERED = 512  # answers that a reader keeps for the moments in which it may not read


@dataclass(frozen=True, eq=False)
class Found:
    """What extraction has to say of one face: the face itself and all that goes with it.

    Attributes:
        thumbnail: JPEG, 96 px, head-centred.
        identities: kind -> float32 vector.
        masks: made by networks; landmark masks are drawn when needed and never stored.
    """

    face: Face
    thumbnail: bytes = b""
    identities: Mapping[str, np.ndarray] = field(default_factory=dict)
    masks: Sequence[StoredMask] = ()


class AlignmentsStore(History):
    """An open store; a context manager. Make one with `create`, `open` or `readonly`.

    Methods raise `AlignmentsError` (locked by another writer, damaged, missing) and `OutputError` (disk full,
    read-only place) and leave the file as it was.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, readonly: bool) -> None:
        self._connection, self.path, self.is_readonly = connection, path, readonly
        self._depth = 0
        self._known: OrderedDict[tuple[Any, ...], list[tuple[Any, ...]]] = OrderedDict()
        self._data_version = -1

    # Opening and closing

    @classmethod
    def create(cls, path: Path | str, source: SourceInfo, wait: float = 10.0) -> AlignmentsStore:
        """Open the store of `source` for writing; it is made when it is not there.

        Raises:
            AlignmentsError: if the file belongs to another clip, is damaged, or is no store.
            OutputError: if it cannot be written there.
        """
        path = Path(path).absolute()
        if not path.exists() or path.stat().st_size == 0:
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            meta = {"fingerprint": source.fingerprint, "name": source.name, "width": str(source.width),
                    "height": str(source.height), "rate": source.rate, "length": str(source.length),
                    "kind": source.kind}
            with schema.telling(path):
                connection = schema.connect(path, readonly=False, wait=wait)
                try:
                    schema.prepare(connection, meta)
                finally:
                    connection.close()
        return cls.open(path, source, wait)

    @classmethod
    def open(cls, path: Path | str, source: SourceInfo | None = None, wait: float = 10.0) -> AlignmentsStore:
        """Open an existing store for writing; one of an older version is backed up and brought up to date.

        Args:
            source: which clip it must belong to; None: any.
            wait: seconds to wait for another writer's transaction.
        """
        store = cls._connected(path, readonly=False, wait=wait)
        try:
            with schema.telling(store.path):
                version = schema.version_of(store._connection, store.path)
                if version < schema.VERSION:
                    store.backup()
                    schema.migrate(store._connection, version)
            if source is not None:
                store.require(source)
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def readonly(cls, path: Path | str, source: SourceInfo | None = None) -> AlignmentsStore:
        """Open an existing store for reading, without ever waiting for a writer."""
        store = cls._connected(path, readonly=True, wait=0.02)  # a commit takes a moment; draw calls come later
        try:
            with schema.telling(store.path):
                version = schema.version_of(store._connection, store.path)
                store._connection.execute("PRAGMA busy_timeout = 0")
            if version < schema.VERSION:
                raise AlignmentsError(f"{store.path} was written by an older Understudy",
                                      "Run extract on its clip once to bring it up to date")
            if source is not None:
                store.require(source)
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def _connected(cls, path: Path | str, readonly: bool, wait: float) -> AlignmentsStore:
        path = Path(path).absolute()
        if not path.is_file():
            raise AlignmentsError(f"There are no alignments at {path}", "Run extract on the clip first, or name its "
                                  "alignments file")
        with schema.telling(path):
            return cls(schema.connect(path, readonly=readonly, wait=wait), path, readonly)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> AlignmentsStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def require(self, source: SourceInfo) -> None:
        """Make sure that the store belongs to `source`.

        Raises:
            AlignmentsError: naming both clips.
        """
        mine = self.source
        if mine.fingerprint != source.fingerprint:
            raise AlignmentsError(
                f"{self.path} holds the alignments of another clip: {mine.name}, {mine.length} frames of "
                f"{mine.width}x{mine.height} (this one: {source.name}, {source.length} of "
                f"{source.width}x{source.height})",
                "Name another alignments file, or move this one away if the clip was replaced on purpose")

    # Reading

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        key = (sql, *parameters)
        try:
            rows = self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            if self.is_readonly and schema.is_busy(error):
                return self._known.get(key, [])
            with schema.telling(self.path):
                raise
        if self.is_readonly:
            self._known[key] = rows
            self._known.move_to_end(key)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return rows

    @property
    def source(self) -> SourceInfo:
        """The clip that the store belongs to."""
        meta = dict(self._rows("SELECT key, value FROM meta"))
        try:
            return SourceInfo(meta["fingerprint"], meta["name"], int(meta["width"]), int(meta["height"]),
                              meta["rate"], int(meta["length"]), meta["kind"])
        except (KeyError, ValueError) as error:
            raise AlignmentsError(f"The alignments file {self.path} does not say which clip it belongs to",
                                  "Try again if a job has just begun to write it; otherwise move it away and extract "
                                  "again") from error

    def changed(self) -> bool:
        """Whether another connection has written since this was last asked; cheap enough for a timer."""
        rows = self._rows("PRAGMA data_version")
        version = rows[0][0] if rows else self._data_version
        changed = version != self._data_version
        self._data_version = version
        return changed

    def face(self, uuid: str) -> Face | None:
        """One face, also a removed one."""
        rows = self._rows(f"{_SELECT} WHERE uuid = ?", (uuid,))
        return _face(rows[0]) if rows else None

    def faces(self, frame: int, with_removed: bool = False) -> list[Face]:
        """The faces of a frame, by position."""
        faces = [_face(row) for row in self._rows(f"{_SELECT} WHERE frame = ? ORDER BY position", (frame,))]
        return [f for f in faces if with_removed or f.state != "removed"]

    def iterate(self, frames: Iterable[int] | None = None) -> Iterator[tuple[int, list[Face]]]:
        """(frame, its faces) for every frame with faces, ascending; `frames` limits which."""
        wanted = None if frames is None else set(frames)
        for frame in self.frames_with_faces():
            if wanted is None or frame in wanted:
                yield frame, self.faces(frame)

    def frames_seen(self, settings: str | None = None) -> set[int]:
        """Frames that extraction looked at, with or without faces; `settings` limits to those of that setting."""
        if settings is None:
            return {row[0] for row in self._rows("SELECT idx FROM frame")}
        return {row[0] for row in self._rows("SELECT idx FROM frame WHERE settings = ?", (settings,))}

    def frame_names(self) -> dict[int, str]:
        """Name of each frame seen, as `core.media` gives it."""
        return dict(self._rows("SELECT idx, name FROM frame ORDER BY idx"))

    def frames_with_faces(self) -> list[int]:
        return list(self.counts())

    def counts(self) -> dict[int, int]:
        """Frame -> number of faces, ascending, for frames that have any."""
        return dict(self._rows("SELECT frame, count(*) FROM face WHERE state != 'removed' GROUP BY frame "
                               "ORDER BY frame"))

    def stats(self) -> dict[str, int]:
        """Counts: frames_seen, frames_with_faces, frames_with_several, faces, machine, edited, added, removed."""
        states = dict(self._rows("SELECT state, count(*) FROM face GROUP BY state"))
        counts = self.counts()
        seen = self._rows("SELECT count(*) FROM frame")
        return {"frames_seen": seen[0][0] if seen else 0, "frames_with_faces": len(counts),
                "frames_with_several": sum(n > 1 for n in counts.values()), "faces": sum(counts.values()),
                **{state: states.get(state, 0) for state in ("machine", "edited", "added", "removed")}}

    def thumbnail(self, uuid: str) -> bytes | None:
        """JPEG, 96 px, head-centred."""
        rows = self._rows("SELECT jpeg FROM thumbnail WHERE face = ?", (uuid,))
        return rows[0][0] if rows else None

    def identity(self, uuid: str, kind: str) -> np.ndarray | None:
        """A face's identity vector, float32 [D]."""
        rows = self._rows("SELECT vector FROM identity WHERE face = ? AND kind = ?", (uuid, kind))
        return np.frombuffer(rows[0][0], "<f4") if rows else None

    def identities(self, kind: str) -> tuple[list[str], np.ndarray]:
        """All identity vectors of one kind, removed faces left out: uuids and float32 [N, D]."""
        rows = self._rows("SELECT face, vector FROM identity JOIN face ON face.uuid = identity.face WHERE kind = ? "
                          "AND state != 'removed' ORDER BY frame, position", (kind,))
        vectors = [np.frombuffer(row[1], "<f4") for row in rows]
        return [row[0] for row in rows], np.stack(vectors) if vectors else np.zeros((0, 0), np.float32)

    def mask(self, uuid: str, kind: str) -> StoredMask | None:
        rows = self._rows("SELECT size, matrix, pixels FROM mask WHERE face = ? AND kind = ?", (uuid, kind))
        if not rows:
            return None
        size, matrix, packed = rows[0]
        pixels = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(size, size)
        return StoredMask(kind, pixels, np.frombuffer(matrix, "<f8").reshape(2, 3))

    def mask_kinds(self, uuid: str) -> list[str]:
        return [row[0] for row in self._rows("SELECT kind FROM mask WHERE face = ? ORDER BY kind", (uuid,))]

    def people(self) -> dict[int, str]:
        return dict(self._rows("SELECT id, name FROM person ORDER BY id"))

    # Writing

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nests."""
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        with schema.telling(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    def _execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        with self.transaction():
            self._connection.execute(sql, parameters)

    def write_frame(self, frame: int, name: str, settings: str, found: Sequence[Found] = ()) -> list[Face]:
        """Record what extraction found in a frame, which may be nothing.

        Faces that a person edited, added or removed stay exactly as they are, and a detection that overlaps one of
        them is dropped. A face found before keeps its uuid, position and person; one no longer found goes.

        Args:
            name: the frame's name, as `core.media` gives it.
            settings: a word for how it was looked at; a later run skips frames seen with the same.

        Returns:
            the frame's faces as they now stand.
        """
        with self.transaction():
            known = self.faces(frame, with_removed=True)
            pairs = match([f.face.box for f in found], [k.box for k in known])
            gone = [k for j, k in enumerate(known) if k.state == "machine" and j not in pairs.values()]
            for face in gone:
                self._connection.execute("DELETE FROM face WHERE uuid = ?", (face.uuid,))
            for i, new in enumerate(found):
                old = known[pairs[i]] if i in pairs else None
                self._write_found(new, frame, old)
            self._connection.execute("INSERT OR REPLACE INTO frame VALUES (?, ?, ?)", (frame, name, settings))
            return self.faces(frame)

    def _write_found(self, found: Found, frame: int, old: Face | None) -> None:
        face = replace(found.face, frame=frame)
        if old is not None and old.state != "machine":
            if old.state != "removed" and found.thumbnail and self.thumbnail(old.uuid) is None:
                self.set_thumbnail(old.uuid, found.thumbnail)
            return
        if old is not None:
            face = replace(face, uuid=old.uuid, position=old.position, person=old.person, revision=old.revision)
            self._connection.execute("DELETE FROM mask WHERE face = ?", (face.uuid,))
            self._connection.execute("DELETE FROM identity WHERE face = ?", (face.uuid,))
        self._put(face_row(face))
        if found.thumbnail:
            self.set_thumbnail(face.uuid, found.thumbnail)
        for kind, vector in found.identities.items():
            self.set_identity(face.uuid, kind, vector)
        for mask in found.masks:
            self.set_mask(face.uuid, mask)

    def set_thumbnail(self, uuid: str, jpeg: bytes) -> None:
        self._execute("INSERT OR REPLACE INTO thumbnail VALUES (?, ?)", (uuid, jpeg))

    def set_identity(self, uuid: str, kind: str, vector: np.ndarray) -> None:
        self._execute("INSERT OR REPLACE INTO identity VALUES (?, ?, ?)",
                      (uuid, kind, np.asarray(vector, "<f4").tobytes()))

    def set_mask(self, uuid: str, mask: StoredMask) -> None:
        """Store a mask, in the place of one of the same kind."""
        size = mask.pixels.shape[0]
        if mask.pixels.shape != (size, size) or mask.pixels.dtype != np.uint8:
            raise ValueError("a stored mask is a square of uint8")
        self._execute("INSERT OR REPLACE INTO mask VALUES (?, ?, ?, ?, ?)",
                      (uuid, mask.kind, size, np.asarray(mask.matrix, "<f8").tobytes(),
                       zlib.compress(mask.pixels.tobytes(), 6)))

    def add_person(self, name: str) -> int:
        with self.transaction():
            return int(self._connection.execute("INSERT INTO person (name) VALUES (?)", (name,)).lastrowid or 0)

    # Care

    def backup(self) -> Path:
        """Copy the store beside itself, consistently even while somebody writes; returns the copy's path."""
        stamp = datetime.now().strftime("%Y-%m-%d_%H.%M.%S.%f")[:-3]
        target = self.path.with_name(f"{self.path.stem}_backup_{stamp}{self.path.suffix}")
        part = target.with_name(f".{target.name}.part")
        with schema.telling(part), writing(target):
            copy = sqlite3.connect(part)
            try:
                self._connection.backup(copy)
                copy.close()
                part.replace(target)
            except BaseException:
                copy.close()
                part.unlink(missing_ok=True)
                raise
        return target

    def integrity(self) -> list[str]:
        """What is wrong inside the file, one line each; empty when it is sound."""
        try:
            with schema.telling(self.path):
                lines = [row[0] for row in self._connection.execute("PRAGMA integrity_check")]
                broken = self._connection.execute("PRAGMA foreign_key_check").fetchall()
        except AlignmentsError as error:
            return [str(error)]
        return [line for line in lines if line != "ok"] + [f"{row[0]}: row without its {row[2]}" for row in broken]


def _face(row: tuple[Any, ...]) -> Face:
    uuid, frame, position, x, y, w, h, landmarks, detector, aligner, score, person, state, revision = row
    return Face(frame, (x, y, w, h), np.frombuffer(landmarks, "<f4").reshape(68, 2), detector, aligner, score, person,
                state, position, revision, uuid)
