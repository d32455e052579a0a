"""Every iteration's losses: what is written is read, whatever cut the writing short."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.errors import ModelError, OutputError
from understudy.core.training.watching import history


def write(folder: Path, count: int, session: int = 1, first: int = 0, batch_size: int = 4) -> None:
    """A session of `count` iterations whose losses are its iterations' numbers."""
    writer = history.HistoryWriter(folder, session, first, batch_size)
    for iteration in range(first + 1, first + count + 1):
        writer.add({"loss_a": iteration, "loss_b": -iteration}, 0.5)
    writer.flush()
    writer.close()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path, 5)
    write(tmp_path, 3, session=2, first=5, batch_size=8)
    one, two = history.read(tmp_path)
    assert (one.session, one.first, one.last, one.batch_size) == (1, 0, 5, 4)
    assert (two.session, two.first, two.last, two.batch_size) == (2, 5, 8, 8)
    assert one.losses == ("loss_a", "loss_b")
    assert one.column("loss_a").tolist() == [1, 2, 3, 4, 5]
    assert two.column("loss_b").tolist() == [-6, -7, -8]
    assert two.rate.tolist() == [2 * 8 / 0.5] * 3
    assert np.isnan(one.column("mask_a")).all()


def test_the_latest_iterations_alone(tmp_path: Path) -> None:
    write(tmp_path, 50)
    (recent,) = history.read(tmp_path, recent=7)
    assert (recent.first, recent.last) == (43, 50)
    assert recent.column("loss_a").tolist() == list(range(44, 51))
    assert history.recent_losses(tmp_path, 4) == {"loss_a": 48.5, "loss_b": -48.5}


def test_no_history() -> None:
    assert history.read("nowhere") == []
    assert history.recent_losses(Path("nowhere")) == {}


def test_a_figure_that_is_not_there_is_no_number(tmp_path: Path) -> None:
    """As while one side trains alone."""
    writer = history.HistoryWriter(tmp_path, 1, 0, 4)
    writer.add({"loss_a": 1.0, "loss_b": 2.0}, 0.1)
    writer.add({"loss_b": 3.0, "else": 4.0}, 0.1)
    writer.flush()
    (read,) = history.read(tmp_path)
    np.testing.assert_array_equal(read.column("loss_a"), [1, np.nan])
    np.testing.assert_array_equal(read.column("loss_b"), [2, 3])
    assert history.recent_losses(tmp_path) == {"loss_a": 1.0, "loss_b": 2.5}


@given(cut=st.integers(0, 400))
def test_a_file_cut_anywhere_gives_its_whole_records(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("cut")
    write(folder, 20)
    path = history.path_of(folder, 1)
    data = path.read_bytes()
    path.write_bytes(data[:cut])
    header = data.index(b"\n") + 1
    whole = max(0, min(cut, len(data)) - header) // 12
    read = history.read(folder)
    if cut < header:
        assert read == []
    else:
        assert read[0].column("loss_a").tolist() == list(range(1, whole + 1))


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b"\xff\n", b"7\n", b"x" * 70_000, b'{"format": 1, "columns": 3}\n',
                                  b'{"format":1,"session":1,"first":-5,"batch_size":4,"columns":["loss_a"]}\n',
                                  b'{"format":1,"session":1,"first":0,"batch_size":4,"columns":[]}\n'])
def test_a_damaged_file_is_named(tmp_path: Path, line: bytes) -> None:
    path = history.path_of(tmp_path, 1)
    path.parent.mkdir()
    path.write_bytes(line + b"\0" * 24)
    with pytest.raises(ModelError, match=r"0001\.bin is damaged"):
        history.read(tmp_path)
    history.trim(tmp_path, [{"iterations": 1}])  # a training goes on all the same


def test_a_newer_file_is_told(tmp_path: Path) -> None:
    write(tmp_path, 1)
    path = history.path_of(tmp_path, 1)
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 9'))
    with pytest.raises(ModelError, match="newer Understudy"):
        history.read(tmp_path)


def test_what_no_save_counted_is_cut_off(tmp_path: Path) -> None:
    write(tmp_path, 10)
    write(tmp_path, 10, session=2, first=8)
    write(tmp_path, 10, session=3, first=12)
    (tmp_path / "history" / "notes.bin").write_bytes(b"")
    history.trim(tmp_path, [{"iterations": 8}, {"iterations": 20}])
    one, two = history.read(tmp_path)
    assert (one.last, two.first, two.last) == (8, 8, 18)
    write(tmp_path, 2, session=2, first=8)  # the same session again: it takes the place of the other
    assert history.read(tmp_path)[1].last == 10


def test_a_million_iterations_are_read_at_once(tmp_path: Path) -> None:
    """And take no more than twelve bytes each."""
    header = {"format": 1, "session": 1, "first": 0, "batch_size": 16, "columns": ["loss_a", "loss_b", "seconds"]}
    path = history.path_of(tmp_path, 1)
    path.parent.mkdir()
    path.write_bytes(json.dumps(header).encode() + b"\n" + np.ones((1_000_000, 3), "<f4").tobytes())
    assert path.stat().st_size < 12_001_000
    begin = time.process_time()
    (read,) = history.read(tmp_path)
    assert read.last == 1_000_000
    assert time.process_time() - begin < 0.5  # some 2 ms on an idle machine


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_full_disk_leaves_whole_records(tmp_path: Path) -> None:
    """A limit on the file's size stands for the full disk: the write stops in the middle of a record."""
    code = """
import resource, signal, sys
from pathlib import Path
from understudy.core.errors import OutputError
from understudy.core.training.watching import history
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = history.HistoryWriter(Path(sys.argv[1]), 1, 0, 4)
for iteration in range(1, 11):
    writer.add({"loss_a": iteration}, 0.5)
writer.flush()
size = history.path_of(Path(sys.argv[1]), 1).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
for iteration in range(11, 21):
    writer.add({"loss_a": iteration}, 0.5)
try:
    writer.flush()
    sys.exit("nothing was said")
except OutputError:
    pass
assert history.path_of(Path(sys.argv[1]), 1).stat().st_size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.flush()
"""
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert history.read(tmp_path)[0].column("loss_a").tolist() == list(range(1, 21))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("")
    with pytest.raises(OutputError, match="history"):
        history.HistoryWriter(tmp_path, 1, 0, 4)
