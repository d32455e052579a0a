"""Steady colours: flicker goes, real changes of the light stay, and no part of a clip knows more than another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.conversion.neighbours import Neighbours
from understudy.core.conversion.steadying import smoothed
from understudy.core.conversion.task import run
from understudy.core.faces.nouns import Face
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.media.images import read_image, write_png
from understudy.core.media.source import open_source
from understudy.core.models.base import Outputs
from understudy.core.options.convert import ConvertOptions

from .conftest import HEIGHT, WIDTH, Listener, Mirror, MirrorRow, Scene, default_store, face, info, landmarks

LENGTH = 48


def steadied(values: np.ndarray, reach: int = 12) -> np.ndarray:
    frames = np.arange(len(values))
    near = [np.flatnonzero(np.abs(frames - at) <= reach) for at in frames]
    return np.array([smoothed(frames[rows], values[rows, None], at, reach)[0]
                     for at, rows in zip(frames, near, strict=True)])


def restlessness(values: np.ndarray) -> float:
    """Root mean square of the steps from frame to frame."""
    return float(np.sqrt((np.diff(values) ** 2).mean()))


def test_noise_goes() -> None:
    noisy = 0.5 + np.random.default_rng(0).normal(0, 0.02, 120)
    assert restlessness(steadied(noisy)) < 0.2 * restlessness(noisy)
    assert np.abs(steadied(noisy) - 0.5).max() < 0.025


def test_a_steady_change_is_followed_without_lag_also_at_the_ends() -> None:
    ramp = np.linspace(0.3, 0.7, 100)
    np.testing.assert_allclose(steadied(ramp), ramp, atol=0.004)


def test_light_that_changes_within_a_second_is_followed() -> None:
    """A dimmer turned from 0.7 to 0.3 within 25 frames, with noise."""
    light = np.interp(np.arange(120), [40, 65], [0.7, 0.3])
    followed = steadied(light + np.random.default_rng(1).normal(0, 0.01, 120))
    assert np.abs(followed - light).max() < 0.03


def test_a_switch_is_not_smeared() -> None:
    light = np.where(np.arange(100) < 50, 0.3, 0.7)
    np.testing.assert_allclose(steadied(light), light, atol=1e-3)
    noisy = light + np.random.default_rng(2).normal(0, 0.01, 100)
    assert np.abs(steadied(noisy) - light).max() < 0.03


def test_a_single_frame_that_stands_out_is_put_right() -> None:
    values = np.full(60, 0.5) + np.random.default_rng(3).normal(0, 0.003, 60)
    values[30] = 0.9  # a hand passed, or the mask slipped
    assert np.abs(steadied(values) - 0.5).max() < 0.01


def test_lamps_that_beat_with_the_frames_are_calmed() -> None:
    beating = 0.5 + 0.04 * (-1.0) ** np.arange(80)
    assert restlessness(steadied(beating)) < 0.1 * restlessness(beating)


def test_one_frame_alone_is_as_it_is() -> None:
    np.testing.assert_allclose(smoothed(np.array([7]), np.array([[0.2, 0.4]]), 7, 5), [0.2, 0.4])


def test_neighbours_are_the_same_face_nearby() -> None:
    track = [face_at(frame) for frame in (0, 1, 2, 5, 6, 30)]
    others = [face_at(1, "other")]
    found = Neighbours([track, others], 4)
    assert [other.frame for other in found.within(track[2])] == [0, 1, 2, 5, 6]
    assert found.beside(track[1]) == (track[0], track[2])
    assert found.beside(track[2]) == (track[1], None)
    assert found.beside(others[0]) == (None, None)
    assert found.within(face_at(9, "unknown"))[0].uuid == "unknown"
    keys = [found.key(one, None) for one in track]
    moved = [*track[:4], face_at(6, shift=1.0), track[5]]
    changed = [Neighbours([moved, others], 4).key(one, None) for one in track]
    assert [a != b for a, b in zip(keys, changed, strict=True)] == [False, False, True, True, True, False]


def face_at(frame: int, name: str = "one", shift: float = 0.0) -> Face:
    points = landmarks(80 + shift, 85, 48.0)
    return Face(frame, (0.0, 0.0, 10.0, 10.0), points, "test", "test", 1.0, uuid=f"{name}{frame}" if name == "one"
                else name)


# The whole task.

def flicker(index: int) -> float:
    """The scene's light: noise from frame to frame, and within a second, from frame 20 on, down by a third."""
    return float(np.interp(index, [20, 36], [1.0, 0.66]) + np.random.default_rng(100 + index).normal(0, 0.04))


class Even(Mirror):
    """A model whose pictures have the same brightness whatever it sees."""

    name = "mirror"

    def decode(self, code: Any, side: Any) -> Any:
        (picture,) = super().decode(code, side).faces
        return Outputs((picture * (0.4 / picture.mean((1, 2, 3), keepdim=True)),))


@pytest.fixture
def flickering(tmp_path: Path) -> Scene:
    """A clip whose face holds still in light that flickers."""
    rest = np.random.default_rng(0).uniform(60, 160, (HEIGHT // 12, WIDTH // 12, 3))
    rest = np.kron(rest, np.ones((12, 12, 1)))
    for index in range(LENGTH):
        write_png(tmp_path / "shot" / f"img_{index:03d}.png",
                  np.clip(rest * flicker(index), 0, 255).round().astype(np.uint8))
    path = tmp_path / "shot"
    with open_source(path) as source, AlignmentsStore.create(default_store(path), info(source)) as store:
        for index in range(LENGTH):
            still = face(0)
            points = still.landmarks
            store.write_frame(index, source.name(index), "test", [Found(Face(
                index, still.box, points, "test", "test", 1.0))])
    return Scene(path, default_store(path))


def means(folder: Path) -> np.ndarray:
    """Of a patch of pixels in the middle of the face, by frame, as a share of full brightness."""
    return np.array([read_image(path)[75:95, 70:90].mean() / 255 for path in sorted(folder.glob("img_*.png"))])


@pytest.mark.parametrize("color", ["avg-color", "color-transfer", "match-hist", "seamless-clone"])
def test_flicker_goes_and_the_change_of_light_stays(
        color: str, flickering: Scene, options: Callable[..., ConvertOptions], save_mirror: Callable[..., Path],
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = save_mirror(tmp_path / "model")
    monkeypatch.setattr(MirrorRow, "load", lambda self: Even)
    found = {}
    for stable in ("off", "both", "original"):
        given = options(flickering, model, writer="images", color=color, color_stable=stable, transfer_paper=False,
                        output=str(tmp_path / stable))
        run(given, Listener())
        found[stable] = means(tmp_path / stable)
    light = np.array([np.interp(index, [20, 36], [1.0, 0.66]) for index in range(LENGTH)])
    for stable in ("both", "original"):
        calm, restless = restlessness(found[stable]), restlessness(found["off"])
        assert calm < 0.45 * restless, (stable, calm, restless)
        drop = found[stable][38:].mean() / found[stable][:18].mean()
        assert drop == pytest.approx(found["off"][38:].mean() / found["off"][:18].mean(), abs=0.04)
        shape = found[stable] / found[stable][:18].mean()
        if color in ("avg-color", "match-hist"):
            assert np.abs(shape - light).max() < 0.09  # noise of 4 % went in


def test_parts_of_a_clip_and_later_runs_come_to_the_same_pictures(
        flickering: Scene, options: Callable[..., ConvertOptions], save_mirror: Callable[..., Path],
        tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model", b=0.7)
    look = {"writer": "images", "color_stable": "both", "color_stable_frames": 5, "motion_blur": 180.0}
    whole = run(options(flickering, model, output=str(tmp_path / "whole"), **look), Listener())
    for frames in ("30-40", "0-9", "10-29"):
        run(options(flickering, model, output=str(tmp_path / "parts"), frames=frames, **look), Listener())
    rest = run(options(flickering, model, output=str(tmp_path / "parts"), **look), Listener())
    assert (whole["converted"], rest["converted"]) == (LENGTH, LENGTH - 41)
    for path in sorted((tmp_path / "whole").glob("img_*.png")):
        np.testing.assert_array_equal(read_image(path), read_image(tmp_path / "parts" / path.name))


def test_pictures_are_made_anew_when_a_neighbour_moved(
        flickering: Scene, options: Callable[..., ConvertOptions], save_mirror: Callable[..., Path],
        tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model", b=0.7)
    given = options(flickering, model, writer="images", color_stable="both", color_stable_frames=5)
    run(given, Listener())
    with AlignmentsStore.open(flickering.store) as store, store.edit():
        (moved,) = store.faces(20)
        store.edit_face(moved.uuid, landmarks=moved.landmarks + 1)
    assert run(given, Listener())["converted"] == 11
