"""What a person does to faces, with undo: each edit keeps the rows before and after (stdlib + numpy; both sides)."""

from __future__ import annotations

import base64
import json
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import AlignmentsError
from . import schema
from .nouns import Box, Face, State
from .people import People

FACE_COLUMNS = ("uuid", "frame", "position", "x", "y", "w", "h", "landmarks", "detector", "aligner", "score", "person",
                "state", "revision")
_INSERT = f"INSERT INTO face ({', '.join(FACE_COLUMNS)}) VALUES ({', '.join('?' * len(FACE_COLUMNS))})"


def face_row(face: Face) -> tuple[Any, ...]:
    """A face as its table's row.

    Raises:
        ValueError: if the landmarks are not 68 finite points or the box is not four finite numbers.
    """
    landmarks = np.ascontiguousarray(face.landmarks, "<f4")
    box = tuple(float(v) for v in face.box)
    if landmarks.shape != (68, 2) or not np.isfinite(landmarks).all() or not np.isfinite(box).all() or len(box) != 4:
        raise ValueError("a face has 68 finite landmarks and a box of four finite numbers")
    return (face.uuid, face.frame, face.position, *box, landmarks.tobytes(), face.detector, face.aligner,
            float(face.score), face.person, face.state, face.revision)


class History(People):
    """The editing half of `AlignmentsStore`.

    Edits belong to a *revision*, a number that only grows with new edits. `with store.edit(): …` puts several into one.
    """

    _editing: int | None = None

    # Given by the store

    @abstractmethod
    def _before_edit(self) -> None: ...

    @abstractmethod
    def face(self, uuid: str) -> Face | None: ...

    @property
    def revision(self) -> int:
        """Where the store stands in its history; 0 before any edit."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'revision'")
        with schema.decoding(self.path):
            return int(rows[0][0]) if rows else 0

    @contextmanager
    def edit(self) -> Iterator[int]:
        """Group edits into one revision, all or nothing; yields its number. What had been undone can't come back."""
        if self._editing is not None:
            yield self._editing
            return
        self._before_edit()
        with self.transaction():
            self._editing = self.revision + 1
            try:
                self._connection.execute("DELETE FROM history WHERE revision >= ?", (self._editing,))
                self._forget_people(self._editing)
                yield self._editing
                self._set_revision(self._editing)
            finally:
                self._editing = None

    def edit_face(self, uuid: str, landmarks: np.ndarray, box: Box | None = None) -> Face:
        """Write corrected landmarks [68, 2] (frame pixels); returns the face as it now stands.

        Raises:
            AlignmentsError: if the face is not there.
        """
        face = self._existing(uuid)
        state: State = "added" if face.state == "added" else "edited"
        return self._change(replace(face, landmarks=np.asarray(landmarks, np.float32), box=box or face.box,
                                    state=state), face)

    def move_landmarks(self, uuid: str, landmarks: np.ndarray) -> Face:
        """Write landmarks [68, 2] that a machine made of those that were there; the face's state stays what it is.

        Raises:
            AlignmentsError: if the face is not there.
        """
        return self._change(replace(self._existing(uuid), landmarks=np.asarray(landmarks, np.float32)),
                            self._existing(uuid))

    def moved_faces(self) -> set[str]:
        """The faces found by machine whose landmarks are as `move_landmarks` left them."""
        moved = set()
        state, place = FACE_COLUMNS.index("state"), FACE_COLUMNS.index("landmarks")
        now = dict(self._rows("SELECT uuid, landmarks FROM face WHERE revision > 0 AND state = 'machine'"))
        for uuid, *texts in self._rows("SELECT face, before, after FROM history WHERE before IS NOT NULL "
                                       "AND after IS NOT NULL"):
            before, after = map(_unpack, texts)
            if (before[state] == after[state] == "machine" and before[place] != after[place]
                    and after[place] == now.get(uuid)):
                moved.add(uuid)
        return moved

    def add_face(self, frame: int, box: Box, landmarks: np.ndarray, aligner: str = "") -> Face:
        """A face that a person found: box (x, y, w, h) and landmarks [68, 2] in frame pixels."""
        return self._change(Face(frame, box, np.asarray(landmarks, np.float32), aligner=aligner, state="added"), None)

    def remove_face(self, uuid: str) -> None:
        """Take a face out; a tombstone stays, so that re-extraction does not bring it back."""
        face = self._existing(uuid)
        self._change(replace(face, state="removed"), face)

    def machine_face(self, uuid: str) -> Face | None:
        """A face as the machine had left it before a person first touched it; None for one that a person added."""
        face = self._existing(uuid)
        if face.state == "machine":
            return face
        rows = self._rows("SELECT before FROM history WHERE face = ? AND before IS NOT NULL AND revision <= ? "
                          "ORDER BY revision DESC", (uuid, self.revision))
        with schema.decoding(self.path):
            found = (dict(zip(FACE_COLUMNS, _unpack(text), strict=True)) for (text,) in rows)
            before = next((row for row in found if row["state"] == "machine"), None)
            if before is None:
                return None
            landmarks = np.frombuffer(before["landmarks"], "<f4").reshape(68, 2)
            return replace(face, box=(before["x"], before["y"], before["w"], before["h"]), landmarks=landmarks,
                           state="machine")

    def revert_face(self, uuid: str) -> Face | None:
        """Make a face as the machine had left it; who it is stays as it is.

        Returns:
            the face as it now stands; None for one that a person had added: it is removed.
        """
        face, original = self._existing(uuid), self.machine_face(uuid)
        if original is None:
            if face.state != "removed":
                self.remove_face(uuid)
            return None
        return face if face.state == "machine" else self._change(original, face)

    def set_person(self, uuid: str, person: int | None) -> Face:
        """Say who it is (an id of `people`), or that it is nobody's."""
        self.set_persons({uuid: person})
        return self._existing(uuid)

    def go_to(self, revision: int) -> list[str]:
        """Undo or redo until `revision`; returns the uuids of the faces that changed.

        Raises:
            AlignmentsError: if the history does not reach that far.
        """
        with self.transaction():
            here = self.revision
            (last,) = self._rows("SELECT coalesce(max(revision), 0) FROM history")[0]
            last = max(here, last, self._last_people_revision())
            if not 0 <= revision <= last:
                raise AlignmentsError(f"{self.path} has no revision {revision}", f"Known: 0 to {last}")
            back = revision < here
            steps = range(here, revision, -1) if back else range(here + 1, revision + 1)
            with schema.decoding(self.path):
                touched = [uuid for step in steps for uuid in self._step(step, back)]
            self._set_revision(revision)
            return list(dict.fromkeys(touched))

    def distance(self, revision: int) -> int:
        """About how many faces `go_to` would touch."""
        low, high = sorted((self.revision, revision))
        own = self._rows("SELECT count(*) FROM history WHERE revision > ? AND revision <= ?", (low, high))[0][0]
        others = self._rows("SELECT coalesce(sum(length(change)), 0) FROM person_history WHERE revision > ? "
                            "AND revision <= ?", (low, high))[0][0]
        return int(own) + int(others) // 64  # bytes a face, packed

    def _step(self, revision: int, back: bool) -> list[str]:
        """Undo or redo one revision; returns the uuids of the faces that changed."""
        parts = (self._people_step, self._faces_step) if back else (self._faces_step, self._people_step)
        return [uuid for part in parts for uuid in part(revision, back)]

    def _faces_step(self, revision: int, back: bool) -> list[str]:
        """Undo or redo what one revision did to faces; returns their uuids."""
        steps = self._rows(f"SELECT face, {'before' if back else 'after'} FROM history WHERE revision = ?",
                           (revision,))
        for uuid, row in steps:
            if row is None:
                self._connection.execute("DELETE FROM face WHERE uuid = ?", (uuid,))
            else:
                self._put(self._with_present_person(uuid, _unpack(row), revision if back else None))
        return [uuid for uuid, _ in steps]

    def _with_present_person(self, uuid: str, row: tuple[Any, ...], undone: int | None) -> tuple[Any, ...]:
        """Whose a face is has a history of its own (`people`): going back in this one leaves it alone.

        So it does with a revision that was noted in the middle of the one that is undone.
        """
        face = self.face(uuid)
        if face is None:
            return row
        columns = dict(zip(FACE_COLUMNS, row, strict=True)) | {"person": face.person}
        if columns["revision"] == undone:
            columns["revision"] = face.revision
        return tuple(columns.values())

    def _existing(self, uuid: str) -> Face:
        face = self.face(uuid)
        if face is None:
            raise AlignmentsError(f"{self.path} has no face {uuid}", "Reload: it may have been extracted anew")
        return face

    def _change(self, face: Face, before: Face | None) -> Face:
        with self.edit() as revision:
            row = self._put(face_row(replace(face, revision=revision)))
            packed_before = None if before is None else _pack(face_row(before))
            self._connection.execute(
                "INSERT INTO history VALUES (?, ?, ?, ?) ON CONFLICT (revision, face) DO UPDATE SET "
                "after = excluded.after", (revision, face.uuid, packed_before, _pack(row)))
            return replace(face, revision=revision, position=row[FACE_COLUMNS.index("position")])

    def _put(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Write a face's row; one without a position, or with a taken one, gets the lowest free one of its frame."""
        place = FACE_COLUMNS.index("position")
        taken = {p for (p,) in self._rows("SELECT position FROM face WHERE frame = ? AND uuid != ?", (row[1], row[0]))}
        if row[place] < 0 or row[place] in taken:
            free = next(n for n in range(len(taken) + 1) if n not in taken)
            row = (*row[:place], free, *row[place + 1:])
        there = self._rows(f"SELECT {', '.join(FACE_COLUMNS)} FROM face WHERE uuid = ?", (row[0],))
        if not there:
            self._connection.execute(_INSERT, row)
            return row
        # What stays as it is is not named, so that SQLite leaves its indices, and their pages, alone.
        changed = [(column, value) for column, value, old in zip(FACE_COLUMNS, row, there[0], strict=True)
                   if value != old]
        if changed:
            self._connection.execute(f"UPDATE face SET {', '.join(f'{column} = ?' for column, _ in changed)} "
                                     "WHERE uuid = ?", (*(value for _, value in changed), row[0]))
        return row

    def _set_revision(self, revision: int) -> None:
        self._connection.execute("UPDATE meta SET value = ? WHERE key = 'revision'", (str(revision),))


def _pack(row: tuple[Any, ...]) -> str:
    return json.dumps([base64.b64encode(v).decode() if isinstance(v, bytes) else v for v in row])


def _unpack(text: str) -> tuple[Any, ...]:
    row = json.loads(text)
    place = FACE_COLUMNS.index("landmarks")
    row[place] = base64.b64decode(row[place])
    return tuple(row)
