"""What a running training shows and hears: requests, keys, previews, time-lapses, and that silence costs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core.errors import FacesError, OutputError, Stopped, UsageError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import read_image
from understudy.core.models.folder import Settings
from understudy.core.options.train import TrainOptions
from understudy.core.training import task
from understudy.core.training.faces.data import FaceSet, load_faces
from understudy.core.training.faces.reading import Cut
from understudy.core.training.watching import history, preview, requests, timelapse, viewer, window
from understudy.core.training.watching import watcher as watching

LOSSES = {"loss_a": 0.5, "loss_b": 0.25}


class Recorder(SilentReporter):
    """Remembers what it hears; `at` is called with the number of iterations at every progress of the training."""

    def __init__(self, at: Callable[[int], object] = lambda done: None) -> None:
        self.at = at
        self.metrics: list[tuple[int, dict[str, float]]] = []
        self.previews: list[str] = []
        self.warnings: list[str] = []
        self.texts: list[str] = []

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        if unit == "iterations":
            self.texts.append(text)
            return bool(self.at(done))
        return False

    def metric(self, iteration: int, values: dict[str, float]) -> None:
        self.metrics.append((iteration, values))

    def preview(self, path: object) -> None:
        self.previews.append(str(path))

    def warning(self, message: str, detail: str = "") -> None:
        self.warnings.append(message)


@pytest.fixture
def options(faces_a: Path, faces_b: Path, tmp_path: Path) -> TrainOptions:
    return TrainOptions(input_a=str(faces_a), input_b=str(faces_b), model_dir=str(tmp_path / "model"), trainer="tiny",
                        iterations=6, batch_size=2, precision="float32", preview_images=4, logs=False)


@pytest.fixture(scope="module")
def sides(faces_a: Path, faces_b: Path) -> tuple[FaceSet, FaceSet]:
    cut = Cut(32, Settings("tiny"))
    return load_faces(faces_a, cut, SilentReporter(), "A"), load_faces(faces_b, cut, SilentReporter(), "B")


class Predicting:
    """The model as a watcher meets it; counts how often it was needed."""

    def __init__(self) -> None:
        self.used = 0

    @contextmanager
    def __call__(self) -> Iterator[preview.Predict]:
        self.used += 1
        yield lambda faces, side: faces * (0.5 if side == "a" else 1.0)


def made(options: TrainOptions, sides: tuple[FaceSet, FaceSet], reporter: SilentReporter, **other: object
         ) -> watching.Watcher:
    model_dir = Path(options.model_dir)
    model_dir.mkdir(exist_ok=True)
    return watching.make(replace(options, **other), model_dir, sides, (16, 16), 0, reporter)


# --- requests ---------------------------------------------------------------------------------------------------


def test_a_request_is_answered_once(tmp_path: Path) -> None:
    requests.ask(tmp_path, "save")
    requests.ask(tmp_path, "save")
    requests.ask(tmp_path, "snapshot")
    assert requests.take(tmp_path) == {"save", "snapshot"}
    assert requests.take(tmp_path) == set()
    assert list(tmp_path.iterdir()) == []
    requests.ask(tmp_path / "before its first save", "snapshot")
    assert requests.take(tmp_path / "before its first save") == {"snapshot"}
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        requests.ask(tmp_path / "file", "refresh")


def test_requests_of_before_are_not_this_session_s(options: TrainOptions, sides: tuple[FaceSet, FaceSet]) -> None:
    watcher = made(options, sides, SilentReporter())
    requests.ask(watcher.model_dir, "save")
    with watcher.session(0, [], 2):
        assert watcher.asked(Predicting()) == watching.Asked()


def test_what_is_asked_for_is_heard(options: TrainOptions, sides: tuple[FaceSet, FaceSet],
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_BETWEEN_LOOKS", 0.0)
    watcher, predicting = made(options, sides, reporter := Recorder()), Predicting()
    with watcher.session(0, [], 2):
        assert watcher.asked(predicting) == watching.Asked()
        for request, answer in (("save", watching.Asked(save=True)), ("snapshot", watching.Asked(snapshot=True))):
            requests.ask(watcher.model_dir, request)
            assert watcher.asked(predicting) == answer
        assert not predicting.used
        requests.ask(watcher.model_dir, "refresh")
        assert watcher.asked(predicting) == watching.Asked()
    assert predicting.used == 1
    assert reporter.previews == [str(watcher.model_dir / "preview.png")]


def test_the_disk_is_looked_at_twice_a_second_at_most(options: TrainOptions, sides: tuple[FaceSet, FaceSet],
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(requests, "take", lambda model_dir: looks.append(model_dir) or set())
    watcher = made(options, sides, SilentReporter())
    with watcher.session(0, [], 2):
        begin = time.monotonic()
        for _ in range(500):
            watcher.asked(Predicting())
        assert len(looks) <= 2 + (time.monotonic() - begin) / 0.5


# --- what is shown ----------------------------------------------------------------------------------------------


def test_a_save_brings_everything_up_to_date(options: TrainOptions, sides: tuple[FaceSet, FaceSet]) -> None:
    watcher = made(options, sides, reporter := Recorder(), timelapse=True)
    with watcher.session(10, [{"iterations": 10}], 2):
        for iteration in (11, 12, 13):
            watcher.note(iteration, {**LOSSES, "face_a": 0.4}, 0.1)
        watcher.saved(13, Predicting(), last=True)
    assert reporter.metrics == [(13, pytest.approx({"loss_a": 0.5, "loss_b": 0.25, "rate": 40.0}))]
    assert "Loss 0.5000 (A), 0.2500 (B), 40 EG/s, 3 this session in 0:0" in watcher.text
    sheet = read_image(watcher.model_dir / "preview.png")
    assert sheet.shape[1] % 6 == 0
    assert (watcher.model_dir / "loss.png").is_file()
    (written,) = history.read(watcher.model_dir)
    assert (written.session, written.first, written.last) == (2, 10, 13)
    (frame,) = (watcher.model_dir / "timelapse").iterdir()
    assert frame.name == "00000013.jpg"
    assert cv2.imread(str(frame)).shape[1] % 12 == 0  # 14 faces of each side, whatever the preview shows


def test_switched_off_nothing_is_computed_or_written(options: TrainOptions, sides: tuple[FaceSet, FaceSet]) -> None:
    watcher, predicting = made(options, sides, reporter := Recorder(), write_image=False), Predicting()
    assert watcher.faces is None
    with watcher.session(0, [], 2):
        watcher.note(1, LOSSES, 0.1)
        watcher.saved(1, predicting)
        watcher.asked(predicting)
    assert predicting.used == 0
    assert reporter.previews == []
    assert {path.name for path in watcher.model_dir.iterdir()} == {"history"}


def test_what_cannot_be_shown_is_said_once_and_ends_nothing(options: TrainOptions, sides: tuple[FaceSet, FaceSet],
                                                            tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    watcher = made(options, sides, reporter := Recorder(), timelapse_output=str(tmp_path / "file" / "film"))
    history.path_of(watcher.model_dir, 1).parent.mkdir()
    with watcher.session(10, [{"iterations": 10}], 2):
        history.path_of(watcher.model_dir, 1).write_bytes(b"{}\n")
        for iteration in (11, 12):
            watcher.note(iteration, LOSSES, 0.1)
            watcher.saved(iteration, Predicting(), last=True)
    told = sorted(reporter.warnings)
    assert len(told) == 2
    assert told[0].startswith("The training goes on without a graph: The training's history")
    assert told[1].startswith("The training goes on without a time-lapse: Cannot write")
    assert len(reporter.previews) == 2


def test_the_graph_takes_its_share_of_time_only(options: TrainOptions, sides: tuple[FaceSet, FaceSet],
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    drawings = []
    monkeypatch.setattr(watching.graphs, "loss_graph", lambda sessions: drawings.append(1) or time.sleep(0.02))
    watcher = made(options, sides, SilentReporter(), write_image=False)
    with watcher.session(0, [], 2):
        for iteration in range(1, 20):
            watcher.note(iteration, LOSSES, 0.1)
            watcher.saved(iteration, Predicting())
        assert len(drawings) == 1  # 0.02 s are one part in a hundred of 2 s
        watcher.saved(20, Predicting(), last=True)
    assert len(drawings) == 2


def test_the_preview_shows_the_options(options: TrainOptions, sides: tuple[FaceSet, FaceSet]) -> None:
    green = made(options, sides, SilentReporter(), mask_color="#00ff00", mask_opacity=100.0, preview_scale=50.0,
                 preview_images=2)
    with green.session(0, [], 2):
        green.saved(1, Predicting())
    sheet = read_image(green.model_dir / "preview.png")
    cell = 2 * round(16 / 0.875 / 2) * 8 // 2  # 18 px, enlarged eightfold, halved
    assert sheet.shape == (2 * cell + 16, 6 * cell, 3)
    assert (sheet[20:] == (0, 255, 0)).all(axis=2).mean() > 0.3


@pytest.mark.parametrize(("given", "error", "words"), [
    ({"mask_color": "reddish"}, UsageError, "no colour"),
    ({"timelapse_input_a": "nowhere"}, FacesError, "no faces folder nowhere"),
])
def test_what_cannot_be_shown_is_said_before_training(options: TrainOptions, sides: tuple[FaceSet, FaceSet],
                                                      given: dict, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        made(options, sides, SilentReporter(), **given)


def test_a_time_lapse_of_other_faces(options: TrainOptions, sides: tuple[FaceSet, FaceSet], faces_b: Path,
                                     tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(faces_b.iterdir())[:3]:
        (few / path.name).write_bytes(path.read_bytes())
    output = tmp_path / "film"
    watcher = made(options, sides, SilentReporter(), timelapse_input_b=str(few), timelapse_output=str(output))
    assert watcher.timelapse is not None
    assert [len(faces.feed) for faces in watcher.timelapse.faces] == [timelapse.FACES, 3]
    with watcher.session(0, [], 2):
        watcher.saved(7, Predicting())
        watcher.saved(250, Predicting())
    assert [path.name for path in sorted(output.iterdir())] == ["00000007.jpg", "00000250.jpg"]


# --- in a training ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("tiny_trainer")
def test_a_running_training_saves_and_keeps_a_copy_when_asked(options: TrainOptions,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_BETWEEN_LOOKS", 0.0)
    model_dir = Path(options.model_dir)
    asked = {2: "refresh", 4: "snapshot"}
    reporter = Recorder(lambda done: requests.ask(model_dir, asked[done]) if done in asked else None)
    task.run(replace(options, write_image=True, iterations=7), reporter)
    assert len(reporter.previews) == 4  # the first save's, the refreshed one, the snapshot's and the last
    assert (model_dir.parent / "model_snapshot_5_iters" / "state.json").is_file()
    assert requests.take(model_dir) == set()


@pytest.mark.usefixtures("tiny_trainer")
def test_enter_in_the_window_saves_and_ends(options: TrainOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pressed(viewer.Viewer):
        """A window in which, in the third iteration, somebody presses a key."""

        looks = 0

        def __enter__(self) -> viewer.Viewer:
            return self

        def keys(self) -> set[viewer.Key]:
            Pressed.looks += 1
            return {3: {"mask"}, 4: {"quit"}}.get(Pressed.looks, set())

    monkeypatch.setattr(watching, "Viewer", Pressed)
    reporter = Recorder()
    with pytest.raises(Stopped):
        task.run(replace(options, preview=True, write_image=False), reporter)
    assert history.read(options.model_dir)[0].last == 3
    assert reporter.previews == []  # the window's own file is no result
    assert not (Path(options.model_dir) / "preview.png").exists()


# --- the window -------------------------------------------------------------------------------------------------


def test_without_a_display_the_training_goes_on(options: TrainOptions, sides: tuple[FaceSet, FaceSet],
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer, "has_display", lambda: False)
    watcher = made(options, sides, reporter := Recorder(), preview=True)
    with watcher.session(0, [], 2):
        watcher.asked(Predicting())
    assert reporter.warnings == ["There is no preview window: this session has no display"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_a_display_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window's process dies of it, the training is told."""
    monkeypatch.setenv("DISPLAY", ":93")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    reporter = Recorder()
    with viewer.Viewer(tmp_path / "preview.png", reporter) as shown:
        deadline = time.monotonic() + 60
        while not reporter.warnings and time.monotonic() < deadline:
            assert shown.keys() == set()
            time.sleep(0.05)
    assert reporter.warnings == ["There is no preview window: it could not be opened"]


def test_the_window_s_words_become_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a process that speaks as the window's does; it ends when its standard input does."""
    script = tmp_path / "window.py"
    script.write_text("import sys\nprint('ready\\nsave\\nmask\\nnonsense\\nsave', flush=True)\nsys.stdin.read()\n")
    monkeypatch.setattr(window, "__file__", str(script))
    monkeypatch.setattr(viewer, "has_display", lambda: True)
    reporter = Recorder()
    with viewer.Viewer(tmp_path / "preview.png", reporter) as shown:
        pressed: set[str] = set()
        deadline = time.monotonic() + 60
        while pressed != {"save", "mask"} and time.monotonic() < deadline:
            pressed |= shown.keys()
            time.sleep(0.01)
        process = shown._process
    assert pressed == {"save", "mask"}
    assert process is not None
    assert process.returncode == 0
    assert shown.keys() == set()
    assert reporter.warnings == []


def test_the_window_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "preview.png"
    picture = window.Picture(path)
    assert not picture.has_changed()
    cv2.imwrite(str(path), np.full((4, 6, 3), 9, np.uint8))
    assert picture.has_changed()
    assert picture.pixels.shape == (4, 6, 3)
    assert not picture.has_changed()
    path.write_bytes(b"half a file")
    assert not picture.has_changed()
    assert picture.pixels.shape == (4, 6, 3)


@pytest.mark.parametrize(("size", "expected"), [((800, 600), (800, 600)), ((3072, 1792), (1543, 900)),
                                                ((4000, 100), (1600, 40))])
def test_large_previews_are_fitted(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert window.fitted(*size) == expected


@pytest.mark.skipif(not os.environ.get("DISPLAY"), reason="no display")
def test_a_real_window_opens_and_closes(tmp_path: Path) -> None:
    path = tmp_path / "preview.png"
    cv2.imwrite(str(path), np.full((90, 160, 3), 99, np.uint8))
    process = subprocess.Popen([sys.executable, "-I", window.__file__, str(path)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    killer = threading.Timer(60, process.kill)
    killer.start()
    assert process.stdout.readline() == "ready\n"
    process.stdin.close()
    assert process.wait() == 0
    killer.cancel()
    process.stdout.close()
