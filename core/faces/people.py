"""Who is who in an alignments store: names, and which face is whose, with undo (stdlib; both sides import it).

A face's person is either found by machine (`linking`) or chosen by a person; what was chosen is marked, so that no
machine changes it. Persons are never deleted: one without faces is simply not shown, and undo finds it again.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from ..errors import AlignmentsError
from .packing import inflate

_CHUNK = 500  # values in one SQL statement
_LARGEST_CHANGE = 256 * 1024 * 1024  # bytes of JSON; a hundred for each face
# (person or None, the face's revision or None to leave it as it is, whether a person chose it)
_Claim = tuple[int | None, int | None, bool]


class People(ABC):
    """The persons' part of `AlignmentsStore`. Its changes belong to the store's revisions, as edits of faces do."""

    _connection: sqlite3.Connection
    path: Path

    # Given by the store and its history

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]: ...

    @abstractmethod
    def edit(self) -> AbstractContextManager[int]: ...

    @abstractmethod
    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...

    # Reading

    def people(self) -> dict[int, str]:
        """Names by id, of everyone who ever was in the store; see `face_counts` for who is there now."""
        return dict(self._rows("SELECT id, name FROM person ORDER BY id"))

    def face_counts(self) -> dict[int | None, int]:
        """How many faces each person has (None: nobody's), removed faces left out."""
        return dict(self._rows("SELECT person, count(*) FROM face WHERE state != 'removed' GROUP BY person"))

    def chosen_faces(self) -> set[str]:
        """The uuids of the faces of which a person said whose they are, or that they are nobody's."""
        return {row[0] for row in self._rows("SELECT face FROM chosen")}

    # Writing

    def add_person(self, name: str) -> int:
        """A new person's id. Names are not checked here; `persons.py` keeps them apart."""
        with self.transaction():
            return int(self._connection.execute("INSERT INTO person (name) VALUES (?)", (name,)).lastrowid or 0)

    def rename_person(self, person: int, name: str) -> None:
        """Give a person another name; can be undone."""
        before = self.people()
        if person not in before:
            raise AlignmentsError(f"{self.path} has no person {person}", "Reload: it may have been changed meanwhile")
        with self.edit() as revision:
            self._connection.execute("UPDATE person SET name = ? WHERE id = ?", (name, person))
            self._remember(revision, {"name": [person, before[person], name]})

    def set_persons(self, persons: Mapping[str, int | None], chosen: bool = True, undoable: bool = True) -> int:
        """Say whose faces these are.

        Args:
            persons: face uuid -> id of a person, or None for nobody's.
            chosen: a person decided it, so that no machine changes it again.
            undoable: False for what a machine finds by itself after extraction, which makes no revision.

        Returns:
            how many faces changed.

        Raises:
            AlignmentsError: if a face is not there.
        """
        before = self._claims(persons)
        changed = [uuid for uuid, claim in before.items() if (claim[0], claim[2]) != (persons[uuid], chosen)]
        if not changed:
            return 0
        group = self.edit() if undoable else nullcontext(None)
        with self.transaction(), group as revision:
            after: dict[str, _Claim] = {
                uuid: (persons[uuid], before[uuid][1] if revision is None else revision, chosen) for uuid in changed}
            self._claim(after.items())
            if revision is not None:
                self._remember(revision, {"faces": [[uuid, before[uuid], after[uuid]] for uuid in changed]})
        return len(changed)

    def _claims(self, uuids: Iterable[str]) -> dict[str, _Claim]:
        wanted = list(uuids)
        found: dict[str, _Claim] = {}
        for start in range(0, len(wanted), _CHUNK):
            part = wanted[start:start + _CHUNK]
            sql = ("SELECT uuid, person, revision, chosen.face IS NOT NULL FROM face LEFT JOIN chosen "
                   f"ON chosen.face = face.uuid WHERE uuid IN ({', '.join('?' * len(part))})")
            found |= {uuid: (person, revision, bool(chosen)) for uuid, person, revision, chosen in
                      self._rows(sql, part)}
        missing = [uuid for uuid in wanted if uuid not in found]
        if missing:
            raise AlignmentsError(f"{self.path} has no face {missing[0]}", "Reload: it may have been extracted anew")
        return found

    def _claim(self, claims: Iterable[tuple[str, _Claim]]) -> None:
        """Write claims; a face that is not there (undone together with its claim) is passed over."""
        for uuid, (person, revision, chosen) in claims:
            self._connection.execute("UPDATE face SET person = ?, revision = coalesce(?, revision) WHERE uuid = ?",
                                     (person, revision, uuid))
            if chosen:
                self._connection.execute("INSERT OR IGNORE INTO chosen SELECT uuid FROM face WHERE uuid = ?", (uuid,))
            else:
                self._connection.execute("DELETE FROM chosen WHERE face = ?", (uuid,))

    # Undo, called by the history

    def _remember(self, revision: int, change: dict[str, Any]) -> None:
        # Thousands of faces at a time: a face's whole row, as other edits keep it, would be forty times the size.
        packed = zlib.compress(json.dumps(change).encode())
        self._connection.execute("INSERT INTO person_history (revision, change) VALUES (?, ?)", (revision, packed))

    def _forget_people(self, revision: int) -> None:
        """Drop what was undone: everything from `revision` on."""
        self._connection.execute("DELETE FROM person_history WHERE revision >= ?", (revision,))

    def _last_people_revision(self) -> int:
        return int(self._rows("SELECT coalesce(max(revision), 0) FROM person_history")[0][0])

    def _people_step(self, revision: int, back: bool) -> list[str]:
        """Undo or redo what one revision did to persons; returns the uuids of the faces that changed."""
        order = "DESC" if back else "ASC"
        rows = self._rows(f"SELECT change FROM person_history WHERE revision = ? ORDER BY step {order}", (revision,))
        touched: list[str] = []
        for (packed,) in rows:
            change = json.loads(inflate(packed, _LARGEST_CHANGE))
            if "name" in change:
                person, before, after = change["name"]
                self._connection.execute("UPDATE person SET name = ? WHERE id = ?", (before if back else after, person))
            for uuid, before, after in change.get("faces", []):
                person, number, chosen = before if back else after
                # One noted in the middle of this revision is no former one.
                self._claim([(uuid, (person, None if back and number == revision else number, chosen))])
                touched.append(uuid)
        return touched
