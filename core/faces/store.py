"""The alignments store: one SQLite file per source (stdlib + numpy; both sides import it).

One writer at a time. A worker writes short transactions; Blender's side reads with `readonly`, which never waits for a
lock: while somebody writes, it shows what it knew last. `journalling` says what keeps the file whole.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AlignmentsError, writing
from ..partials import partial_path, sweep
from . import schema
from .history import FACE_COLUMNS, History, face_row
from .journalling import fold_log, is_logged, use_log
from .matching import match
from .nouns import CENTERINGS, Face, PackedMask, SourceInfo, StoredMask
from .packing import pack_mask
from .reading import Reading


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
    masks: Sequence[StoredMask | PackedMask] = ()


class AlignmentsStore(Reading, History):
    """An open store; a context manager. Make one with `create`, `open` or `readonly`.

    Methods raise `AlignmentsError` (locked by another writer, damaged, missing) and `OutputError` (disk full,
    read-only place) and leave the file as it was.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, readonly: bool) -> None:
        self._connection, self.path, self.is_readonly = connection, path, readonly
        self._depth = 0
        self._known = OrderedDict()
        self._edits = 0
        self._is_logged = False

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
                schema.check_layout(store._connection, store.path)
                store._is_logged = is_logged(store._connection)
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
            with schema.telling(store.path):
                schema.check_layout(store._connection, store.path)
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
        if self._is_logged:
            fold_log(self._connection)
        self._connection.close()

    def __enter__(self) -> AlignmentsStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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

    def _before_edit(self) -> None:
        # The second edit makes it a session: saving each is then three times as quick.
        self._edits += 1
        if self._edits > 1 and not self._depth and not self._is_logged and not self.is_readonly:
            self._is_logged = use_log(self._connection, self.path)

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
            self.set_frame(frame, name, settings)
            return self.faces(frame)

    def _write_found(self, found: Found, frame: int, old: Face | None) -> None:
        face = replace(found.face, frame=frame)
        if old is not None and old.state != "machine":
            if old.state != "removed" and found.thumbnail and self.thumbnail(old.uuid) is None:
                self.set_thumbnail(old.uuid, found.thumbnail)
            return
        self.put(replace(found, face=face), old)

    def put(self, found: Found, old: Face | None = None) -> Face:
        """Write a face with all that goes with it, outside the history.

        Args:
            old: the face that it is to be: it keeps its uuid, position, person and revision, and loses its masks and
                identities, which were made from what it looked like before.

        Returns:
            the face as it now stands.
        """
        face = found.face
        with self.transaction():
            if old is not None:
                face = replace(face, uuid=old.uuid, position=old.position, person=old.person, revision=old.revision)
                self._connection.execute("DELETE FROM mask WHERE face = ?", (face.uuid,))
                self._connection.execute("DELETE FROM identity WHERE face = ?", (face.uuid,))
            row = self._put(face_row(face))
            if found.thumbnail:
                self.set_thumbnail(face.uuid, found.thumbnail)
            for kind, vector in found.identities.items():
                self.set_identity(face.uuid, kind, vector)
            for mask in found.masks:
                self.set_mask(face.uuid, mask)
        return replace(face, position=row[FACE_COLUMNS.index("position")])

    def set_frame(self, frame: int, name: str, settings: str) -> None:
        """Record that a frame was looked at, and how; what is known of its place in the video stays."""
        self._execute("INSERT INTO frame (idx, name, settings) VALUES (?, ?, ?) ON CONFLICT (idx) DO UPDATE SET "
                      "name = excluded.name, settings = excluded.settings", (frame, name, settings))

    def set_video_meta(self, frame: int, pts: int | None, keyframe: bool | None) -> None:
        """Keep what another tool's file says of a seen frame's place in the video."""
        self._execute("UPDATE frame SET pts = ?, keyframe = ? WHERE idx = ?", (pts, keyframe, frame))

    def set_thumbnail(self, uuid: str, jpeg: bytes) -> None:
        self._execute("INSERT OR REPLACE INTO thumbnail VALUES (?, ?)", (uuid, jpeg))

    def set_identity(self, uuid: str, kind: str, vector: np.ndarray) -> None:
        self._execute("INSERT OR REPLACE INTO identity VALUES (?, ?, ?)",
                      (uuid, kind, np.asarray(vector, "<f4").tobytes()))

    def set_mask(self, uuid: str, mask: StoredMask | PackedMask) -> None:
        """Store a mask, in the place of one of the same kind.

        Raises:
            ValueError: if its pixels are no square of uint8, or its centring is none.
        """
        if mask.centering not in CENTERINGS:
            raise ValueError(f"{mask.centering!r} is no centring")
        packed = mask.packed if isinstance(mask, PackedMask) else pack_mask(mask.pixels)
        size = mask.size if isinstance(mask, PackedMask) else mask.pixels.shape[0]
        self._execute("INSERT OR REPLACE INTO mask (face, kind, size, matrix, pixels, centering, interpolator) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?)",
                      (uuid, mask.kind, size, np.asarray(mask.matrix, "<f8").tobytes(), packed, mask.centering,
                       mask.interpolator))

    # Care

    def backup(self) -> Path:
        """Copy the store beside itself, consistently even while somebody writes; returns the copy's path."""
        stamp = datetime.now().strftime("%Y-%m-%d_%H.%M.%S.%f")[:-3]
        target = self.path.with_name(f"{self.path.stem}_backup_{stamp}{self.path.suffix}")
        part = partial_path(target)
        sweep(self.path.parent, lambda name: name.startswith(f"{self.path.stem}_backup_"))
        with schema.telling(part), writing(target):
            copy = sqlite3.connect(part)
            try:
                self._connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
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
