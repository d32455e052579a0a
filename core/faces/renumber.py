"""Giving a store's frames and faces other numbers, their history included; it knows the store's inside (stdlib)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .history import FACE_COLUMNS, _pack, _unpack
from .nouns import SourceInfo
from .store import AlignmentsStore

_FRAME, _POSITION = FACE_COLUMNS.index("frame"), FACE_COLUMNS.index("position")
_Row = tuple[Any, ...]


def move_frames(store: AlignmentsStore, places: Mapping[int, int | None], source: SourceInfo) -> None:
    """Give frames other numbers, or drop them with their faces, and bind the store to the clip that has these frames.

    All in one transaction; the edits' history follows.

    Args:
        places: old number -> new number, or None to drop; frames not named keep theirs. No two may meet.
        source: the clip that the store belongs to from now on.

    Raises:
        AlignmentsError, OutputError: as the store's methods; nothing is changed then.
    """
    dropped = [(frame,) for frame, place in places.items() if place is None]
    moved = [(-1 - place, frame) for frame, place in places.items() if place is not None and place != frame]
    with store.transaction():
        run = store._connection.executemany
        run("DELETE FROM face WHERE frame = ?", dropped)
        run("DELETE FROM frame WHERE idx = ?", dropped)
        # By way of negative numbers, so that two frames never share one in between.
        for table, column in (("face", "frame"), ("frame", "idx")):
            run(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", moved)
            store._connection.execute(f"UPDATE {table} SET {column} = -1 - {column} WHERE {column} < 0")
        _rewrite_history(store, lambda row: _moved(row, places))
        meta = {"fingerprint": source.fingerprint, "name": source.name, "width": source.width, "kind": source.kind,
                "height": source.height, "rate": source.rate, "length": source.length}
        run("UPDATE meta SET value = ? WHERE key = ?", [(str(value), key) for key, value in meta.items()])


def _moved(row: _Row, places: Mapping[int, int | None]) -> _Row | None:
    place = places.get(row[_FRAME], row[_FRAME])
    return None if place is None else (*row[:_FRAME], place, *row[_FRAME + 1:])


def set_positions(store: AlignmentsStore, positions: Mapping[str, int]) -> None:
    """Number faces anew within their frames, in one transaction; the edits' history follows.

    Args:
        positions: uuid -> number, for all faces, removed ones too, of each frame concerned; none twice in a frame.
    """
    with store.transaction():
        store._connection.executemany("UPDATE face SET position = ? WHERE uuid = ?",
                                      [(-1 - position, uuid) for uuid, position in positions.items()])
        store._connection.execute("UPDATE face SET position = -1 - position WHERE position < 0")

        def change(row: _Row) -> _Row:
            position = positions.get(row[0], row[_POSITION])
            return (*row[:_POSITION], position, *row[_POSITION + 1:])

        _rewrite_history(store, change)


def _rewrite_history(store: AlignmentsStore, change: Callable[[_Row], _Row | None]) -> None:
    """Every row before and after an edit, changed; an edit of a face that `change` drops (None) is forgotten."""
    for revision, face, before, after in store._connection.execute(
            "SELECT revision, face, before, after FROM history").fetchall():
        rows = [None if text is None else change(_unpack(text)) for text in (before, after)]
        if any(row is None and text is not None for row, text in zip(rows, (before, after), strict=True)):
            store._connection.execute("DELETE FROM history WHERE revision = ? AND face = ?", (revision, face))
        else:
            packed = [None if row is None else _pack(row) for row in rows]
            if packed != [before, after]:
                store._connection.execute("UPDATE history SET before = ?, after = ? WHERE revision = ? AND face = ?",
                                          (*packed, revision, face))
