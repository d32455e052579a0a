"""The whole road of cleaning up: extract, sort, throw out, take out of the alignments, extract again."""

from __future__ import annotations

import shutil

import pytest

from understudy.core.alignments.remove_faces import run as remove_faces
from understudy.core.errors import AlignmentsError
from understudy.core.extraction.task import run as extract
from understudy.core.faces import persons
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore
from understudy.core.options.alignments import RemoveFacesOptions
from understudy.core.options.extract import ExtractOptions
from understudy.core.options.sort import SortOptions
from understudy.core.sorting.task import run as sort

from .conftest import Recorder


@pytest.mark.footage
def test_what_was_sorted_out_stays_out(footage, tmp_path):
    clip, folder = tmp_path / "two.mp4", tmp_path / "faces"
    shutil.copy(footage / "two_people.mp4", clip)
    first = extract(ExtractOptions(source=str(clip), faces=str(folder), every=8, face_size=256), Recorder())
    with AlignmentsStore.open(first["alignments"]) as store:
        persons.rename(store, "Person 1", "Anna")
        unwanted = {face.uuid for face in persons.faces_of(store, [persons.find(store, "Person 2")])}

    sort(SortOptions(faces=str(folder), by="face", alignments=first["alignments"]), Recorder())
    again = extract(ExtractOptions(source=str(clip), faces=str(folder), every=8, face_size=256), Recorder())
    assert again["pictures_written"] == 0  # sorted pictures are known again
    pictures = sorted(folder.glob("*.png"))
    assert len(pictures) == first["faces"]
    for path in pictures:
        if read_header(path).uuid in unwanted:
            path.unlink()
    removed = remove_faces(RemoveFacesOptions(source=str(clip), faces=str(folder)), Recorder())
    assert removed["removed"] == len(unwanted) > 5

    # With other settings all is looked at anew; what was sorted out is found again, and left out.
    last = extract(ExtractOptions(source=str(clip), faces=str(folder), every=8, face_size=256, detection_size=480),
                   Recorder())
    assert last["frames_read"] == last["frames"]
    left = [read_header(path) for path in folder.glob("*.png")]
    assert len(left) == first["faces"] - len(unwanted)
    assert {header.uuid for header in left}.isdisjoint(unwanted)
    with AlignmentsStore.readonly(first["alignments"]) as store:
        assert [(person.name, person.faces) for person in persons.listed(store)] == [("Anna", len(left))]

    chosen = ExtractOptions(source=str(clip), faces=str(tmp_path / "anna"), every=8, face_size=256, persons=("anna",))
    extract(chosen, Recorder())
    assert len(list((tmp_path / "anna").glob("*.png"))) == len(left)
    with pytest.raises(AlignmentsError, match="Zoe"):
        extract(ExtractOptions(source=str(clip), faces=str(tmp_path / "zoe"), every=8, persons=("Zoe",)), Recorder())
