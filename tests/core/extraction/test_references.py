"""filter and nfilter: which faces are kept, and what a reference picture may be."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from understudy.core.errors import FacesError, SourceError, UsageError
from understudy.core.extraction.aligners.dlib_68 import Dlib68
from understudy.core.extraction.detectors.dlib_hog import DlibHog
from understudy.core.extraction.identity.dlib_resnet import DlibResNet
from understudy.core.extraction.references import ReferenceReader, References, pictures_of
from understudy.core.extraction.task import run
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.extract import ExtractOptions

from .conftest import no_face, portrait, write

A, B, C = np.eye(3, 8)
NOBODY = np.zeros((0, 8))


def between(first: np.ndarray, second: np.ndarray, similarity: float) -> np.ndarray:
    """A vector at this cosine similarity to `first`, leaning to `second`."""
    return 3 * (similarity * first + np.sqrt(1 - similarity ** 2) * second)


def test_filter_keeps_whom_any_picture_is_like_from_the_threshold_on():
    references = References(np.stack([A, 5 * B]), NOBODY, 0.6)
    faces = np.stack([A, between(B, C, 0.61), between(B, C, 0.59), C, np.zeros(8)])
    assert references.broken_rules(faces) == [None, None, "filter", "filter", "filter"]


def test_nfilter_drops_whom_any_picture_is_like():
    references = References(NOBODY, np.stack([A, B]), 0.6)
    assert references.broken_rules(np.stack([between(A, C, 0.61), between(A, C, 0.59), B, np.zeros(8)])) == [
        "nfilter", None, "nfilter", None]


def test_with_both_a_face_must_pass_both():
    references = References(A[None], B[None], 0.6)
    both = between(A, B, 0.7)  # 0.7 like A, and 0.71 like B
    assert references.broken_rules(np.stack([A, both, C])) == [None, "nfilter", "filter"]


def test_the_fingerprint_follows_everything_that_decides():
    words = {References(*lists, threshold).fingerprint for lists in
             ((A[None], NOBODY), (NOBODY, A[None]), (B[None], NOBODY), (A[None], B[None])) for threshold in (0.6, 0.7)}
    assert len(words) == 8
    assert References(A[None], NOBODY, 0.6).fingerprint == References(A[None] * 2, NOBODY, 0.6).fingerprint


@pytest.fixture(scope="module")
def reader() -> ReferenceReader:
    return ReferenceReader(DlibHog(), Dlib68(), DlibResNet(), "dlib")


@pytest.fixture
def photo(tmp_path):
    write(tmp_path / "photo.png", portrait(5, 3))
    return tmp_path / "photo.png"


def vector_of(picture: np.ndarray) -> np.ndarray:
    identity = DlibResNet()
    ((found,),) = DlibHog().detect([picture])
    return identity.vectors([identity.chip(picture, Dlib68().align([picture], [found.box])[0])])


def test_a_photograph_is_looked_at_with_the_runs_own_tools(reader, photo):
    references = reader.read([str(photo)], [], 0.935)
    assert references.broken_rules(vector_of(portrait())) == [None]
    assert reader.read([], [str(photo)], 0.935).broken_rules(vector_of(portrait())) == ["nfilter"]
    assert reader.read([], [], 0.935) is None


def test_a_folder_stands_for_its_pictures(reader, photo, tmp_path):
    write(tmp_path / "other.png", portrait(-7, 2))
    (tmp_path / "notes.txt").write_text("not a picture")
    assert pictures_of([str(tmp_path), str(photo)]) == [tmp_path / "other.png", photo]
    assert reader.read([str(tmp_path)], [], 0.935).broken_rules(vector_of(portrait())) == [None]


@pytest.fixture
def faces_folder(shot, tmp_path):
    run(ExtractOptions(source=str(shot), faces=str(tmp_path / "faces"), frames="0-2"), SilentReporter())
    return tmp_path / "faces"


def test_a_picture_of_a_faces_folder_reuses_its_stored_vector(reader, shot, faces_folder, monkeypatch):
    picture = faces_folder / "shot.0001_0.png"
    header = read_header(picture)
    with AlignmentsStore.readonly(shot / "alignments.db") as store:
        stored = store.identity(store.faces(0)[0].uuid, "dlib")
    np.testing.assert_allclose(header.identities["dlib"], stored, atol=1e-5)
    monkeypatch.setattr(DlibHog, "detect", None)  # neither looked for again
    monkeypatch.setattr(DlibResNet, "vectors", None)  # nor measured again
    assert reader.read([str(picture)], [], 0.9999).broken_rules(stored[None]) == [None]


def test_a_face_picture_without_a_vector_of_this_model_is_measured_by_its_landmarks(faces_folder, monkeypatch):
    other = ReferenceReader(DlibHog(), Dlib68(), DlibResNet(), "another-model")
    vector = vector_of(portrait())
    monkeypatch.setattr(DlibHog, "detect", None)
    references = other.read([str(faces_folder / "shot.0001_0.png")], [], 0.97)
    assert references.broken_rules(vector) == [None]


def test_what_cannot_be_a_reference_is_told_by_name(reader, photo, tmp_path):
    write(tmp_path / "wall.png", no_face())
    write(tmp_path / "two.png", np.concatenate([portrait(), portrait()], 1))
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn.png").write_bytes(photo.read_bytes()[:300])
    for name, error, words in (("wall.png", FacesError, "no face"), ("two.png", FacesError, "2 faces"),
                               ("empty", SourceError, "no pictures"), ("torn.png", SourceError, "torn"),
                               ("gone.png", SourceError, "does not exist")):
        with pytest.raises(error, match=words) as caught:
            reader.read([str(tmp_path / name)], [], 0.9)
        assert name in str(caught.value)
    with pytest.raises(UsageError, match="both"):
        reader.read([str(photo)], [str(tmp_path / "." / "photo.png")], 0.9)


def test_a_run_says_how_many_faces_each_rule_left_out(shot, faces_folder, tmp_path):
    tilted = tmp_path / "tilted"
    tilted.mkdir()
    for n in range(3):
        write(tilted / f"{n}.png", portrait(n, n) if n < 2 else no_face())
    chosen = ExtractOptions(source=str(tilted), align_filters=True, align_min_scale=10.0)
    assert run(chosen, SilentReporter())["left_out"] == {}
    with pytest.raises(FacesError, match="2 by min-scale"):
        run(replace(chosen, align_min_scale=90.0), SilentReporter())
    with pytest.raises(FacesError, match="2 by nfilter"):
        run(replace(chosen, nfilter=(str(faces_folder),)), SilentReporter())


@pytest.mark.footage
def test_a_run_keeps_only_the_person_of_the_pictures(footage, tmp_path):
    clip = tmp_path / "two.mp4"
    shutil.copy(footage / "two_people.mp4", clip)
    truth = np.load(footage / "two_people_truth.npz")["landmarks"][:, :, 17:].mean(2)
    run(ExtractOptions(source=str(footage / "actor_a.mp4"), frames="40,130,200", alignments=str(tmp_path / "a.db"),
                       faces=str(tmp_path / "a")), SilentReporter())
    for option, kept in (("filter", 0), ("nfilter", 1)):
        result = run(ExtractOptions(source=str(clip), frames="0,10,20,30", **{option: (str(tmp_path / "a"),)}),
                     SilentReporter())
        assert result["left_out"] == {option: 8 - result["faces"]}
        with AlignmentsStore.readonly(tmp_path / "two_alignments.db") as store:
            found = [face for _, faces in store.iterate() for face in faces]
        assert len(found) >= 3
        for face in found:
            assert np.linalg.norm(truth[face.frame] - face.landmarks[17:].mean(0), axis=1).argmin() == kept
