"""Sorting as a task: what moves where, what undo gives back, and that no face is lost on the way."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from understudy.core.errors import AlignmentsError, FacesError, OutputError, Stopped, UsageError
from understudy.core.jobs.lock import FileLock
from understudy.core.options.sort import SortOptions
from understudy.core.sorting import journal as journals
from understudy.core.sorting import task
from understudy.core.sorting.names import sorted_pictures, without_number
from understudy.core.sorting.task import run

from ..killing import kill_at_random_instants
from .conftest import Faces, Recorder, landmarks


def sort(made: Faces, reporter: Recorder | None = None, **options):
    return run(SortOptions(**{"faces": str(made.folder), "by": "size", **options}), reporter or Recorder())


def test_rename_numbers_the_pictures_in_order(varied):
    result = sort(varied)
    assert result == {"faces_folder": str(varied.folder), "output": str(varied.folder), "pictures": 12, "moved": 12,
                      "groups": 0, "dry_run": False}
    assert varied.names() == [f"{place:06d}_clip_{11 - place:06d}_0.png" for place in range(12)]


def test_sorting_again_replaces_the_numbers(varied):
    sort(varied)
    sort(varied, by="distance")
    assert [without_number(name) for name in varied.names()] == [f"clip_{n:06d}_0.png" for n in range(12)]
    assert all(name.startswith(f"{place:06d}_clip") for place, name in enumerate(varied.names()))


def test_undo_gives_back_one_sorting_after_the_other(varied):
    states = [varied.names()]
    for options in ({}, {"by": "distance"}, {"by": "roll", "final_process": "folders"}, {"by": "roll"}):
        sort(varied, **options)
        states.append(varied.names())
    for state in states[-2::-1]:
        sort(varied, undo=True)
        assert varied.names() == state
    assert [p.name for p in varied.folder.iterdir() if p.is_dir()] == []
    with pytest.raises(FacesError, match="no sorting"):
        sort(varied, undo=True)


def test_undo_passes_over_what_was_thrown_out_and_what_is_in_the_way(varied):
    sort(varied)
    (varied.folder / "000002_clip_000009_0.png").unlink()
    (varied.folder / "clip_000003_0.png").write_bytes(b"another file")
    reporter = Recorder()
    sort(varied, reporter, undo=True)
    assert "000008_clip_000003_0.png" in varied.names()
    assert (varied.folder / "clip_000003_0.png").read_bytes() == b"another file"
    assert len(varied.names()) == 12
    assert "1 pictures stay" in reporter.warnings[0]


def test_output_and_keep(varied, tmp_path):
    before = varied.names()
    for _ in range(2):  # the second time all is there
        sort(varied, output=str(tmp_path / "kept"), keep=True)
        assert varied.names() == before
        assert len(list((tmp_path / "kept").glob("*.png"))) == 12
    moved = sort(varied, output=str(tmp_path / "moved"))
    assert (moved["moved"], varied.names()) == (12, [])
    sort(varied, undo=True)
    assert varied.names() == before
    assert list((tmp_path / "moved").glob("*.png")) == []
    sort(varied, undo=True)
    assert list((tmp_path / "kept").glob("*.png")) == []
    assert varied.names() == before


def test_keep_in_place_warns_of_pairs_and_is_undone(varied):
    before = varied.names()
    reporter = Recorder()
    sort(varied, reporter, keep=True)
    assert len(varied.names()) == 24
    assert "twice" in reporter.warnings[0]
    sort(varied, by="roll", final_process="folders", bins=1)  # pairs of one name share a folder
    assert len(varied.names()) == 24
    sort(varied, undo=True)
    sort(varied, undo=True)
    assert varied.names() == before


def test_names_that_others_have_are_stepped_aside_for(faces):
    """Pairs whose names differ by the number only, in the reverse of the order that they are to have."""
    for number in range(4):
        faces.add(number, points=landmarks(30 + 10 * number))
    for place, path in enumerate(sorted(faces.folder.glob("*.png"))):
        shutil.copy(path, faces.folder / f"{place:06d}_{path.name}")
        path.rename(faces.folder / f"{place + 4:06d}_{path.name}")
    before = faces.names()
    sort(faces)
    assert [name.split("_")[2] for name in faces.names()] == ["000003", "000003", "000002", "000002", "000001",
                                                              "000001", "000000", "000000"]
    sort(faces, undo=True)
    assert faces.names() == before


def test_a_clip_called_like_a_number_keeps_its_name(faces):
    for number in range(3):
        faces.add(number, points=landmarks(30 + number), clip="000123_take")
    sort(faces)
    assert faces.names()[0] == "000000_000123_take_000002_0.png"
    sort(faces, by="distance")
    assert {without_number(name) for name in faces.names()} == {f"000123_take_{n:06d}_0.png" for n in range(3)}


def test_sorted_pictures_are_found_by_their_first_names(varied):
    assert sorted_pictures(varied.folder) == {}
    sort(varied)
    assert sorted_pictures(varied.folder)["clip_000011_0.png"].name == "000000_clip_000011_0.png"
    sort(varied, by="roll", final_process="folders")
    found = sorted_pictures(varied.folder)
    assert len(found) == 12
    assert all(path.is_file() and name == path.name for name, path in found.items())


def test_dry_run_changes_nothing(varied):
    before = varied.names()
    result = sort(varied, dry_run=True)
    assert len(result["text"].splitlines()) == 12
    assert (varied.names(), journals.journals(varied.folder)) == (before, [])


def test_what_is_no_face_is_left_alone(varied):
    (varied.folder / "notes.txt").write_text("mine")
    (varied.folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    reporter = Recorder()
    assert sort(varied, reporter)["pictures"] == 12
    assert "1 of 13 files cannot be used" in reporter.warnings[0]
    assert (varied.folder / "logo.png").exists()


def test_a_picture_that_cannot_be_decoded_stays(varied):
    path = varied.folder / "clip_000005_0.png"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 2000] if len(data) > 4000 else data[:-50])
    broken = path.read_bytes()
    reporter = Recorder()
    result = sort(varied, reporter, by="color-gray")
    if result["pictures"] == 11:  # cv2 may make something of a torn file
        assert path.read_bytes() == broken
        assert reporter.warnings


def test_stopped_before_the_renaming_changes_nothing_and_after_it_goes_on(varied):
    before = varied.names()
    with pytest.raises(Stopped):
        sort(varied, Recorder(("Reading headers", 0)))
    assert varied.names() == before
    with pytest.raises(Stopped):
        sort(varied, Recorder(("Renaming", 5)))
    assert sum(name.startswith("0000") for name in varied.names()) == 5
    assert sort(varied)["moved"] == 12
    assert varied.names()[0] == "000000_clip_000011_0.png"
    with pytest.raises(Stopped):
        sort(varied, Recorder(("Restoring", 5)), undo=True)
    sort(varied, by="distance")  # finishes what was being taken back, then sorts
    sort(varied, undo=True)
    assert varied.names() == before


def test_another_sorting_finishes_an_interrupted_one_first(varied):
    before = varied.names()
    with pytest.raises(Stopped):
        sort(varied, Recorder(("Renaming", 5)))
    sort(varied, by="roll", final_process="folders")
    assert len(set(varied.uuids())) == 12
    sort(varied, undo=True)
    sort(varied, undo=True)
    assert varied.names() == before


def test_bad_input_is_told_in_one_line(varied, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "000000_clip_000011_0.png").write_bytes(b"in the way")
    before = varied.names()
    for options, error, words in (
            ({"faces": str(tmp_path / "nowhere")}, FacesError, "no faces folder"),
            ({"faces": ""}, FacesError, "none is named"),
            ({"faces": str(tmp_path / "file")}, FacesError, "no faces folder"),
            ({"faces": str(tmp_path / "empty")}, FacesError, "holds no faces"),
            ({"output": str(tmp_path / "file")}, OutputError, "is a file"),
            ({"output": str(tmp_path / "out")}, OutputError, "there already"),
            ({"persons": ("Anna",)}, UsageError, "alignments"),
            ({"alignments": str(tmp_path / "none.db")}, AlignmentsError, "no alignments"),
            ({"undo": True}, FacesError, "no sorting")):
        with pytest.raises(error, match=words) as caught:
            sort(varied, **options)
        assert "\n" not in str(caught.value)
    assert varied.names() == before


def test_a_damaged_record_is_told(varied):
    sort(varied)
    (record,) = journals.journals(varied.folder)
    record.write_text("{torn")
    with pytest.raises(FacesError, match="alignments rename"):
        sort(varied, undo=True)


def test_two_sortings_of_one_folder_keep_out_of_each_others_way(varied):
    lock = FileLock(varied.folder / task._LOCK)
    assert lock.acquire()
    with pytest.raises(FacesError, match="being sorted"):
        sort(varied)
    lock.release()
    sort(varied)


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="needs a second file system")
def test_moving_to_another_disk_and_back(varied):
    other = "/dev/shm/understudy_test_sort"
    shutil.rmtree(other, ignore_errors=True)
    before = varied.names()
    try:
        sort(varied, output=other)
        assert (varied.names(), len(os.listdir(other))) == ([], 12)
        sort(varied, undo=True)
        assert (varied.names(), os.listdir(other)) == (before, [])
    finally:
        shutil.rmtree(other, ignore_errors=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell whether a process runs without ending it")
def test_what_a_killed_copying_left_half_written_goes(varied):
    torn = varied.folder / ".clip_000000_0.png.999999999.part"
    torn.write_bytes(b"half")
    sort(varied)
    assert not torn.exists()


RUN = """
import sys, time
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.sort import SortOptions
from understudy.core.sorting.task import run

class Slow(SilentReporter):
    def progress(self, done, total, unit, text=""):
        if text in ("Renaming", "Restoring", "Copying"):
            time.sleep(0.002)
        return False

print("begun", flush=True)
for undo in (False, True, False):
    run(SortOptions(faces=sys.argv[1], by=sys.argv[2], final_process=sys.argv[3], bins=4, undo=undo), Slow())
"""


def killed(many: Faces, instants: int, by: str, process: str) -> None:
    """Sort, undo and sort again, killed at random instants: every face is there once, and undo or the same again
    brings one of the two states that there are."""
    first, uuids = many.names(), sorted(many.uuids())
    clean = many.folder.with_name("clean")
    shutil.copytree(many.folder, clean)
    sort(many, by=by, final_process=process, bins=4)
    last = many.names()
    chance = iter(range(10**6))

    def prepare() -> None:
        shutil.rmtree(many.folder)
        shutil.copytree(clean, many.folder)

    def check() -> None:
        everything = [path for path in many.folder.rglob("*") if ".png" in path.name and path.is_file()]
        assert len(everything) == len(uuids)
        assert sorted(task.Picture(path).header.uuid for path in everything) == uuids
        if next(chance) % 2 and journals.journals(many.folder):
            sort(many, undo=True)
            assert many.names() == first
        else:
            sort(many, by=by, final_process=process, bins=4)
            assert many.names() == last

    command = [sys.executable, "-c", RUN, str(many.folder), by, process]
    kill_at_random_instants(command, instants, check, prepare)


@pytest.fixture
def many(faces) -> Faces:
    for number in range(40):
        faces.add(number, points=landmarks(20 + (number * 37) % 60, degrees=(number * 53) % 120 - 60))
    # Half of the names are taken by others, so that pictures have to step aside.
    for place, name in enumerate(faces.names()[::2]):
        (faces.folder / name).rename(faces.folder / f"{place:06d}_{name}")
    return faces


@pytest.mark.parametrize(("by", "process"), [("size", "rename"), ("roll", "folders")])
def test_killed_at_random_instants_nothing_is_lost(many, by, process):
    killed(many, 5, by, process)


@pytest.mark.long
@pytest.mark.parametrize(("by", "process"), [("size", "rename"), ("roll", "folders")])
def test_killed_at_thirty_instants_nothing_is_lost(many, by, process):
    killed(many, 30, by, process)
