"""Linking: whoever is one person has one name, through gaps, cuts, crossings and all that a person said."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from understudy.core.errors import AlignmentsError
from understudy.core.extraction.task import run as extract
from understudy.core.faces import persons
from understudy.core.faces.linking import link
from understudy.core.faces.store import AlignmentsStore
from understudy.core.faces.tracks import GAP, Sighting, follow
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.extract import ExtractOptions


def exactly(film) -> None:
    """Everyone in truth has one name, and no two share one."""
    parted = film.parted()
    assert all(len(names) == 1 and None not in names for names in parted.values()), parted
    assert len({name for names in parted.values() for name in names}) == len(parted), parted


def test_two_who_stand_still(film):
    film.show(range(50), lambda f: [("a", 100), ("b", 600)])
    assert (link(film.store).persons, film.store.face_counts()) == (2, {1: 50, 2: 50})
    exactly(film)


def test_somebody_who_leaves_and_comes_back_elsewhere_is_the_same(film):
    film.show(range(120), lambda f: [("a", 100), *([("b", 600 if f < 40 else 300)] if not 40 <= f < 90 else [])])
    link(film.store)
    exactly(film)


def test_two_who_change_places_across_a_cut(film):
    film.show(range(80), lambda f: [("a", 100), ("b", 600)] if f < 40 else [("a", 600), ("b", 100)])
    link(film.store)
    exactly(film)


def test_another_person_in_the_same_place_after_a_cut(film):
    film.show(range(90), lambda f: [(("a", "b", "c")[f // 30], 100)])
    assert link(film.store).persons == 3
    exactly(film)


def test_many_shots_with_many_people(film):
    chance = np.random.default_rng(0)
    shots = [list(chance.permutation(list("abcdef"))[:1 + n % 3]) for n in range(20)]
    film.show(range(400), lambda f: [(who, 50 + 300 * place + f % 20) for place, who in enumerate(shots[f // 20])])
    link(film.store)
    exactly(film)


def test_gaps_of_missed_detections(film):
    film.show(range(100), lambda f: [("a", 100)] if f % 7 else [])
    assert link(film.store).persons == 1
    exactly(film)


def test_every_25th_frame_only(film):
    film.show(range(0, 400, 25), lambda f: [("a", 100 + f), ("b", 500 + f / 2)])
    link(film.store)
    exactly(film)


def test_two_in_one_frame_are_never_one_person(film):
    """Twins: the vectors cannot tell them apart, the frames can."""
    film.show(range(30), lambda f: [("a", 100), ("a", 600)])
    assert link(film.store).persons == 2


def test_a_false_find_becomes_nobody(film):
    film.show(range(60), lambda f: [("a", 100), *([("x", 800)] if f == 30 else [])])
    linked = link(film.store)
    assert (linked.persons, linked.nobody) == (1, 1)
    assert link(film.store, least_faces=1).persons == 2


def test_linking_again_changes_nothing_and_makes_no_revision(film):
    film.show(range(50), lambda f: [("a", 100), ("b", 600)])
    link(film.store)
    revision = film.store.revision
    assert link(film.store).changed == 0
    assert film.store.revision == revision


def test_names_and_choices_stay_through_re_extraction_and_linking(film):
    film.show(range(60), lambda f: [("a", 100), ("b", 600)])
    link(film.store)
    persons.rename(film.store, "Person 1", "Anna")
    wrong = film.store.faces(10)[1]
    persons.assign(film.store, [wrong.uuid], "Anna")
    nobody = film.store.faces(11)[0]
    persons.assign(film.store, [nobody.uuid], "")
    film.show(range(100), lambda f: [("a", 104), ("b", 606), *([("c", 350)] if f > 70 else [])], settings="others")
    link(film.store)
    named = film.named()
    assert named[wrong.uuid] == "Anna"
    assert named[nobody.uuid] is None
    others = {uuid: name for uuid, name in named.items() if uuid not in (wrong.uuid, nobody.uuid)}
    assert {(film.who[uuid], name) for uuid, name in others.items()} == {
        ("a", "Anna"), ("b", "Person 2"), ("c", "Person 1")}


def test_what_was_split_stays_apart_and_what_was_merged_together(film):
    film.show(range(60), lambda f: [("a", 100)])
    film.show(range(60, 120), lambda f: [("b", 100)])
    link(film.store)
    persons.merge(film.store, ["Person 1", "Person 2"])
    link(film.store)
    assert [(p.name, p.faces) for p in persons.listed(film.store)] == [("Person 1", 120)]
    early = {face.uuid for f in range(20) for face in film.store.faces(f)}
    assert persons.split(film.store, "Person 1", early, "Young Anna") == "Young Anna"
    link(film.store)
    assert [(p.name, p.faces) for p in persons.listed(film.store)] == [("Person 1", 100), ("Young Anna", 20)]


def test_one_choice_decides_for_the_frames_around_it(film):
    """A person names one face of each in two tracks that the vectors would join; the rest follows."""
    film.show(range(40), lambda f: [("a", 100)])
    film.show(range(60, 100), lambda f: [("a", 700)])
    link(film.store)
    persons.assign(film.store, [film.store.faces(5)[0].uuid], "Anna")
    persons.assign(film.store, [film.store.faces(70)[0].uuid], "Her sister")
    link(film.store)
    assert {p.name: p.frames for p in persons.listed(film.store)} == {"Anna": (0, 39), "Her sister": (60, 99)}


def test_faces_without_vectors_follow_their_track(film):
    film.show(range(40), lambda f: [("a", 100)])
    with film.store.transaction():
        film.store._connection.execute("DELETE FROM identity WHERE face = ?", (film.store.faces(20)[0].uuid,))
    added = film.store.add_face(41, (102, 100, 100, 100), np.ones((68, 2), np.float32))
    link(film.store)
    assert set(film.named().values()) == {"Person 1"}
    assert film.named()[added.uuid] == "Person 1"


def test_without_any_vectors_it_says_what_to_do(film):
    film.show(range(3), lambda f: [("a", 100)])
    with pytest.raises(AlignmentsError, match=r"no identity vectors of vggface2 \(they have: dlib\)"):
        link(film.store, "vggface2")


def test_an_empty_clip_has_nobody(film):
    film.show(range(3), lambda f: [])
    assert link(film.store).persons == 0


def test_a_track_ends_at_a_long_gap_a_jump_and_a_cut():
    one, other = np.eye(4)[0], np.eye(4)[1]
    box, far = (0.0, 0.0, 10.0, 10.0), (50.0, 0.0, 10.0, 10.0)
    sightings = [Sighting(0, box, one), Sighting(1, box, None), Sighting(2, box, other), Sighting(3, far, other),
                 Sighting(3 + GAP, far, other), Sighting(4 + 2 * GAP, far, other)]
    assert follow(sightings, 0.5) == [[0, 1], [2], [3, 4], [5]]


@pytest.mark.footage
@pytest.mark.parametrize(("clip", "every", "people"), [("two_people.mp4", 1, 2), ("real_talk_720p.mp4", 5, 1),
                                                        ("real_turn_720p.mp4", 5, 1)])
def test_filmed_and_rendered_people(footage, tmp_path, clip, every, people):
    """Extraction links by itself. In two_people one leaves and returns, and a board passes before the other."""
    shutil.copy(footage / clip, tmp_path / clip)
    result = extract(ExtractOptions(source=str(tmp_path / clip), every=every), SilentReporter())
    with AlignmentsStore.readonly(result["alignments"]) as store:
        assert len(persons.listed(store)) == people
        assert store.face_counts().get(None, 0) == 0
        if people == 2:
            truth = np.load(footage / "two_people_truth.npz")["landmarks"] - 0.5
            owners = set()
            for frame, faces in store.iterate():
                for face in faces:
                    off = np.abs(truth[frame] - face.landmarks).mean((1, 2))
                    assert off.min() < 15
                    owners.add((int(off.argmin()), face.person))
            assert len(owners) == 2, owners  # each true person is one person, and no two are the same
