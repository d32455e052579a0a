"""Conversion on a cluster of two processes, one of which is killed midway, and by two commands into one folder."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from understudy.core import cluster
from understudy.core.conversion.composite import full_frame
from understudy.core.conversion.nouns import ConvertedFrame
from understudy.core.conversion.task import run
from understudy.core.conversion.writers.video import VideoWriter
from understudy.core.errors import ClusterError, SourceError, Stopped
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import write_png
from understudy.core.media.source import open_source
from understudy.core.models import base, folder

from .conftest import FRAMES, extract, picture

distributed = pytest.importorskip("distributed")
LONG = 40  # frames: enough for a worker to be killed with work in its hands


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    """Two worker processes of one thread each, as `dask worker --nthreads 1` makes them."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as made:
        yield made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that other processes know as well: a small one, untrained."""
    torch.manual_seed(3)
    made = base.build("sketch")
    state = folder.ModelState(folder.Settings("sketch", coverage=0.875), made.input_size, made.output_size)
    folder.write(tmp_path / "model", state, made.state_dict(), {})
    return tmp_path / "model"


@pytest.fixture
def shot(tmp_path: Path) -> Any:
    for index in range(LONG):
        write_png(tmp_path / "shot" / f"img_{index:03d}.png", picture(index % FRAMES))
    return extract(tmp_path / "shot")


def contents(place: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in place.iterdir()}


class Killer(threading.Thread):
    """Kills a worker that has work in its hands, once some pictures are there."""

    def __init__(self, workers: Any, output: Path) -> None:
        super().__init__()
        self.workers, self.output, self.killed, self.over = workers, output, "", threading.Event()

    def run(self) -> None:
        with distributed.Client(self.workers, set_as_default=False) as client:
            processes = client.run(os.getpid)
            while not self.killed and not self.over.is_set():
                there = len(list(self.output.glob("*.png"))) if self.output.is_dir() else 0
                busy = [worker for worker, tasks in client.processing().items() if tasks and worker in processes]
                if 0 < there < LONG and busy:
                    self.killed = busy[0]
                    os.kill(processes[self.killed], signal.SIGKILL)
                time.sleep(0.002)


def test_a_cluster_gives_what_this_machine_gives_though_a_worker_dies(
        workers: Any, model: Path, shot: Any, options: Callable, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.core.conversion.farming.SHARD", 3)
    run(options(shot, model, writer="images", output=str(tmp_path / "here")), SilentReporter())
    killer = Killer(workers, tmp_path / "there")
    killer.start()
    try:
        result = run(options(shot, model, writer="images", output=str(tmp_path / "there"),
                             cluster=workers.scheduler_address), SilentReporter())
    finally:
        killer.over.set()
        killer.join()
    assert killer.killed
    assert (result["converted"], result["kept"]) == (LONG, 0)
    here, there = contents(tmp_path / "here"), contents(tmp_path / "there")
    torn = {name for name in there if name.endswith(".partial")}
    assert {name: there[name] for name in there.keys() - torn} == here
    assert len(torn) <= 1  # what the killed worker was just writing
    again = run(options(shot, model, writer="images", output=str(tmp_path / "there"),
                        cluster=workers.scheduler_address), SilentReporter())
    assert (again["converted"], again["kept"]) == (0, LONG)


def test_a_video_is_written_in_order_by_the_one_who_asked(workers: Any, model: Path, shot: Any, options: Callable,
                                                          tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures that the encoder is given are compared: x264 itself does not code alike twice."""
    monkeypatch.setattr("understudy.core.conversion.farming.SHARD", 5)
    given: list[tuple[int, str]] = []
    write = VideoWriter.write

    def noting(self: VideoWriter, converted: ConvertedFrame) -> None:
        given.append((converted.index, hashlib.sha256(full_frame(converted).tobytes()).hexdigest()))
        write(self, converted)

    monkeypatch.setattr(VideoWriter, "write", noting)
    values: dict[str, Any] = {"writer": "video", "frames": "2-21"}
    run(options(shot, model, output=str(tmp_path / "here.mp4"), **values), SilentReporter())
    here, given = given, []
    result = run(options(shot, model, output=str(tmp_path / "there.mp4"), cluster=workers.scheduler_address, **values),
                 SilentReporter())
    assert result["faces"] > 10
    assert [index for index, _ in here] == list(range(2, 22))
    assert given == here
    with open_source(tmp_path / "there.mp4") as there:
        assert len(there) == 20


def test_a_stop_is_heard_and_the_same_again_continues(workers: Any, model: Path, shot: Any, options: Callable,
                                                      listener: type, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.core.conversion.farming.SHARD", 3)
    given = options(shot, model, writer="images", cluster=workers.scheduler_address)
    with pytest.raises(Stopped):
        run(given, listener(stop_after=5))
    result = run(given, SilentReporter())
    assert 0 < result["converted"] < LONG
    assert result["converted"] + result["kept"] == LONG


def test_what_a_worker_cannot_read_is_told_as_here(workers: Any, model: Path, shot: Any, options: Callable) -> None:
    """A damaged picture of the same size, so that nothing shows before it is decoded."""
    damaged = shot.path / "img_025.png"
    damaged.write_bytes(bytes(len(damaged.read_bytes())))
    with pytest.raises(SourceError, match=r"img_025\.png"):
        run(options(shot, model, writer="images", cluster=workers.scheduler_address), SilentReporter())


def test_nobody_at_the_address(model: Path, shot: Any, options: Callable, tmp_path: Path,
                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense://x", "127.0.0.1"):
        with pytest.raises(ClusterError, match=r"No Dask scheduler answers at .*dask scheduler"):
            run(options(shot, model, writer="images", cluster=address), SilentReporter())


def test_a_cluster_without_workers(model: Path, shot: Any, options: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", 0.5)
    with (distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty,
          pytest.raises(ClusterError, match="has no workers")):
        run(options(shot, model, writer="images", cluster=empty.scheduler_address), SilentReporter())


def test_without_dask_it_says_how_to_get_it(model: Path, shot: Any, options: Callable, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"not installed.*pip install .*distributed"):
        run(options(shot, model, writer="images", cluster="tcp://farm:8786"), SilentReporter())
    assert not any((tmp_path / "out").glob("*.png"))


ALONE = """
import sys
from understudy.core.conversion.composite import full_frame
from understudy.core.conversion.nouns import ConvertedFrame
from understudy.core.conversion.task import run
from understudy.core.conversion.writers.video import VideoWriter
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.convert import ConvertOptions
run(ConvertOptions(source=sys.argv[1], model_dir=sys.argv[2], output=sys.argv[3], frames=sys.argv[4], writer="images",
                   device="cpu"), SilentReporter())
assert not {"dask", "distributed"} & set(sys.modules)
"""


def test_two_commands_with_frames_of_their_own_share_a_folder(model: Path, shot: Any, options: Callable,
                                                              tmp_path: Path) -> None:
    """As render farms do it; nothing of Dask is imported."""
    run(options(shot, model, writer="images", output=str(tmp_path / "here")), SilentReporter())
    whole = [sys.executable, "-c", ALONE, str(shot.path), str(model), str(tmp_path / "there")]
    commands = [subprocess.Popen([*whole, part], stderr=subprocess.PIPE, text=True) for part in ("0-19", "20-39")]
    for command in commands:
        _, complaints = command.communicate(timeout=300)
        assert command.returncode == 0, complaints
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


