"""Training from a faces folder and its alignments: whose faces, which landmarks, and what has no entry."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core.errors import AlignmentsError, FacesError, UsageError
from understudy.core.extraction.maskers.landmark import draw
from understudy.core.faces import persons
from understudy.core.faces.geometry import Alignment
from understudy.core.faces.nouns import Face, SourceInfo, StoredMask
from understudy.core.faces.png import read_header, write_face
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.folder import Settings
from understudy.core.training.faces.data import FaceSet, list_faces, load_faces
from understudy.core.training.faces.reading import Cut

CUT = Cut(32, Settings("sketch"))
Maker = Callable[..., str]


class Warnings(SilentReporter):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def warning(self, message: str, detail: str = "") -> None:
        self.heard.append(message)


@pytest.fixture
def store_of(tmp_path: Path) -> Maker:
    """Makes an alignments file of pictures, of which some belong to persons."""
    def make(name: str, pictures: list[Path], people: dict[str, list[Path]] | None = None) -> str:
        path = tmp_path / f"{name}.db"
        with AlignmentsStore.create(path, SourceInfo(name, "clip.mp4", 320, 240, "25", 1000)) as store:
            with store.transaction():
                for header in map(read_header, pictures):
                    store.set_frame(header.frame, header.frame_name, "test")
                    store.put(Found(Face(header.frame, header.box, header.landmarks, position=0, uuid=header.uuid)))
            for person, theirs in (people or {}).items():
                persons.assign(store, [read_header(picture).uuid for picture in theirs], person)
        return str(path)
    return make


def load(folder: Path, stores: tuple[str, ...], names: tuple[str, ...] = (), cut: Cut = CUT,
         reporter: SilentReporter | None = None) -> FaceSet:
    return load_faces(folder, cut, reporter or SilentReporter(), "A", names, stores)


def test_only_pictures_of_chosen_persons_are_read(faces_a: Path, store_of: Maker) -> None:
    pictures = list_faces(faces_a)
    stores = (store_of("one", pictures[:20], {"Anna": pictures[:20]}),
              store_of("two", pictures[20:], {"Anna": pictures[20:26], "Bea": pictures[26:]}))
    assert load(faces_a, stores, ("anna",)).paths == pictures[:26]
    assert load(faces_a, stores).paths == pictures
    with pytest.raises(FacesError, match=r"2 usable faces .* the others are of other persons"):
        load(faces_a, stores, ("Bea",))


def test_what_is_missing_is_told(faces_a: Path, store_of: Maker) -> None:
    pictures = list_faces(faces_a)
    store = store_of("one", pictures, {"Anna": pictures[:3]})
    with pytest.raises(UsageError, match="--alignments-a"):
        load(faces_a, (), ("Anna",))
    with pytest.raises(AlignmentsError, match="Known: Anna"):
        load(faces_a, (store,), ("Anna", "Zoe"))
    with pytest.raises(AlignmentsError, match="no alignments"):
        load(faces_a, (store + "x",), ("Anna",))


def test_pictures_without_an_entry_and_of_removed_faces_are_named(faces_a: Path, store_of: Maker) -> None:
    pictures = list_faces(faces_a)
    store = store_of("one", pictures[2:])
    with AlignmentsStore.open(store) as opened:
        opened.remove_face(read_header(pictures[5]).uuid)
    reporter = Warnings()
    faces = load(faces_a, (store,), reporter=reporter)
    assert faces.paths == [*pictures[2:5], *pictures[6:]]
    assert "3 of 28 files" in reporter.heard[0]
    assert all(pictures[index].name in reporter.heard[0] for index in (0, 1, 5))
    assert "has no entry in the alignments" in reporter.heard[0]
    with pytest.raises(FacesError, match=r"0 usable faces .*has no entry in the alignments"):
        load(faces_a, (store_of("none", []),))


def test_landmarks_corrected_since_are_learned(faces_a: Path, store_of: Maker) -> None:
    pictures = list_faces(faces_a)
    store = store_of("one", pictures)
    header = read_header(pictures[3])
    with AlignmentsStore.open(store) as opened:
        opened.edit_face(header.uuid, header.landmarks + np.array((12, -6)))
    cut = Cut(64, Settings("sketch"))
    old, new = load(faces_a, (), cut=cut), load(faces_a, (store,), cut=cut)
    assert new.outdated == [pictures[3]]
    np.testing.assert_array_equal(np.delete(new.crops, 3, 0), np.delete(old.crops, 3, 0))
    np.testing.assert_allclose(new.landmarks[3], old.landmarks[3], atol=1e-3)  # the crop moves with the face
    turn = Alignment(header.landmarks).matrix(*cut.place())[:, :2]
    window = cv2.createHanningWindow((64, 64), cv2.CV_64F)
    shift, _ = cv2.phaseCorrelate(*[faces.crops[3, ..., 1].astype(np.float64) for faces in (old, new)], window)
    np.testing.assert_allclose(shift, turn @ (-12, 6), atol=0.3)


def test_pictures_that_lost_their_headers_are_known_by_their_names(faces_a: Path, store_of: Maker, tmp_path: Path
                                                                   ) -> None:
    folder = shutil.copytree(faces_a, tmp_path / "faces")
    store = store_of("one", list_faces(faces_a))
    expected = load(folder, ())
    for number, picture in enumerate(list_faces(folder)[:4]):
        pixels = cv2.imread(str(picture))
        picture.unlink()
        cv2.imwrite(str(folder / (picture.name if number % 2 else f"{number:06}_{picture.name}")), pixels)
    cv2.imwrite(str(folder / "stranger_000001_0.png"), pixels)
    with pytest.raises(FacesError, match="24 usable faces"):
        load(folder, ())
    faces = load(folder, (store,))
    assert [path.name for path, _ in faces.unusable] == ["stranger_000001_0.png"]
    np.testing.assert_array_equal(faces.crops[np.argsort([path.name[-12:] for path in faces.paths])], expected.crops)


def test_masks_come_from_the_alignments(faces_a: Path, store_of: Maker) -> None:
    pictures = list_faces(faces_a)
    store = store_of("one", pictures)
    cut = Cut(32, Settings("sketch", mask_type="vgg-clear"))
    with pytest.raises(FacesError, match=r"28 of the 28 faces of A .* have no mask vgg-clear"):
        load(faces_a, (store,), cut=cut)
    with AlignmentsStore.open(store) as opened, opened.transaction():
        for header in map(read_header, pictures):
            alignment = Alignment(header.landmarks)
            drawn = draw(alignment.points(256, "face"), 256, "extended")
            opened.set_mask(header.uuid, StoredMask("vgg-clear", drawn, alignment.matrix(256, "face")))
    stored, drawn = load(faces_a, (store,), cut=cut), load(faces_a, (store,))
    assert np.abs(stored.crops[..., 3].astype(int) - drawn.crops[..., 3]).mean() < 3


def test_pictures_that_were_enlarged_lie_where_they_did(faces_a: Path, tmp_path: Path) -> None:
    """Upscalers may keep the header, which is about the picture as it was."""
    folder = shutil.copytree(faces_a, tmp_path / "faces")
    expected = load(folder, ())
    for picture in list_faces(folder)[:5]:
        header = read_header(picture)
        larger = cv2.resize(cv2.imread(str(picture)), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        write_face(picture, cv2.imencode(".png", larger)[1].tobytes(), header)
    enlarged = load(folder, ())
    np.testing.assert_array_equal(enlarged.landmarks, expected.landmarks)
    assert np.abs(enlarged.crops[:5].astype(int) - expected.crops[:5]).mean() < 2
    for old, new in zip(expected.crops[:5, ..., 1], enlarged.crops[:5, ..., 1], strict=True):
        shift, _ = cv2.phaseCorrelate(old.astype(np.float64), new.astype(np.float64))
        assert np.hypot(*shift) < 0.05


def test_groups_that_sorting_made_are_pointed_to(faces_a: Path, tmp_path: Path) -> None:
    group = tmp_path / "_face_001"
    shutil.copytree(faces_a, group)
    with pytest.raises(FacesError, match="one of the groups in it into which they were sorted"):
        load(tmp_path, ())
    assert len(load(group, ())) == 28
