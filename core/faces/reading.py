"""What can be asked of an alignments store (stdlib + numpy; both sides import it)."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AlignmentsError
from . import schema
from .history import FACE_COLUMNS
from .nouns import CENTERINGS, STATES, Face, PackedMask, SourceInfo, StoredMask
from .packing import LARGEST_MASK, unpack_mask

_SELECT = f"SELECT {', '.join(FACE_COLUMNS)} FROM face"
_MASK = "SELECT kind, size, pixels, matrix, centering, interpolator FROM mask"
_REMEMBERED = 512  # answers that a reader keeps for the moments in which it may not read
_BLOCK = 250  # frames read at once by `iterate`
_PATIENCE = 10.0  # seconds for which a long read of a read-only store waits for a writer


class Reading:
    """The asking half of `AlignmentsStore`. Removed faces are left out unless a method says otherwise.

    All raise `AlignmentsError` for a file that is damaged, or that holds values which cannot be.
    """

    _connection: sqlite3.Connection
    path: Path
    is_readonly: bool
    _known: OrderedDict[tuple[Any, ...], list[tuple[Any, ...]]]
    _data_version: int = -1

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query; for a read-only store the last answer known, where a writer is in the way."""
        key = (sql, *parameters)
        try:
            rows = self._connection.execute(sql, parameters).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if self.is_readonly and isinstance(error, sqlite3.Error) and schema.is_busy(error):
                return self._known.get(key, [])
            with schema.telling(self.path):
                raise
        if self.is_readonly:
            self._known[key] = rows
            self._known.move_to_end(key)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return rows

    def _many_rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a long query: never remembered, and waited for rather than answered with what was known."""
        with schema.telling(self.path), self._waiting():
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        if not self.is_readonly:
            yield
            return
        self._connection.execute(f"PRAGMA busy_timeout = {round(_PATIENCE * 1000)}")
        try:
            yield
        finally:
            self._connection.execute("PRAGMA busy_timeout = 0")

    # The clip

    @property
    def source(self) -> SourceInfo:
        """The clip that the store belongs to."""
        meta = dict(self._rows("SELECT key, value FROM meta"))
        try:
            return SourceInfo(meta["fingerprint"], meta["name"], int(meta["width"]), int(meta["height"]),
                              meta["rate"], int(meta["length"]), meta["kind"])
        except (KeyError, ValueError, TypeError) as error:
            raise AlignmentsError(f"The alignments file {self.path} does not say which clip it belongs to",
                                  "Try again if a job has just begun to write it; otherwise move it away and extract "
                                  "again") from error

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

    def changed(self) -> bool:
        """Whether another connection has written since this was last asked; cheap enough for a timer."""
        rows = self._rows("PRAGMA data_version")
        version = rows[0][0] if rows else self._data_version
        changed = version != self._data_version
        self._data_version = version
        return changed

    # Frames

    def frames_seen(self, settings: str | None = None) -> set[int]:
        """Frames that extraction looked at, with or without faces; `settings` limits to those of that setting."""
        if settings is None:
            return {row[0] for row in self._rows("SELECT idx FROM frame")}
        return {row[0] for row in self._rows("SELECT idx FROM frame WHERE settings = ?", (settings,))}

    def is_seen(self, frame: int) -> bool:
        """Whether extraction looked at a frame."""
        return bool(self._rows("SELECT 1 FROM frame WHERE idx = ?", (frame,)))

    def frame_names(self) -> dict[int, str]:
        """Name of each frame seen, as `core.media` gives it."""
        return dict(self._rows("SELECT idx, name FROM frame ORDER BY idx"))

    def video_meta(self) -> dict[int, tuple[int | None, bool | None]]:
        """Frame -> (time stamp in the video's own units, whether it is a key frame), where a file imported said so."""
        rows = self._many_rows("SELECT idx, pts, keyframe FROM frame WHERE pts IS NOT NULL OR keyframe IS NOT NULL")
        return {idx: (pts, None if key is None else bool(key)) for idx, pts, key in rows}

    def frames_with_faces(self) -> list[int]:
        """Ascending."""
        return list(self.counts())

    def frames_edited(self) -> list[int]:
        """Frames with a face that a person edited, added or removed, ascending."""
        return [row[0] for row in self._rows("SELECT DISTINCT frame FROM face WHERE state != 'machine' ORDER BY frame")]

    def counts(self) -> dict[int, int]:
        """Frame -> number of faces, ascending, for frames that have any."""
        return dict(self._rows("SELECT frame, count(*) FROM face WHERE state != 'removed' GROUP BY frame "
                               "ORDER BY frame"))

    def stats(self) -> dict[str, int]:
        """Counts: frames_seen, frames_with_faces, frames_with_several, faces, machine, edited, added, removed."""
        # Few faces are touched by a person: those are counted by an index of their own, and the rest is the difference.
        states = dict(self._rows("SELECT state, count(*) FROM face WHERE state != 'machine' GROUP BY state"))
        everything = self._rows("SELECT (SELECT count(*) FROM face), (SELECT count(*) FROM frame)")
        faces, seen = everything[0] if everything else (0, 0)
        counts = self.counts()
        return {"frames_seen": seen, "frames_with_faces": len(counts),
                "frames_with_several": sum(n > 1 for n in counts.values()), "faces": faces - states.get("removed", 0),
                "machine": faces - sum(states.values()),
                **{state: states.get(state, 0) for state in ("edited", "added", "removed")}}

    # Faces

    def face(self, uuid: str) -> Face | None:
        """One face, also a removed one."""
        rows = self._rows(f"{_SELECT} WHERE uuid = ?", (uuid,))
        with schema.decoding(self.path):
            return _face(rows[0]) if rows else None

    def faces(self, frame: int, with_removed: bool = False) -> list[Face]:
        """The faces of a frame, by position."""
        rows = self._rows(f"{_SELECT} WHERE frame = ? ORDER BY position", (frame,))
        with schema.decoding(self.path):
            faces = [_face(row) for row in rows]
        return [f for f in faces if with_removed or f.state != "removed"]

    def iterate(self, frames: Iterable[int] | None = None) -> Iterator[tuple[int, list[Face]]]:
        """(frame, its faces) for every frame with faces, ascending; `frames` limits which.

        Some frames are read at a time, however long the clip; what is written meanwhile may or may not be seen.
        """
        wanted = None if frames is None else set(frames)
        with_faces = [row[0] for row in self._many_rows("SELECT DISTINCT frame FROM face WHERE state != 'removed' "
                                                        "ORDER BY frame")]
        todo = with_faces if wanted is None else [frame for frame in with_faces if frame in wanted]
        for start in range(0, len(todo), _BLOCK):
            block = todo[start:start + _BLOCK]
            rows = self._many_rows(f"{_SELECT} WHERE frame IN ({', '.join('?' * len(block))}) AND state != 'removed' "
                                   "ORDER BY frame, position", block)
            with schema.decoding(self.path):
                found = [_face(row) for row in rows]
            for frame, faces in groupby(found, lambda face: face.frame):
                yield frame, list(faces)

    def all_landmarks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(frames int64 [N], landmarks float32 [N, 68, 2]) of all faces, some at a time, in no particular order.

        A writer never waits for longer than one part takes.
        """
        last = -1
        while rows := self._many_rows("SELECT rowid, frame, landmarks FROM face WHERE rowid > ? AND state != 'removed' "
                                      f"ORDER BY rowid LIMIT {8 * _BLOCK}", (last,)):
            last = rows[-1][0]
            with schema.decoding(self.path):
                yield (np.array([row[1] for row in rows], np.int64),
                       np.frombuffer(b"".join([row[2] for row in rows]), "<f4").reshape(len(rows), 68, 2))

    def thumbnail(self, uuid: str) -> bytes | None:
        """JPEG, 96 px, head-centred."""
        rows = self._rows("SELECT jpeg FROM thumbnail WHERE face = ?", (uuid,))
        return rows[0][0] if rows else None

    def table(self) -> list[tuple[str, int, int, int | None, bytes, str]]:
        """(uuid, frame, position, person, landmarks as stored, state) of all faces by frame and position, removed ones
        too: for what looks at all of them at once.
        """
        rows = self._many_rows("SELECT uuid, frame, position, person, landmarks, state FROM face "
                               "ORDER BY frame, position")
        if any(not isinstance(row[4], bytes) or len(row[4]) != 68 * 8 or row[5] not in STATES for row in rows):
            raise schema.damaged(self.path, "a face's row holds values of another kind")
        return rows

    def thumbnails(self, uuids: Sequence[str]) -> dict[str, bytes]:
        """uuid -> JPEG, 96 px, head-centred, of those faces that have one."""
        found: dict[str, bytes] = {}
        for start in range(0, len(uuids), _BLOCK):
            block = uuids[start:start + _BLOCK]
            found |= dict(self._many_rows(f"SELECT face, jpeg FROM thumbnail WHERE face IN "
                                          f"({', '.join('?' * len(block))})", block))
        return found

    # Identities

    def identity_kinds(self) -> dict[str, int]:
        """How many faces have a vector of each kind."""
        return dict(self._many_rows("SELECT kind, count(*) FROM identity JOIN face ON face.uuid = identity.face "
                                    "WHERE state != 'removed' GROUP BY kind ORDER BY kind"))

    def identity(self, uuid: str, kind: str) -> np.ndarray | None:
        """A face's identity vector, float32 [D]."""
        rows = self._rows("SELECT vector FROM identity WHERE face = ? AND kind = ?", (uuid, kind))
        with schema.decoding(self.path):
            return np.frombuffer(rows[0][0], "<f4") if rows else None

    def identities_of(self, uuid: str) -> dict[str, np.ndarray]:
        """All identity vectors of a face: kind -> float32 [D]."""
        rows = self._rows("SELECT kind, vector FROM identity WHERE face = ? ORDER BY kind", (uuid,))
        with schema.decoding(self.path):
            return {kind: np.frombuffer(vector, "<f4") for kind, vector in rows}

    def identities(self, kind: str) -> tuple[list[str], np.ndarray]:
        """All identity vectors of one kind, by frame and position: uuids and float32 [N, D]."""
        order = self._many_rows("SELECT face, length(vector) FROM identity JOIN face ON face.uuid = identity.face "
                                "WHERE kind = ? AND state != 'removed' ORDER BY frame, position", (kind,))
        uuids = [row[0] for row in order]
        if len({row[1] for row in order}) > 1:
            raise schema.damaged(self.path, f"its identities of kind {kind} differ in length")
        vectors = np.zeros((len(uuids), order[0][1] // 4 if order else 0), "<f4")
        gone: list[int] = []
        with schema.decoding(self.path):
            for start in range(0, len(uuids), _BLOCK):  # a few at a time: all at once they would be held three times
                block = uuids[start:start + _BLOCK]
                found = dict(self._many_rows(f"SELECT face, vector FROM identity WHERE kind = ? AND face IN "
                                             f"({', '.join('?' * len(block))})", (kind, *block)))
                for row, uuid in enumerate(block, start):
                    if uuid in found:
                        vectors[row] = np.frombuffer(found[uuid], "<f4")
                    else:
                        gone.append(row)  # taken away just now, by another process
        if not gone:
            return uuids, vectors
        return [uuid for row, uuid in enumerate(uuids) if row not in set(gone)], np.delete(vectors, gone, axis=0)

    # Masks

    def mask(self, uuid: str, kind: str) -> StoredMask | None:
        rows = self._rows(f"{_MASK} WHERE face = ? AND kind = ?", (uuid, kind))
        with schema.decoding(self.path):
            if not rows:
                return None
            m = _packed_mask(rows[0])
            return StoredMask(kind, unpack_mask(m.packed, m.size), m.matrix, m.centering, m.interpolator)

    def packed_masks(self, uuid: str) -> list[PackedMask]:
        """All masks of a face by kind, as they are stored."""
        rows = self._many_rows(f"{_MASK} WHERE face = ? ORDER BY kind", (uuid,))
        with schema.decoding(self.path):
            return [_packed_mask(row) for row in rows]

    def faces_with_mask(self, kind: str) -> set[str]:
        """The uuids of the faces that have a mask of this kind."""
        return {row[0] for row in self._many_rows("SELECT face FROM mask WHERE kind = ?", (kind,))}

    def mask_kinds(self, uuid: str) -> list[str]:
        return [row[0] for row in self._rows("SELECT kind FROM mask WHERE face = ? ORDER BY kind", (uuid,))]


def _face(row: tuple[Any, ...]) -> Face:
    """A face from its row; ValueError or TypeError for a row that cannot be one (SQLite's types are but advice)."""
    uuid, frame, position, x, y, w, h, packed, detector, aligner, score, person, state, revision = row
    landmarks = np.frombuffer(packed, "<f4").reshape(68, 2)
    texts, numbers = (uuid, detector, aligner), (frame, position, revision)
    if state not in STATES or not all(type(v) is str for v in texts) or not all(type(v) is int for v in numbers) \
            or not (person is None or type(person) is int):
        raise ValueError("a face's row holds values of another kind")
    if not np.isfinite(landmarks).all():
        raise ValueError(f"the landmarks of a face in frame {frame} are not finite")
    return Face(frame, (float(x), float(y), float(w), float(h)), landmarks, detector, aligner, float(score), person,
                state, position, revision, uuid)


def _packed_mask(row: tuple[Any, ...]) -> PackedMask:
    kind, size, packed, matrix, centering, interpolator = row
    placed = np.frombuffer(matrix, "<f8").reshape(2, 3)
    if not isinstance(size, int) or not 1 <= size <= LARGEST_MASK or centering not in CENTERINGS:
        raise ValueError("a mask's row holds values of another kind")
    if not isinstance(packed, bytes) or not np.isfinite(placed).all():
        raise ValueError("a mask's row holds values of another kind")
    return PackedMask(kind, size, packed, placed, centering, int(interpolator))
