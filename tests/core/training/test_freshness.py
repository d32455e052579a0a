"""Training warns of pictures that are older than their landmarks, wherever the alignments are."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.core.errors import AlignmentsError
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.folder import Settings
from understudy.core.training.faces import data
from understudy.core.training.faces.freshness import outdated
from understudy.core.training.faces.reading import Cut


@pytest.fixture
def faces(tmp_path, faces_maker) -> Path:
    return faces_maker(tmp_path / "shot" / "faces", 6)


def make_store(path: Path, faces: Path) -> AlignmentsStore:
    """Alignments that know the faces of the pictures as they are."""
    store = AlignmentsStore.create(path, SourceInfo("abc", "clip.mp4", 320, 240, "25", 100))
    with store.transaction():
        for picture in faces.glob("*.png"):
            header = read_header(picture)
            store.set_frame(header.frame, header.frame_name, "test")
            store.put(Found(Face(header.frame, header.box, header.landmarks, uuid=header.uuid)))
    return store


def warnings(faces: Path, *alignments: Path) -> list[str]:
    read = data.read_faces(faces, Cut(32, Settings("sketch")), SilentReporter(), "A", (), [str(p) for p in alignments])
    return [sentence for sentence, _ in outdated(read, SilentReporter())]


@pytest.mark.parametrize("place", ["shot/faces/alignments.db", "shot/faces/clip_alignments.db",
                                   "shot/clip_alignments.db", "clip_alignments.db", "shot/clip.mp4/alignments.db"])
def test_alignments_are_found_near_the_folder(tmp_path, faces, place):
    with make_store(tmp_path / place, faces) as store:
        assert warnings(faces) == []
        store.edit_face(f"{2:032x}", store.face(f"{2:032x}").landmarks + 1)
    (warning,) = warnings(faces)
    assert warning.startswith("1 of the 6 pictures of side A are older than their landmarks (clip_000002_0.png)")
    assert f"--faces {faces} --update" in warning


def test_named_alignments_count_alone(tmp_path, faces):
    with make_store(tmp_path / "elsewhere" / "a.db", faces) as store:
        store.edit_face(f"{1:032x}", store.face(f"{1:032x}").landmarks + 1)
        store.remove_face(f"{4:032x}")
    make_store(tmp_path / "shot" / "clip_alignments.db", faces).close()
    assert warnings(faces) == []
    (old,) = warnings(faces, tmp_path / "elsewhere" / "a.db")
    assert old.startswith("1 of the 5 pictures of side A are older than their landmarks (clip_000001_0.png); "
                          "the alignments' landmarks are learned")
    with pytest.raises(AlignmentsError, match="no alignments"):
        warnings(faces, tmp_path / "gone.db")


def test_pictures_of_removed_faces_are_named(tmp_path, faces):
    with make_store(tmp_path / "shot" / "clip_alignments.db", faces) as store:
        store.remove_face(f"{4:032x}")
    (gone,) = warnings(faces)
    assert gone.startswith("1 of the 6 pictures of side A are of faces that were removed from the alignments "
                           "(clip_000004_0.png)")


def test_undone_edits_are_no_reason(tmp_path, faces):
    with make_store(tmp_path / "shot" / "clip_alignments.db", faces) as store:
        store.edit_face(f"{1:032x}", store.face(f"{1:032x}").landmarks + 1)
        store.go_to(0)
    assert warnings(faces) == []


def test_without_alignments_or_with_damaged_ones_nothing_is_said(tmp_path, faces):
    assert warnings(faces) == []
    (tmp_path / "shot" / "clip_alignments.db").write_bytes(b"no store at all" * 99)
    assert warnings(faces) == []
