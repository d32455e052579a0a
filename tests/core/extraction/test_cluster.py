"""Extraction on a cluster of two processes, one of which is killed midway: the same faces as on this machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from understudy.core.errors import ClusterError, SourceError, Stopped
from understudy.core.extraction import farming
from understudy.core.extraction.task import run
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.extract import ExtractOptions

from .conftest import no_face, portrait, write

distributed = pytest.importorskip("distributed")
FRAMES = 16


@pytest.fixture(scope="module")
def workers():
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as made:
        yield made


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.setattr(farming, "SHARD", 2)
    folder = tmp_path / "shot"
    folder.mkdir()
    for n in range(FRAMES):
        write(folder / f"{n:02d}.png", no_face() if n % 7 == 3 else portrait(n, n // 2))
    return folder


def options(clip: Path, place: Path, **values) -> ExtractOptions:
    return ExtractOptions(source=str(clip), alignments=str(place / "alignments.db"), faces=str(place / "faces"),
                          device="cpu", detection_size=320, **values)


def found(place: Path) -> dict[int, list[tuple]]:
    with AlignmentsStore.readonly(place / "alignments.db") as store:
        assert store.integrity() == []
        assert store.frames_seen() == set(range(FRAMES))
        return {frame: [(face.box, face.landmarks.tobytes(), face.score,
                         {kind: vector.tobytes() for kind, vector in store.identities_of(face.uuid).items()},
                         store.thumbnail(face.uuid)) for face in faces] for frame, faces in store.iterate()}


def pictures(place: Path) -> dict[str, bytes]:
    return {path.name: read_header(path).landmarks.tobytes() for path in (place / "faces").iterdir()}


class Killer(threading.Thread):
    """Kills a worker that has work in its hands, once the store has frames."""

    def __init__(self, workers, place: Path) -> None:
        super().__init__()
        self.workers, self.place, self.killed, self.over = workers, place, "", threading.Event()

    def run(self) -> None:
        with distributed.Client(self.workers, set_as_default=False) as client:
            processes = client.run(os.getpid)
            while not self.killed and not self.over.is_set():
                busy = [worker for worker, tasks in client.processing().items() if tasks and worker in processes]
                if any((self.place / "faces").glob("*.png")) and busy:
                    self.killed = busy[0]
                    os.kill(processes[self.killed], signal.SIGKILL)
                time.sleep(0.005)


def test_a_cluster_finds_what_this_machine_finds_though_a_worker_dies(workers, clip, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    first = run(options(clip, here, save_interval=1), SilentReporter())
    killer = Killer(workers, there)
    killer.start()
    try:
        second = run(options(clip, there, save_interval=1, cluster=workers.scheduler_address), SilentReporter())
    finally:
        killer.over.set()
        killer.join()
    assert killer.killed
    assert second["frames_read"] == FRAMES
    assert second["faces_found"] == first["faces_found"] > 10
    assert found(there) == found(here)
    assert pictures(there) == pictures(here)
    again = run(options(clip, there, cluster=workers.scheduler_address), SilentReporter())
    assert (again["frames_read"], again["pictures_written"]) == (0, 0)


def test_a_stop_keeps_what_was_seen_and_the_same_again_continues(workers, clip, tmp_path):
    class Stopping(SilentReporter):
        def progress(self, done, total, unit, text=""):
            return done >= 4

    given = options(clip, tmp_path, cluster=workers.scheduler_address)
    with pytest.raises(Stopped):
        run(given, Stopping())
    result = run(given, SilentReporter())
    assert 0 < result["frames_read"] <= FRAMES - 4
    assert len(found(tmp_path)) == result["frames_with_faces"]


def test_a_frame_that_cannot_be_read_is_told_as_here(workers, clip, tmp_path):
    damaged = clip / "11.png"
    damaged.write_bytes(bytes(len(damaged.read_bytes())))
    with pytest.raises(SourceError, match=r"11\.png"):
        run(options(clip, tmp_path, cluster=workers.scheduler_address), SilentReporter())
    with AlignmentsStore.readonly(tmp_path / "alignments.db") as store:
        assert store.frames_seen() == set(range(10))  # whole shards before it


def test_nobody_answers(clip, tmp_path, monkeypatch):
    monkeypatch.setattr("understudy.core.cluster._PATIENCE", 0.5)
    with pytest.raises(ClusterError, match="No Dask scheduler answers"):
        run(options(clip, tmp_path, cluster="tcp://127.0.0.1:9"), SilentReporter())
    assert not (tmp_path / "alignments.db").exists()


