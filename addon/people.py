"""The persons of a strip as a list that Blender can show: rows follow the board, and a new name goes to the store.

Rows live in the window manager, so they are never saved: the store is where persons are kept.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..core.errors import AlignmentsError, UnderstudyError
from ..core.faces import persons
from ..core.faces.store import AlignmentsStore
from . import shot
from .board import Board, StoreView
from .timing import measured, timed

_writing: set[int] = set()  # ids of the persons whose new names are on their way to the store
_following = False  # rows are being set from the board: nobody has typed anything


def _typed(row: Any, context: Any) -> None:
    """A name was typed: the keeper's thread writes it; should that fail, the row takes the old one again."""
    with measured("UNDERSTUDY_Person.name"):
        _write_name(row, context)


def _write_name(row: Any, context: Any) -> None:
    from . import watch

    if _following:
        return
    path, person, new = context.window_manager.understudy_people.store, row.person, row.name
    _writing.add(person)

    def write() -> None:
        try:
            rename(path, person, new)
        finally:
            _writing.discard(person)

    if not bpy.app.background:
        watch.keeper.later(write)
        watch.hurry()
        return
    try:
        write()
    except UnderstudyError as error:
        print(f"Understudy: {error}")
    sync(watch.look())


class UNDERSTUDY_Person(bpy.types.PropertyGroup):
    """One row."""

    name: bpy.props.StringProperty(name="Name", description="What this person is called; type to change it",  # type: ignore
                                   update=_typed)
    person: bpy.props.IntProperty()  # type: ignore[valid-type]
    faces: bpy.props.IntProperty()  # type: ignore[valid-type]
    marked: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Merge", description="One of those that Merge makes one person")


class UNDERSTUDY_People(bpy.types.PropertyGroup):
    """The rows, and which alignments they are from."""

    store: bpy.props.StringProperty()  # type: ignore[valid-type]
    rows: bpy.props.CollectionProperty(type=UNDERSTUDY_Person)  # type: ignore[valid-type]
    index: bpy.props.IntProperty(name="Active Person")  # type: ignore[valid-type]


def view(scene: Any, board: Board) -> StoreView | None:
    """The alignments of the strip that the tools are about; None while nothing is known of them."""
    strip = shot.tool_strip(scene)
    try:
        return board.stores.get(str(shot.source_path(strip))) if strip is not None else None
    except UnderstudyError:
        return None


def names(context: Any) -> list[str]:
    """What the persons of that strip are called."""
    from . import watch

    found = view(shot.sequencer_scene(context), watch.board())
    return [person.name for person in found.people] if found is not None else []


@timed
def sync(board: Board) -> bool:
    """Make the rows say what the board says; what is marked and chosen stays. Returns whether any row has changed."""
    global _following
    context = bpy.context
    data = context.window_manager.understudy_people
    found = view(shot.shown_scene(), board)
    people = found.people if found is not None else ()
    before = [(row.person, row.name, row.faces) for row in data.rows]
    typed = {row.person: row.name for row in data.rows if row.person in _writing}
    wanted = [(person.id, typed.get(person.id, person.name), person.faces) for person in people]
    path = found.path if found is not None else ""
    if before == wanted and data.store == path:
        return False
    data.store = path
    _following = True
    try:
        if [row.person for row in data.rows] != [person.id for person in people]:
            _refill(data, [person.id for person in people])
        for row, person in zip(data.rows, people, strict=True):
            row.faces = person.faces
            if person.id not in _writing:
                row.name = person.name
    finally:
        _following = False
    return True


def _refill(data: Any, ids: list[int]) -> None:
    marked = {row.person for row in data.rows if row.marked}
    active = data.rows[data.index].person if 0 <= data.index < len(data.rows) else None
    data.rows.clear()
    for person in ids:
        row = data.rows.add()
        row.person, row.marked = person, person in marked
    data.index = ids.index(active) if active in ids else 0


def rename(path: str, person: int, new: str) -> None:
    """Write a person's new name into a store.

    Raises:
        UnderstudyError: the name is empty or somebody else's, or the store cannot be written.
    """
    with AlignmentsStore.open(path) as store:
        persons.rename(store, _name_of(store, person), new)


def merge(path: str, people: list[int]) -> int:
    """Make several persons one, who keeps the first one's name; returns how many faces changed hands.

    Raises:
        UnderstudyError: fewer than two, or the store cannot be written.
    """
    with AlignmentsStore.open(path) as store:
        return persons.merge(store, [_name_of(store, person) for person in people])


def _name_of(store: AlignmentsStore, person: int) -> str:
    known = store.people()
    if person not in known:
        raise AlignmentsError(f"This person is no longer in {store.path}", "Look at the list again")
    return known[person]


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_Person)
    bpy.utils.register_class(UNDERSTUDY_People)
    bpy.types.WindowManager.understudy_people = bpy.props.PointerProperty(type=UNDERSTUDY_People)


def unregister() -> None:
    del bpy.types.WindowManager.understudy_people
    bpy.utils.unregister_class(UNDERSTUDY_People)
    bpy.utils.unregister_class(UNDERSTUDY_Person)
