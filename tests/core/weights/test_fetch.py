"""Fetching over HTTP, from a server that does everything that servers do."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from io import BytesIO

import pytest
import requests

from understudy.core.errors import JobError, OutputError, Stopped, UsageError, WeightsError
from understudy.core.jobs.lock import FileLock
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.weights import WeightsFetchOptions
from understudy.core.weights import download, files, placing, task

CONTENT = random.Random(7).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class StopAfter(SilentReporter):
    """Asks to stop once so many megabytes are there."""

    def __init__(self, done: int) -> None:
        self.limit = done

    def progress(self, done, total, unit, text=""):
        return done >= self.limit


@pytest.fixture
def tiny(depot, table, weights_row):
    """One row with a published hash; its file is on the server."""
    depot.files["/tiny.pth"] = CONTENT
    row = weights_row(address=depot.address("/tiny.pth"), size=len(CONTENT), sha256=SHA256)
    table(row)
    return row


def fetch(*names, reporter=None, online=True):
    return task.fetch(WeightsFetchOptions(names=names or ("tiny",), online=online), reporter or SilentReporter())


def left_over():
    """Whatever a download has left beside the weights."""
    return sorted(p.name for p in (files.folder() / ".downloads").glob("*") if p.suffix != ".lock")


def test_a_file_is_fetched_once(depot, tiny):
    assert fetch()["fetched"] == ["tiny"]
    assert files.weights_file("tiny").read_bytes() == CONTENT
    assert fetch() == {"fetched": [], "here": ["tiny"], "folder": str(files.folder()), "text": "Already here: tiny"}
    assert len(depot.asked) == 1
    assert left_over() == []


def test_a_broken_connection_goes_on_where_it_stopped(depot, tiny):
    depot.plans["/tiny.pth"] = [("cut", 1_000_000), ("cut", 700_000)]
    fetch()
    assert files.weights_file("tiny").read_bytes() == CONTENT
    begun = [int(asked[6:-1]) for _, asked in depot.asked if asked]
    assert len(begun) == 2
    assert 900_000 < begun[0] <= 1_000_000 < begun[1] <= begun[0] + 700_000
    assert depot.sent <= len(CONTENT) + 2 * download._PIECE


def test_a_stopped_fetch_goes_on_the_next_time(depot, tiny):
    with pytest.raises(Stopped):
        fetch(reporter=StopAfter(1))
    assert not files.is_present("tiny")
    assert left_over() == ["tiny.pth.part", "tiny.pth.part.json"]
    have = (files.folder() / ".downloads" / "tiny.pth.part").stat().st_size
    assert fetch()["fetched"] == ["tiny"]
    assert depot.asked[-1] == ("/tiny.pth", f"bytes={have}-")
    assert files.weights_file("tiny").read_bytes() == CONTENT


def test_a_killed_fetch_goes_on_the_next_time(depot, tiny):
    """The process dies in the middle: nothing half is in place, and what it got is not asked for again."""
    code = ("import sys, time\nfrom pathlib import Path\nfrom understudy.core.weights.download import download\n"
            "def tell(have, total):\n    print(have, flush=True)\n    time.sleep(0.05)\n"
            "download(sys.argv[1], Path(sys.argv[2]), tell)")
    target = files.folder() / ".downloads" / "tiny.pth"
    process = subprocess.Popen([sys.executable, "-c", code, tiny.address, str(target)], stdout=subprocess.PIPE)
    while int(process.stdout.readline() or 10**9) < 500_000:
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not target.exists()
    have = target.with_name("tiny.pth.part").stat().st_size
    assert 400_000 < have < len(CONTENT)
    fetch()
    assert depot.asked[-1] == ("/tiny.pth", f"bytes={have}-")
    assert files.weights_file("tiny").read_bytes() == CONTENT


def test_another_file_on_the_server_begins_anew(depot, tiny):
    depot.files["/tiny.pth"] = CONTENT[::-1]
    with pytest.raises(Stopped):
        fetch(reporter=StopAfter(1))
    depot.files["/tiny.pth"] = CONTENT
    fetch()
    assert files.weights_file("tiny").read_bytes() == CONTENT


def test_a_server_that_names_no_version_begins_anew(depot, tiny):
    depot.validators = False
    depot.plans["/tiny.pth"] = [("cut", 1_000_000)]
    fetch()
    assert [asked for _, asked in depot.asked] == [None, None]
    assert files.weights_file("tiny").read_bytes() == CONTENT


@pytest.mark.parametrize("second", [("ignore range",), ("shift range",), ("status", 416)])
def test_a_server_that_answers_oddly_to_the_rest(depot, tiny, second):
    depot.plans["/tiny.pth"] = [("cut", 1_000_000), second]
    fetch()
    assert files.weights_file("tiny").read_bytes() == CONTENT


def test_a_file_of_unknown_length(depot, table, weights_row):
    depot.files["/tiny.pth"] = CONTENT
    depot.plans["/tiny.pth"] = [("no length",)]
    table(weights_row(address=depot.address("/tiny.pth")))
    fetch()
    assert files.weights_file("tiny").read_bytes() == CONTENT


def test_the_wrong_file(depot, tiny):
    depot.files["/tiny.pth"] = bytes(len(CONTENT))
    with pytest.raises(WeightsError, match="is not the published file") as caught:
        fetch()
    assert SHA256 in str(caught.value)
    assert not files.is_present("tiny")
    assert left_over() == []
    depot.files["/tiny.pth"] = CONTENT
    fetch()
    assert files.weights_file("tiny").read_bytes() == CONTENT


def test_a_file_that_is_always_cut_short(depot, tiny):
    depot.plans["/tiny.pth"] = [("cut", 1000)] * 100
    with pytest.raises(WeightsError, match=r"the connection broke.*goes on where it stopped"):
        fetch()
    assert len(depot.asked) == download.TRIES
    assert not files.is_present("tiny")


def test_a_busy_server_is_asked_again(depot, tiny):
    depot.plans["/tiny.pth"] = [("status", 503), ("status", 429), ("status", 500)]
    fetch()
    assert len(depot.asked) == 4


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_told_at_once(depot, tiny, status):
    depot.plans["/tiny.pth"] = [("status", status)] * 100
    with pytest.raises(WeightsError, match=rf"tiny\.pth: the server answered {status}"):
        fetch()
    assert len(depot.asked) == 1


def test_a_redirection_is_followed(depot, table, weights_row):
    depot.files["/there.pth"] = CONTENT
    depot.plans["/tiny.pth"] = [("redirect", "/there.pth")] * 2
    depot.plans["/there.pth"] = [("cut", 500_000)]
    table(weights_row(address=depot.address("/tiny.pth"), sha256=SHA256))
    fetch()
    assert [path for path, _ in depot.asked] == ["/tiny.pth", "/there.pth"] * 2
    assert files.weights_file("tiny").read_bytes() == CONTENT


def test_a_redirection_away_from_encryption_is_refused():
    first, last = requests.Response(), requests.Response()
    first.url, last.url, last.history = "https://a.example/w.pth", "http://b.example/w.pth", [first]
    with pytest.raises(WeightsError, match="without encryption"):
        download._stay_encrypted(last)
    last.url = "https://b.example/w.pth"
    download._stay_encrypted(last)


def test_nobody_answers(depot, tiny):
    depot.server.shutdown()
    depot.server.server_close()
    with pytest.raises(WeightsError, match=r"Cannot download http://127\.0\.0\.1.*refused"):
        fetch()


@pytest.mark.parametrize("by", ["option", "environment"])
def test_offline_nothing_is_asked(depot, tiny, by, monkeypatch):
    if by == "environment":
        monkeypatch.setenv("UNDERSTUDY_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"needs the internet, and .*import the file: http://127") as caught:
        fetch(online=by == "environment")
    assert ("UNDERSTUDY_OFFLINE is set" if by == "environment" else "Allow Online Access") in str(caught.value)
    assert depot.asked == []
    assert not files.folder().exists()


def test_offline_what_is_here_needs_no_network(depot, tiny):
    fetch()
    assert fetch(online=False)["here"] == ["tiny"]


def test_a_second_process_is_told_to_wait(depot, tiny):
    room = files.folder() / ".downloads"
    room.mkdir(parents=True)
    lock = FileLock(room / "tiny.pth.lock")
    assert lock.acquire()
    try:
        with pytest.raises(JobError, match="Another process is fetching"):
            fetch()
    finally:
        lock.release()
    fetch()


def test_what_cannot_be_fetched(table, weights_row):
    table(weights_row("own", "own.ckpt"))
    with pytest.raises(WeightsError, match=r"own cannot be downloaded.*import FILE --name own"):
        fetch("own")
    with pytest.raises(UsageError, match="Did you mean own"):
        fetch("owm")
    with pytest.raises(UsageError, match="Which weights"):
        task.fetch(WeightsFetchOptions(), SilentReporter())


# --- archives ---------------------------------------------------------------------------------------------------


def zipped(**members: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


@pytest.fixture
def pair(depot, table, weights_row):
    """Two rows out of one archive, whose hashes nobody publishes."""
    made = [weights_row(name, f"{name}.pt", address=depot.address("/pair.zip"), member=f"{name}.pt")
            for name in ("one", "two")]
    table(*made)
    depot.files["/pair.zip"] = zipped(**{"folder__one.pt": b"first" * 999, "two.pt": b"second" * 999})
    return made


def test_an_archive_serves_all_its_rows_with_one_download(depot, pair):
    assert fetch("two", "one")["fetched"] == ["one", "two"]
    assert files.weights_file("one").read_bytes() == b"first" * 999
    assert files.weights_file("two").read_bytes() == b"second" * 999
    assert len(depot.asked) == 1
    assert left_over() == []


def test_a_hash_that_nobody_publishes_counts_from_the_first_time(depot, pair):
    fetch("one")
    assert placing.recorded(pair[0]) == hashlib.sha256(b"first" * 999).hexdigest()
    files.path_of(pair[0]).unlink()
    depot.files["/pair.zip"] = zipped(**{"one.pt": b"forged", "two.pt": b"second"})
    with pytest.raises(WeightsError, match="that of the file which was there first"):
        fetch("one")
    assert not files.is_present("one")
    assert left_over() == []


def test_paths_inside_an_archive_lead_nowhere(depot, pair, tmp_path):
    depot.files["/pair.zip"] = zipped(**{"..__..__..__one.pt": b"evil", "two.pt": b"x"})
    fetch("one")
    assert list(tmp_path.rglob("one.pt")) == [files.path_of(pair[0])]


@pytest.mark.parametrize("content", [b"no archive", b"", zipped(**{"other.pt": b"x"})[:-30], zipped(other=b"x")],
                         ids=["text", "empty", "torn", "another's"])  # archives tell the time
def test_an_archive_that_is_none_or_lacks_the_file(depot, pair, content):
    depot.files["/pair.zip"] = content
    with pytest.raises(WeightsError, match=r"pair\.zip (is damaged|does not hold one\.pt)"):
        fetch("one")
    assert left_over() == []


def test_an_archive_with_a_damaged_member(depot, pair):
    whole = bytearray(zipped(**{"one.pt": random.Random(1).randbytes(5000)}))
    whole[2000] ^= 0xFF
    depot.files["/pair.zip"] = bytes(whole)
    with pytest.raises(WeightsError, match=r"pair\.zip is damaged"):
        fetch("one")
    assert not files.is_present("one")
    assert left_over() == []


def test_an_archive_that_would_fill_the_disk(depot, pair, monkeypatch):
    monkeypatch.setattr(placing, "_LARGEST", 1000)
    with pytest.raises(WeightsError, match=r"one\.pt in .*would unpack to"):
        fetch("one")
    assert left_over() == []


# --- full disks -------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path, monkeypatch, tiny):
    """A home of one megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    if sys.platform != "linux" or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)],
                                                 capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    monkeypatch.setenv("UNDERSTUDY_HOME", str(place))
    yield place
    for _ in range(20):
        if not subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode:
            break
        time.sleep(0.05)


def test_a_disk_too_small_is_told_before_the_download(depot, small_disk):
    with pytest.raises(OutputError, match="the download needs 3 MB"):
        fetch()
    assert depot.sent < 200_000 or not (files.folder() / ".downloads" / "tiny.pth.part").exists()


def test_a_disk_that_fills_up_on_the_way(depot, small_disk):
    depot.plans["/tiny.pth"] = [("no length",)]
    with pytest.raises(OutputError, match="The disk is full"):
        fetch()
    assert not files.is_present("tiny")
