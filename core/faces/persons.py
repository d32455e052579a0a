"""The persons of a clip by name: whom a task is about, naming, merging, splitting, assigning (stdlib + numpy; both).

What a person decides here is one revision of the store, and marked: `linking` never changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from ..errors import AlignmentsError, UsageError
from .nouns import Face
from .store import AlignmentsStore

AUTOMATIC = "Person"  # machines call people "Person 1", "Person 2" …


@dataclass(frozen=True)
class Person:
    """Somebody in a clip.

    Attributes:
        id, name: as in the store.
        faces: how many there are.
        frames: the first and last frame with one.
        chosen: for how many of them a person said so.
    """

    id: int
    name: str
    faces: int
    frames: tuple[int, int]
    chosen: int


def listed(store: AlignmentsStore) -> list[Person]:
    """Everyone who has faces in the clip, most faces first."""
    chosen = store.chosen_faces()
    faces: dict[int, list[Face]] = {}
    for _, here in store.iterate():
        for face in here:
            if face.person is not None:
                faces.setdefault(face.person, []).append(face)
    names = store.people()
    people = [Person(person, names[person], len(own), (own[0].frame, own[-1].frame),
                     sum(face.uuid in chosen for face in own)) for person, own in faces.items()]
    return sorted(people, key=lambda person: (-person.faces, person.id))


def wanted(store: AlignmentsStore, names: Collection[str]) -> Callable[[Face], bool]:
    """Whether a face is one of those that a task is about.

    Args:
        names: of persons; none: everyone's faces are wanted, also those that are nobody's.

    Raises:
        AlignmentsError: for a name that nobody in the clip has; it lists the known ones.
    """
    if not names:
        return lambda face: True
    people = {find(store, name) for name in names}
    return lambda face: face.person in people


def find(store: AlignmentsStore, name: str) -> int:
    """The id of the person of that name, upper and lower case being the same.

    Raises:
        AlignmentsError: nobody in the clip is called so.
    """
    counts, people = store.face_counts(), store.people()
    for person, known in people.items():
        if known.casefold() == name.strip().casefold() and counts.get(person):
            return person
    known = ", ".join(people[person] for person in people if counts.get(person))
    hint = f"Known: {known}" if known else "Link the faces first, with persons link"
    raise AlignmentsError(f"Nobody in {store.path} is called {name!r}", hint)


def rename(store: AlignmentsStore, name: str, new: str) -> None:
    """Give a person another name.

    Raises:
        AlignmentsError: nobody is called `name`, or somebody else is called `new`.
        UsageError: `new` is empty.
    """
    person, new = find(store, name), _proper(new)
    other = _holder(store, new)
    if other not in (None, person):
        raise AlignmentsError(f"Somebody else in {store.path} is called {new!r}",
                              "Choose another name, or merge the two if they are one person")
    if store.people()[person] != new:
        store.rename_person(person, new)


def merge(store: AlignmentsStore, names: Sequence[str]) -> int:
    """Make several persons one, who keeps the first one's name; returns how many faces changed hands.

    Raises:
        UsageError: fewer than two.
        AlignmentsError: a name that nobody has.
    """
    people = list(dict.fromkeys(find(store, name) for name in names))
    if len(people) < 2:
        raise UsageError("There are not two persons to merge", "Name two or more, the one who stays first")
    # The first one's own faces too: otherwise linking could part again what was found alike by a person only.
    uuids = [face.uuid for face in faces_of(store, people)]
    moving = sum(face.person != people[0] for face in faces_of(store, people))
    store.set_persons(dict.fromkeys(uuids, people[0]))
    return moving


def split(store: AlignmentsStore, name: str, leaving: Collection[str], new: str = "") -> str:
    """Give some of a person's faces to somebody new; returns whose they are now.

    Args:
        leaving: uuids of the faces that go.
        new: what the new person is called; "": the next automatic name.

    Raises:
        AlignmentsError: nobody is called `name`, or somebody is called `new`; none or all of the faces would go.
    """
    person = find(store, name)
    own = {face.uuid for face in faces_of(store, [person])}
    going = own & set(leaving)
    if not going or going == own:
        raise AlignmentsError(f"{'None' if not going else 'All'} of the {len(own)} faces of {name} would leave",
                              "Choose frames with some of them")
    if new.strip() and _holder(store, _proper(new)) is not None:
        raise AlignmentsError(f"Somebody in {store.path} is called {new!r} already", "Use persons assign to give faces "
                              "to somebody who is there, or choose another name")
    somebody = _proper(new) if new.strip() else unused_names(store, 1)[0]
    other = store.add_person(somebody)
    store.set_persons({uuid: other if uuid in going else person for uuid in own})
    return somebody


def assign(store: AlignmentsStore, uuids: Iterable[str], name: str) -> int:
    """Say whose some faces are; returns how many changed. Somebody not known yet is added.

    Args:
        name: "": nobody's, and no linking gives them to anyone.

    Raises:
        AlignmentsError: a face that is not there.
    """
    person: int | None = None
    if name.strip():
        person = _holder(store, _proper(name))
        if person is None:
            person = store.add_person(_proper(name))
    return store.set_persons(dict.fromkeys(uuids, person))


def faces_of(store: AlignmentsStore, people: Collection[int | None]) -> list[Face]:
    """The faces of some persons (None: those that are nobody's), by frame."""
    return [face for _, faces in store.iterate() for face in faces if face.person in people]


def unused_names(store: AlignmentsStore, count: int) -> list[str]:
    """Automatic names that nobody in the clip has."""
    counts = store.face_counts()
    taken = {name.casefold() for person, name in store.people().items() if counts.get(person)}
    names: list[str] = []
    number = 1
    while len(names) < count:
        name = f"{AUTOMATIC} {number}"
        if name.casefold() not in taken:
            names.append(name)
        number += 1
    return names


def is_automatic(name: str) -> bool:
    """Whether a machine made up this name."""
    word, _, number = name.partition(" ")
    return word == AUTOMATIC and number.isdigit()


def _holder(store: AlignmentsStore, name: str) -> int | None:
    """Whoever in the clip is called so."""
    try:
        return find(store, name)
    except AlignmentsError:
        return None


def _proper(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise UsageError("A person's name is empty", "Give a name")
    return name
