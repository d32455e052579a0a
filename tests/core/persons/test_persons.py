"""What a person says of persons: names, merges, splits and assignments, each one step that undo takes back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import AlignmentsError, FacesError, UsageError
from understudy.core.faces import persons
from understudy.core.faces.linking import link
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.jobs.tasks import TASKS
from understudy.core.options import make
from understudy.core.persons import task

from .conftest import Film


@pytest.fixture
def linked(film):
    """Two people, 30 faces of Person 1 and 20 of Person 2."""
    film.show(range(30), lambda f: [("a", 100), *([("b", 600)] if f < 20 else [])])
    link(film.store, undoable=False)
    return film


def do(film: Film, job: str, **options):
    film.store.close()
    try:
        work = TASKS[f"persons {job}"]
        return work.load()(make(work.options, {"source": str(film.store.path), **options}), SilentReporter())
    finally:
        film.store = AlignmentsStore.open(film.store.path)


def people(film: Film) -> dict[str, int]:
    return {person.name: person.faces for person in persons.listed(film.store)}


def test_listing(linked):
    result = do(linked, "list")
    assert result["text"].splitlines() == ["Person 1       30 faces  frames 0 to 29",
                                           "Person 2       20 faces  frames 0 to 19"]
    assert result["people"][1] == {"name": "Person 2", "faces": 20, "first": 0, "last": 19, "assigned": 0}


def test_every_command_is_one_step_that_undo_takes_back(linked):
    before = linked.named()
    steps = [lambda: do(linked, "name", person="person 1", name="  Anna   B. "),
             lambda: do(linked, "assign", person="Carla", frames="0-4", position=0),
             lambda: do(linked, "split", person="Person 2", frames="10-19", name="Dora"),
             lambda: do(linked, "merge", persons=("Anna B.", "Dora")),
             lambda: do(linked, "assign", person="", frames="5", position=0)]
    states = [before]
    for number, step in enumerate(steps, 1):
        step()
        assert linked.store.revision == number
        states.append(linked.named())
    assert people(linked) == {"Anna B.": 34, "Person 2": 10, "Carla": 5}
    for revision in (0, 3, 1, 5, 2, 4):
        linked.store.go_to(revision)
        assert linked.named() == states[revision], revision
    assert linked.store.integrity() == []


def test_linking_by_command_can_be_undone(linked):
    do(linked, "assign", person="Carla", frames="0-29", position=0)
    persons.assign(linked.store, [], "Carla")
    before = linked.named()
    linked.show(range(30, 40), lambda f: [("a", 100)])
    do(linked, "link")
    assert people(linked) == {"Carla": 40, "Person 2": 20}
    linked.store.go_to(linked.store.revision - 1)
    assert {u: n for u, n in linked.named().items() if n} == before


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("aeslu"), st.integers(0, 9), st.integers(0, 3)), max_size=10))
def test_undo_reaches_every_revision_exactly_also_between_edits(tmp_path_factory, steps):
    film = Film(tmp_path_factory.mktemp("film") / "a.db")
    film.show(range(10), lambda f: [("a", 100), ("b", 600)])
    store = film.store

    def state():
        names = store.people()
        chosen = store.chosen_faces()
        return sorted((f.uuid, f.state, f.revision, names.get(f.person), f.uuid in chosen, f.landmarks.tobytes())
                      for _, faces in store.iterate() for f in faces)

    states = {0: state()}
    for kind, frame, who in steps:
        face = store.faces(frame)[who % 2]
        if kind == "a":
            persons.assign(store, [face.uuid], f"P{who}")
        elif kind == "e":
            store.edit_face(face.uuid, face.landmarks + 1 + who)
        elif kind == "s" and face.person is not None:
            persons.rename(store, store.people()[face.person], f"Name {frame}{who}")
        elif kind == "l":
            with store.edit():
                store.edit_face(face.uuid, face.landmarks - 1)
                store.set_persons({face.uuid: store.add_person(f"Q{frame}{who}")})
        elif kind == "u" and store.revision:
            store.go_to(store.revision - 1)
            states = {r: s for r, s in states.items() if r <= store.revision}
        states[store.revision] = state()
    for revision in [*reversed(states), *states]:
        store.go_to(revision)
        assert state() == states[revision]
    assert store.integrity() == []
    store.close()


def test_a_split_without_faces_chosen_goes_by_looks(film):
    film.show(range(40), lambda f: [("a", 100)])
    film.show(range(40, 50), lambda f: [("b", 100)])
    persons.assign(film.store, list(film.who), "Anna")
    result = do(film, "split", person="Anna")
    assert result["name"] == "Person 1"
    assert film.parted() == {"a": {"Anna"}, "b": {"Person 1"}}


def test_whom_a_task_is_about(linked):
    is_meant = persons.wanted(linked.store, ("person 2",))
    assert sum(is_meant(face) for _, faces in linked.store.iterate() for face in faces) == 20
    everyone = persons.wanted(linked.store, ())
    assert all(everyone(face) for _, faces in linked.store.iterate() for face in faces)
    with pytest.raises(AlignmentsError, match=r"called 'Zoe'. Known: Person 1, Person 2"):
        persons.wanted(linked.store, ("Person 1", "Zoe"))


@pytest.mark.parametrize(("name", "options", "error", "words"), [
    ("name", {"person": "Zoe", "name": "A"}, AlignmentsError, "Known: Person 1, Person 2"),
    ("name", {"person": "Person 1", "name": "person 2"}, AlignmentsError, "merge the two"),
    ("name", {"person": "Person 1", "name": "  "}, UsageError, "empty"),
    ("merge", {"persons": ("Person 1",)}, UsageError, "not two"),
    ("merge", {"persons": ("Person 1", "person 1")}, UsageError, "not two"),
    ("merge", {"persons": ("Person 1", "Zoe")}, AlignmentsError, "Zoe"),
    ("split", {"person": "Person 2", "frames": "25-29"}, AlignmentsError, "None of the 20"),
    ("split", {"person": "Person 2", "frames": "0-29"}, AlignmentsError, "All of the 20"),
    ("split", {"person": "Person 2", "frames": "0-3", "name": "Person 1"}, AlignmentsError, "already"),
    ("split", {"person": "Zoe"}, AlignmentsError, "Zoe"),
    ("assign", {"person": "A"}, UsageError, "No faces are chosen"),
    ("assign", {"person": "A", "frames": "0-9999"}, UsageError, "9999"),
    ("assign", {"person": "A", "position": 7}, AlignmentsError, "no such faces"),
    ("assign", {"person": "A", "pictures": "/nowhere/else"}, FacesError, "nowhere"),
])
def test_bad_input_is_told_in_one_line_and_changes_nothing(linked, name, options, error, words):
    before = linked.named()
    with pytest.raises(error, match=words) as caught:
        do(linked, name, **options)
    assert "\n" not in str(caught.value)
    assert (linked.named(), linked.store.revision) == (before, 0)


def test_missing_alignments_are_told(tmp_path):
    for place in (str(tmp_path / "a.mp4"), str(tmp_path / "a.db"), ""):
        with pytest.raises((AlignmentsError, UsageError)):
            task.list_(make(TASKS["persons list"].options, {"source": place}), SilentReporter())
