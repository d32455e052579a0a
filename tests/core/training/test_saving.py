"""What training keeps, and that nothing takes it away: kills, full disks, losses that are no numbers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from understudy.core.errors import ModelError, Stopped
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models import copies, folder
from understudy.core.models.folder import ModelState
from understudy.core.options.train import TrainOptions
from understudy.core.training import session as session_module
from understudy.core.training import task
from understudy.core.training.computing import choosing, precision
from understudy.core.training.computing.execution import Execution
from understudy.core.training.loop import Losses, Trainer

from ..killing import kill_at_random_instants

pytestmark = pytest.mark.usefixtures("tiny_trainer")


class Recorder(SilentReporter):
    """Remembers warnings, and asks to stop once training has made `stop_at` iterations."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at = stop_at
        self.warnings: list[str] = []

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        return bool(self.stop_at) and unit == "iterations" and done >= self.stop_at

    def warning(self, message: str, detail: str = "") -> None:
        self.warnings.append(message)


@pytest.fixture(autouse=True)
def _plain_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the fastest by measurement, which on a busy machine is now this one, now that: sums differ in last bits."""
    monkeypatch.setattr(choosing, "measure", lambda *_, **__: (Execution(), {}))


@pytest.fixture
def options(faces_a: Path, faces_b: Path, tmp_path: Path) -> TrainOptions:
    return TrainOptions(input_a=str(faces_a), input_b=str(faces_b), model_dir=str(tmp_path / "model"), trainer="tiny",
                        iterations=20, batch_size=4, precision="float32", save_interval=10, snapshot_interval=0,
                        preview_images=2, logs=False, seed=5)


def train(options: TrainOptions, **changes: Any) -> Recorder:
    reporter = Recorder()
    task.run(replace(options, **changes), reporter)
    return reporter


def model_of(options: TrainOptions) -> tuple[Path, ModelState]:
    return Path(options.model_dir), folder.read_state(options.model_dir)


def tensors(place: Path) -> dict[str, torch.Tensor]:
    state = folder.read_state(place)
    return {f"{name}:{key}": value for name in state.weight_files
            for key, value in folder.read_tensors(place / name, state.checksums[name]).items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether the values are equal, whatever the number of the save."""
    def plain(held: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {f"{name.partition('.')[0]}:{name.partition(':')[2]}": value for name, value in held.items()}

    a, b = plain(one), plain(other)
    return a.keys() == b.keys() and all(torch.equal(value, b[name]) for name, value in a.items())


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The loss that each iteration is said to have, from the first one on; the training itself is the real one."""
    told: list[float] = []
    real = Trainer.step

    def step(self: Trainer, batch: Any, iteration: int) -> Losses:
        real(self, batch, iteration)
        return Losses(told[iteration], 0.0)

    monkeypatch.setattr(Trainer, "step", step)
    return told


def test_backups_are_made_of_improved_saves_only(options: TrainOptions, losses: list[float]) -> None:
    losses += [5.0] * 10 + [4.0] * 10 + [6.0] * 10 + [3.0] * 10 + [9.0] * 20
    model_dir = Path(options.model_dir)
    backup = copies.backup_place(model_dir)
    seen: dict[int, tuple[int, float | None, int]] = {}

    class Looker(Recorder):
        def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
            if unit == "iterations" and done and done % 10 == 0:
                state = folder.read_state(model_dir)
                seen[done] = (folder.read_state(backup).iterations, state.lowest_loss, state.lowest_at)
            return False

    task.run(replace(options, iterations=60), Looker())
    assert seen == {10: (10, 5.0, 10), 20: (20, 4.0, 20), 30: (20, 4.0, 20), 40: (40, 3.0, 40), 50: (40, 3.0, 40),
                    60: (40, 3.0, 40)}
    assert (backup / "preview.png").is_file()
    assert folder.load(backup).iterations == 40


def test_a_few_iterations_are_no_comparison(options: TrainOptions, losses: list[float]) -> None:
    """By chance they may have a loss that is not reached again for long."""
    losses += [5.0] * 10 + [0.1] * 2 + [4.0] * 8
    train(options, iterations=10)
    with pytest.raises(Stopped):
        task.run(options, Recorder(stop_at=12))
    assert folder.read_state(options.model_dir).lowest_loss == 5.0


def test_an_untrained_model_is_nothing_to_back_up(options: TrainOptions) -> None:
    class Stopping(SilentReporter):
        def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
            return unit == "iterations"

    with pytest.raises(Stopped):
        task.run(options, Stopping())
    assert folder.read_state(options.model_dir).iterations == 0
    assert not copies.backup_place(Path(options.model_dir)).exists()


def test_losses_of_another_measure_are_not_compared(options: TrainOptions, losses: list[float]) -> None:
    """A backup of before stays until the new loss has improved."""
    losses += [5.0] * 10 + [50.0] * 10 + [40.0] * 10
    backup = copies.backup_place(Path(options.model_dir))
    train(options, iterations=10, loss_function="mae")
    train(options, iterations=20, loss_function="mse")
    state = folder.read_state(options.model_dir)
    assert (state.lowest_loss, folder.read_state(backup).iterations) == (50.0, 10)
    train(options, iterations=30, loss_function="mse")
    assert folder.read_state(backup).iterations == 30


def test_snapshots_are_whole_models_that_training_goes_on_from(options: TrainOptions) -> None:
    train(options, iterations=34, snapshot_interval=15, logs=True)
    model_dir, _ = model_of(options)
    places = [copies.snapshot_place(model_dir, iterations) for iterations in (15, 30)]
    assert [copy.place for copy in copies.find_copies(model_dir) if copy.kind == "snapshot"] == places[::-1]
    for iterations, place in zip((15, 30), places, strict=True):
        assert folder.load(place).iterations == iterations
        assert (place / "preview.png").is_file()
        assert list((place / "history").iterdir())
        assert list((place / "logs" / "session_1").iterdir())
    train(replace(options, model_dir=str(places[0])), iterations=34, snapshot_interval=0)
    assert same(tensors(places[0]), tensors(model_dir))


def test_what_a_kill_kept_from_being_copied_is_copied_by_the_next_session(options: TrainOptions) -> None:
    train(options, snapshot_interval=20)
    model_dir, state = model_of(options)
    backup, snapshot = copies.backup_place(model_dir), copies.snapshot_place(model_dir, 20)
    shutil.rmtree(backup)
    shutil.rmtree(snapshot)
    if state.lowest_at != 20:  # the loss of so few iterations may have risen
        path = model_dir / folder.STATE_NAME
        path.write_bytes(replace(state, lowest_at=20).to_json())
    train(options, iterations=21, snapshot_interval=20)
    assert folder.load(snapshot).iterations == 20
    assert folder.load(backup).iterations == 20


@pytest.mark.parametrize("mode", ["always", "exit", "never"])
def test_when_the_optimizer_is_saved(options: TrainOptions, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    saves: list[bool] = []
    real = folder.write

    def write(*args: Any) -> ModelState:
        saves.append(args[3] is not None)
        return real(*args)

    monkeypatch.setattr(session_module.folder, "write", write)
    train(options, save_optimizer=mode, snapshot_interval=10, iterations=35)
    # iteration 1, 10 and 20 and 30 with a snapshot, and the end
    assert saves == {"always": [True] * 5, "exit": [False, True, True, True, True], "never": [False] * 5}[mode]
    assert len(list(Path(options.model_dir).glob("optimizer.*"))) == (mode != "never")
    reporter = train(options, save_optimizer=mode, iterations=36)
    assert [w for w in reporter.warnings if "optimiser was not saved" in w] == [] or mode == "never"
    assert mode != "never" or any("optimiser was not saved" in w for w in reporter.warnings)


def test_the_same_seed_gives_the_same_losses_twice(options: TrainOptions, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the way to compute is chosen by measurement: what was measured once counts for the second, too."""
    monkeypatch.setattr(choosing, "measure", precision.measure)
    seen: list[float] = []
    real = Trainer.step

    def step(self: Trainer, batch: Any, iteration: int) -> Losses:
        made = real(self, batch, iteration)
        seen.extend((made.a, made.b))
        return made

    monkeypatch.setattr(Trainer, "step", step)
    for name in ("one", "two"):
        train(options, model_dir=str(tmp_path / name))
    assert seen[:40] == seen[40:]
    train(options, model_dir=str(tmp_path / "three"), seed=6)
    assert seen[80:] != seen[:40]
    assert same(tensors(tmp_path / "one"), tensors(tmp_path / "two"))


def test_a_loss_that_is_no_number_keeps_the_last_good_save(options: TrainOptions,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    train(options, iterations=10)
    model_dir, state = model_of(options)
    before = tensors(model_dir)
    real = Trainer.step

    def step(self: Trainer, batch: Any, iteration: int) -> Losses:
        if iteration == 13:
            with torch.no_grad():
                next(self.model.parameters()).fill_(float("nan"))
        return real(self, batch, iteration)

    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(ModelError, match="iteration 14"):
        train(options, iterations=30)
    assert folder.read_state(model_dir) == state
    assert same(tensors(model_dir), before)
    monkeypatch.setattr(Trainer, "step", real)
    train(options, iterations=20)
    assert folder.load(model_dir).iterations == 20


FULL = """
import json, os, pathlib, sys
sys.path.insert(0, sys.argv[1])
import conftest
conftest.add_tiny_trainer()
from understudy.core.errors import OutputError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models import folder
from understudy.core.options.train import TrainOptions
from understudy.core.training import task
from understudy.core.training.computing import precision
options = json.loads(sys.argv[2])
model = pathlib.Path(options["model_dir"])

def train(iterations):
    try:
        task.run(TrainOptions(**{**options, "iterations": iterations}), SilentReporter())
    except OutputError as error:
        print(error)
    print(folder.load(model).iterations, sorted(path.name for path in model.glob(".tmp*")))

train(10)
filler = model.parent / "filler"
with open(filler, "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(16384))
    except OSError:
        pass
os.truncate(filler, filler.stat().st_size - 200_000)  # room for what is written between saves, but not for a save
train(30)
folder.require_room = lambda *_: None  # as where a disk does not say what is free
train(30)
filler.unlink()
train(30)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a mounted file system")
def test_a_full_disk_leaves_the_last_save_and_training_goes_on_with_room(options: TrainOptions, tmp_path: Path) -> None:
    """A real file system that is full: found out beforehand, and while writing."""
    place = tmp_path / "small"
    place.mkdir()
    values = {name: getattr(options, name) for name in options.__dataclass_fields__} | {
        "model_dir": str(place / "model")}
    mounted = f'mount -t tmpfs -o size=5m none "{place}" && exec "$@"'
    done = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", sys.executable, "-c",
                           FULL, str(Path(__file__).parent), json.dumps(values)], capture_output=True, text=True,
                          timeout=300, check=False)
    if done.returncode and ("unshare" in done.stderr or "mount:" in done.stderr):
        pytest.skip("nobody may mount a file system here")
    assert not done.returncode, done.stderr
    first, beforehand, second, writing, third, last = done.stdout.splitlines()
    assert first == second == third == "10 []"
    assert beforehand.startswith("The disk is full")
    assert "are free" in beforehand
    assert writing.startswith("The disk is full")
    assert "are free" not in writing
    assert last == "30 []"


KILLED = {"trainer": "sketch", "batch_size": 1, "iterations": 30, "save_interval": 10, "snapshot_interval": 20}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.parametrize("instants", [5, pytest.param(50, marks=pytest.mark.long)])
def test_killed_while_it_saves(options: TrainOptions, tmp_path: Path, instants: int) -> None:
    """SIGKILL at random instants of a training that does little but save, back up and keep a snapshot.

    The model always loads, at most one save interval is lost, and every copy there is is whole.
    """
    done, work = tmp_path / "done", tmp_path / "work"
    model_dir = work / "model"
    options = replace(options, **KILLED, model_dir=str(model_dir))
    seen = []

    def prepare() -> None:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        done.write_bytes(b"0")

    def check() -> None:
        made = int(done.read_bytes())
        seen.append(made)
        found = copies.find_copies(model_dir)
        if not folder.exists(model_dir):
            assert made < 2  # the first save comes after the first iteration
            return
        state = folder.read_state(model_dir)
        assert state.iterations > made - 10
        folder.load(model_dir)
        assert len(tensors(model_dir)) > 50  # the optimiser's file is whole as well
        for copy in found:
            assert copy.is_whole()
            folder.load(copy.place)
        snapshots = {copy.state.iterations for copy in found if copy.kind == "snapshot" and copy.state}
        assert snapshots >= set(range(20, state.iterations, 20))  # but for the one that it may just have been at

    def train_in_fork(begun: Callable[[], None]) -> None:
        file = os.open(done, os.O_WRONLY)

        class Noting(SilentReporter):
            def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
                if unit == "iterations":
                    os.pwrite(file, f"{done:09}".encode(), 0)
                    if done == 0:
                        begun()
                return False

        task.run(options, Noting())

    train(options, iterations=1, model_dir=str(tmp_path / "warm"))  # so that the forks need not import anything
    kill_at_random_instants(train_in_fork, instants, check, prepare)
    assert seen[0] == 30
    train(options, iterations=31, save_interval=250)
    assert folder.load(model_dir).iterations == 31
    assert not list(model_dir.glob(".tmp*"))


def test_weights_from_another_model_and_an_encoder_that_stays(options: TrainOptions, tmp_path: Path) -> None:
    train(options, iterations=10)
    source = folder.load(options.model_dir).model.state_dict()
    other = replace(options, model_dir=str(tmp_path / "other"), load_weights=options.model_dir)
    reporter = train(other, iterations=12, freeze_weights=True)
    assert [w for w in reporter.warnings if w.startswith("Took 5 of the encoder's 5 layers")]
    frozen = folder.load(other.model_dir).model.state_dict()
    for name, value in frozen.items():
        assert torch.equal(value, source[name]) == name.startswith("encoder.")
    reporter = train(other, iterations=14)
    assert any("goes on from its own" in w for w in reporter.warnings)
    freed = folder.load(other.model_dir).model.state_dict()
    assert not torch.equal(freed["encoder.0.0.weight"], source["encoder.0.0.weight"])
    before = raw_encoder(other)
    train(other, iterations=16, freeze_weights=True)
    after = raw_encoder(other)
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def raw_encoder(options: TrainOptions) -> dict[str, torch.Tensor]:
    """The encoder's weights themselves, where the model file has their moving average."""
    return {name: value for key, value in tensors(Path(options.model_dir)).items()
            if (name := key.partition(":")[2]).startswith("raw/encoder.")}
