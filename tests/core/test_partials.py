"""Half-written files of killed processes are cleared away by the next run; those being written stay."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from understudy.core.partials import sweep, sweep_pictures

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
    gone = [f".a.png.{GONE}.part", f".a.png.{GONE}.partial", f".a.{GONE}.partial.png", f".c.png.{os.getpid()}.part"]
    for name in kept + gone:
        (tmp_path / name).write_bytes(b"")
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


def test_a_folder_that_is_not_there_is_no_failure(tmp_path):
    sweep(tmp_path / "none", lambda name: True)
    sweep_pictures(tmp_path / "none")
