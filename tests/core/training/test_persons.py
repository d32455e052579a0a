"""Training on some of the persons in a faces folder."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.core.errors import AlignmentsError, FacesError, UsageError
from understudy.core.faces import persons
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.folder import Settings
from understudy.core.training.data import list_faces, load_faces
from understudy.core.training.persons import faces_of


@pytest.fixture
def store_of(tmp_path):
    """Makes an alignments file in which pictures' faces belong to persons: `store_of("a", {"Anna": paths})`."""
    def make(name, people):
        path = tmp_path / f"{name}.db"
        with AlignmentsStore.create(path, SourceInfo(name, f"{name}.mp4", 640, 360, "25", 1000)) as store:
            for person, pictures in people.items():
                faces = [Face(n, (0, 0, 9, 9), np.ones((68, 2), np.float32), uuid=read_header(picture).uuid)
                         for n, picture in enumerate(pictures)]
                for face in faces:
                    store.write_frame(face.frame + 100 * len(store.frames_seen()), "f", "s", [Found(face)])
                persons.assign(store, [face.uuid for face in faces], person)
        return str(path)
    return make


def test_only_pictures_of_chosen_persons_are_read(faces_a, store_of):
    pictures = list_faces(faces_a)
    stores = (store_of("one", {"Anna": pictures[:20]}),
              store_of("two", {"Anna": pictures[20:26], "Bea": pictures[26:]}))
    settings = Settings("sketch")
    anna = load_faces(faces_a, 32, settings, SilentReporter(), "A", faces_of(("anna",), stores, "A"))
    assert anna.paths == pictures[:26]
    everyone = load_faces(faces_a, 32, settings, SilentReporter(), "A", faces_of((), (), "A"))
    assert everyone.paths == pictures
    with pytest.raises(FacesError, match=r"2 usable faces .* the others are of other persons"):
        load_faces(faces_a, 32, settings, SilentReporter(), "A", faces_of(("Bea",), stores, "A"))


def test_what_is_missing_is_told(faces_a, store_of):
    store = store_of("one", {"Anna": list_faces(faces_a)[:3]})
    with pytest.raises(UsageError, match="--alignments-b"):
        faces_of(("Anna",), (), "B")
    with pytest.raises(AlignmentsError, match="Known: Anna"):
        faces_of(("Anna", "Zoe"), (store,), "A")
    with pytest.raises(AlignmentsError, match="no alignments"):
        faces_of(("Anna",), (store + "x",), "A")
