"""Half-written files of killed processes are cleared away by the next run; those being written stay."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from understudy.core.partials import partial_path, sweep, sweep_pictures

GONE = 999_999_999  # higher than any process's number


@pytest.fixture
def other():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.communicate(b"\n")


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell whether a process runs without ending it")
def test_what_no_process_is_writing_any_more_goes(tmp_path, other):
    kept = ["a.png", ".b.png.part", f".c.png.{other.pid}.part", f".d.txt.{GONE}.part", f".e.png.{GONE}"]
    own = [f".a.png.{os.getpid()}.part", f".c.png.{os.getpid()}.part"]
    gone = [*(f".a{end}" for end in (f".png.{GONE}.part", f".png.{GONE}.partial", f".{GONE}.partial.png",
                                     f".{GONE}.part-journal")), own[1]]
    for name in [*kept, *gone, own[0]]:
        (tmp_path / name).write_bytes(b"")
    os.utime(tmp_path / own[1], (1, 1))  # a process of this number, long ago
    (tmp_path / f".a.{GONE}.part" / "inner").mkdir(parents=True)
    kept.append(own[0])
    sweep(tmp_path, lambda name: name in ("a", "a.png", "c.png"))
    assert names(tmp_path) == sorted(kept)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell whether a process runs without ending it")
def test_pictures_are_looked_for_in_groups_too(tmp_path):
    (tmp_path / "group").mkdir()
    (tmp_path / ".hidden").mkdir()
    torn = f".a.png.{GONE}.part"
    kept = ["a.png", ".hidden/" + torn, f".clip.mov.{GONE}.part"]
    for name in [*kept, torn, "group/" + torn]:
        (tmp_path / name).write_bytes(b"")
    sweep_pictures(tmp_path)
    assert names(tmp_path) == sorted(kept)


def test_the_name_of_what_is_being_written_is_known_again(tmp_path):
    assert partial_path(tmp_path / "a.png").name == f".a.png.{os.getpid()}.partial"
    assert partial_path(tmp_path / "a.mov", keep_ending=True).name == f".a.{os.getpid()}.partial.mov"


def test_a_folder_that_is_not_there_is_no_failure(tmp_path):
    sweep(tmp_path / "none", lambda name: True)
    sweep_pictures(tmp_path / "none")
