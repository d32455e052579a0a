"""Faces that come, go and vanish: between two sessions of a training, and in the middle of one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from understudy.core.jobs.messages import SilentReporter
from understudy.core.models import folder
from understudy.core.models.folder import Settings
from understudy.core.options.train import TrainOptions
from understudy.core.training import task
from understudy.core.training.faces.data import list_faces, read_faces, read_some
from understudy.core.training.faces.reading import Cut

pytestmark = pytest.mark.usefixtures("tiny_trainer")


class Meddler(SilentReporter):
    """Does something to the faces folder once, when progress of a kind is told."""

    def __init__(self, moment: Callable[[int, str, str], bool], deed: Callable[[], None]) -> None:
        self.moment, self.deed, self.heard, self.done = moment, deed, [], False

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        if not self.done and self.moment(done, unit, text):
            self.done = True
            self.deed()
        return False

    def warning(self, message: str, detail: str = "") -> None:
        self.heard.append(message)


@pytest.fixture
def options(faces_a: Path, faces_b: Path, tmp_path: Path) -> TrainOptions:
    sides = [shutil.copytree(faces, tmp_path / name) for faces, name in ((faces_a, "a"), (faces_b, "b"))]
    return TrainOptions(input_a=str(sides[0]), input_b=str(sides[1]), model_dir=str(tmp_path / "model"),
                        trainer="tiny", iterations=4, batch_size=4, precision="float32", save_interval=10,
                        preview_images=2, logs=False, device="cpu")


def test_faces_may_come_and_go_between_sessions(options: TrainOptions, faces_b: Path) -> None:
    task.run(options, SilentReporter())
    folder_a = Path(options.input_a)
    for path in list_faces(folder_a)[:2]:
        path.unlink()
    for path in list_faces(faces_b)[:9]:
        shutil.copy(path, folder_a / f"other_{path.name}")
    task.run(replace(options, iterations=8), SilentReporter())
    state = folder.read_state(options.model_dir)
    assert state.iterations == 8
    assert [session["faces_a"] for session in state.sessions] == [28, 35]


def test_a_folder_that_goes_while_training_runs_is_not_missed(options: TrainOptions) -> None:
    def vanish() -> None:
        shutil.rmtree(options.input_a)

    meddler = Meddler(lambda done, unit, text: unit == "iterations" and done == 2, vanish)
    assert task.run(options, meddler)["iterations"] == 4
    assert meddler.done


def test_faces_that_vanish_while_faces_are_read_are_named(options: TrainOptions) -> None:
    before, after = list_faces(Path(options.input_b))[3:8:4]

    def listed(folder_: Path) -> list[Path]:
        found = list_faces(folder_)
        if folder_ == Path(options.input_b):
            after.unlink()
        return found

    meddler = Meddler(lambda done, unit, text: text == "Reading the faces of A", before.unlink)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("understudy.core.training.faces.data.list_faces", listed)
        assert task.run(options, meddler)["iterations"] == 4
    assert any(after.name in line and "left out" in line for line in meddler.heard)
    assert not any(before.name in line for line in meddler.heard)  # it was never there
    assert folder.read_state(options.model_dir).sessions[0]["faces_b"] == 28


def test_previews_do_without_faces_that_vanished(faces_a: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(faces_a, tmp_path / "a")
    faces = read_faces(copy, Cut(32, Settings("tiny")), SilentReporter(), "A")
    for path in faces.paths[:3]:
        path.unlink()
    faces.paths[4].write_bytes(b"torn")
    reporter = Meddler(lambda *_: False, lambda: None)
    chosen, (small, large) = read_some(faces.paths, 5, (faces.cut, replace(faces.cut, size=48)), reporter)
    assert chosen == [3, 5, 6, 7, 8]
    assert (small.shape, large.shape) == ((5, 32, 32, 4), (5, 48, 48, 4))
    assert (small == faces.crops[chosen]).all()
    (told,) = reporter.heard
    assert told.startswith("4 pictures cannot be read any more")
    assert all(faces.paths[index].name in told for index in (0, 1, 2, 4))
    assert read_some(faces.paths[:3], 2, (faces.cut,), SilentReporter())[1][0].shape == (0, 32, 32, 4)
