"""Two people swapped by two models in one pass: who is played by whom, who is in front, what a second run redoes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.conversion import swap
from understudy.core.conversion.task import run
from understudy.core.errors import AlignmentsError, ModelError, UsageError
from understudy.core.faces import persons
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import read_image
from understudy.core.media.source import open_source

from .conftest import face, landmarks

PLAIN: dict[str, Any] = {"writer": "images", "color": "none"}


def of(store: AlignmentsStore, name: str, position: int) -> None:
    persons.assign(store, [face.uuid for _, faces in store.iterate() for face in faces if face.position == position],
                   name)


@pytest.fixture
def shot(images: Any) -> Any:
    """The scene with names: Anna in every frame with faces, Ben beside her in frame 5."""
    with AlignmentsStore.open(images.store) as store:
        of(store, "Anna", 0)
        of(store, "Ben", 1)
    return images


def out(tmp_path: Path, index: int) -> np.ndarray:
    return read_image(tmp_path / "out" / f"img_{2 * index + 5}.png").astype(float)


def dimmed(shot: Any, tmp_path: Path, index: int, x: float, y: float) -> float:
    """What a mirror made of the light around a point of a frame, as a factor."""
    part = np.s_[round(y) - 2:round(y) + 3, round(x) - 2:round(x) + 3]
    return float(out(tmp_path, index)[part].mean() / shot.frames()[index][part].astype(float).mean())


def nose(index: int, number: int) -> np.ndarray:
    return face(index, number).landmarks[30]


def test_two_people_are_swapped_by_two_models_in_one_pass(shot: Any, options: Callable, save_mirror: Callable,
                                                          tmp_path: Path) -> None:
    anna, ben = save_mirror(tmp_path / "anna", b=0.8), save_mirror(tmp_path / "ben", b=0.4, a=0.6)
    pairs = (f"Anna={anna}", f"ben = {ben}")
    result = run(options(shot, "", **PLAIN, models=pairs), SilentReporter())
    assert result["faces"] == 9
    assert dimmed(shot, tmp_path, 5, *nose(5, 0)) == pytest.approx(0.8, abs=0.02)
    assert dimmed(shot, tmp_path, 5, *nose(5, 1)) == pytest.approx(0.4, abs=0.02)
    run(options(shot, "", **PLAIN, models=pairs, swap_model=True), SilentReporter())
    assert dimmed(shot, tmp_path, 5, *nose(5, 0)) == pytest.approx(1.0, abs=0.02)
    assert dimmed(shot, tmp_path, 5, *nose(5, 1)) == pytest.approx(0.6, abs=0.02)


def test_who_has_no_model_stays_or_takes_the_common_one(shot: Any, options: Callable, save_mirror: Callable,
                                                        tmp_path: Path) -> None:
    common, ben = save_mirror(tmp_path / "common", b=0.7), save_mirror(tmp_path / "ben", b=0.4)
    result = run(options(shot, "", **PLAIN, models=(f"Ben={ben}",)), SilentReporter())
    assert (result["faces"], result["with_faces"]) == (1, 1)
    np.testing.assert_array_equal(out(tmp_path, 0), shot.frames()[0])
    assert dimmed(shot, tmp_path, 5, *nose(5, 1)) == pytest.approx(0.4, abs=0.02)
    run(options(shot, common, **PLAIN, models=(f"Ben={ben}",)), SilentReporter())
    assert dimmed(shot, tmp_path, 5, *nose(5, 0)) == pytest.approx(0.7, abs=0.02)
    assert dimmed(shot, tmp_path, 5, *nose(5, 1)) == pytest.approx(0.4, abs=0.02)
    run(options(shot, common, **PLAIN, models=(f"Ben={ben}",), persons=("anna",)), SilentReporter())
    assert dimmed(shot, tmp_path, 5, *nose(5, 0)) == pytest.approx(0.7, abs=0.02)
    assert dimmed(shot, tmp_path, 5, *nose(5, 1)) > 0.95


def test_a_second_run_redoes_only_frames_that_show_whose_model_changed(
        shot: Any, options: Callable, save_mirror: Callable, tmp_path: Path) -> None:
    anna, ben = save_mirror(tmp_path / "anna", b=0.8), save_mirror(tmp_path / "ben", b=0.4)
    given = options(shot, "", **PLAIN, models=(f"Anna={anna}", f"Ben={ben}"))
    assert run(given, SilentReporter())["converted"] == 10
    save_mirror(ben, b=0.3)
    assert run(given, SilentReporter())["converted"] == 1
    save_mirror(anna, b=0.9)
    assert run(given, SilentReporter())["converted"] == 8
    # The same models, named in another order and through one folder for everybody else.
    assert run(replace(given, models=(f"Ben={ben}",), model_dir=str(anna)), SilentReporter())["converted"] == 0


@pytest.fixture
def overlapping(shot: Any) -> Any:
    """Frame 0 with a small Ben half before a large Anna; who is stored first says nothing."""
    with AlignmentsStore.open(shot.store) as store, open_source(shot.path) as source:
        points = [landmarks(100.0, 90.0, 60.0), landmarks(130.0, 90.0, 40.0)]
        faces = [replace(face(0), landmarks=own, position=number,
                         box=(*map(float, own.min(0)), *map(float, np.ptp(own, 0))), uuid="")
                 for number, own in enumerate(points)]
        store.write_frame(0, source.name(0), "again", [Found(one) for one in faces])
        for name, own in (("Anna", points[0]), ("Ben", points[1])):
            persons.assign(store, [one.uuid for one in store.faces(0) if np.allclose(one.landmarks, own)], name)
    return shot


@pytest.mark.parametrize(("in_front", "names", "shown"), [
    ("larger", ("Anna", "Ben"), 0.8), ("larger", ("Ben", "Anna"), 0.8),
    ("persons", ("Anna", "Ben"), 0.8), ("persons", ("Ben", "Anna"), 0.4)])
def test_who_is_in_front(overlapping: Any, options: Callable, save_mirror: Callable, tmp_path: Path, in_front: str,
                         names: tuple[str, ...], shown: float) -> None:
    folders = {"Anna": save_mirror(tmp_path / "anna", b=0.8), "Ben": save_mirror(tmp_path / "ben", b=0.4)}
    models = tuple(f"{name}={folders[name]}" for name in names)
    run(options(overlapping, "", **PLAIN, models=models, in_front=in_front, frames="0",
                mask_type="extended"), SilentReporter())
    assert dimmed(overlapping, tmp_path, 0, 121.0, 92.0) == pytest.approx(shown, abs=0.03)  # inside both hulls


def test_predictions_are_batched_per_model_and_no_neighbour_changes_a_face(
        shot: Any, options: Callable, save_mirror: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    predict = swap.Swapper.predict

    def noting(self: swap.Swapper, cuts: Any) -> Any:
        sizes.append(len(cuts))
        return predict(self, cuts)

    monkeypatch.setattr(swap.Swapper, "predict", noting)
    anna, ben = save_mirror(tmp_path / "anna", b=0.8), save_mirror(tmp_path / "ben", b=0.4)
    run(options(shot, "", **PLAIN, models=(f"Anna={anna}", f"Ben={ben}")), SilentReporter())
    assert all(size % 4 == 0 for size in sizes)  # 8 of Anna's, and Ben's one filled up
    assert sum(sizes) <= 16


@pytest.mark.parametrize(("values", "error", "words"), [
    ({"models": ("Zoe=/m",)}, AlignmentsError, r"called 'Zoe'\. Known: Anna, Ben"),
    ({"models": ("Anna",)}, UsageError, "'Anna' does not name a person and a model folder.*Anna=/models/anna"),
    ({"models": ("=/m",)}, UsageError, "does not name a person"),
    ({"models": ("Anna=MODEL", "anna=MODEL")}, UsageError, "Two models are named for anna"),
    ({"models": ("Anna=/nowhere/at/all",)}, ModelError, "/nowhere/at/all"),
    ({"models": ("Anna=MODEL",), "persons": ("Ben",)}, UsageError, "No model is named for Ben"),
    ({"models": ("Ben=MODEL",), "frames": "0-3"}, AlignmentsError, "no faces of Ben to replace"),
    ({}, UsageError, "No model folder is given"),
])
def test_what_cannot_be_is_told_before_anything_is_written(
        shot: Any, options: Callable, save_mirror: Callable, tmp_path: Path, values: dict[str, Any],
        error: type[Exception], words: str) -> None:
    model = save_mirror(tmp_path / "model")
    values = {**values, "models": tuple(word.replace("MODEL", str(model)) for word in values.get("models", ()))}
    with pytest.raises(error, match=words):
        run(options(shot, "", **PLAIN, **values), SilentReporter())
    assert not (tmp_path / "out").exists()
