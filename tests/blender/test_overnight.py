"""Run All: what is missing runs as one queue, and nothing that is there is done again; room is asked about first."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

FRAMES = 26


@pytest.fixture(scope="module")
def shot(extension: Any, footage: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A shot of two short strips, nothing of it done."""
    folder = tmp_path_factory.mktemp("overnight")
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y, scene.render.fps = 640, 360, 25
    bpy.ops.understudy.shot_add()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    data = scene.understudy.active
    for role, name in (("a", "actor_a"), ("b", "actor_b")):
        film = shutil.copy(footage / f"{name}.mp4", folder)
        strip = strips.new_movie(name=name, filepath=str(film), channel=1, frame_start=1 if role == "a" else 201)
        strip.frame_final_end = strip.frame_final_start + FRAMES
        setattr(data, f"strip_{role}", strip.name)
    data.extract.detection_size = 480
    data.train.iterations, data.train.batch_size, data.train.trainer = 12, 2, "sketch"
    bpy.ops.wm.save_mainfile()
    return SimpleNamespace(folder=folder, scene=scene, data=data, look=extension("addon.watch").look,
                           plan=extension("addon.overnight").plan, overnight=extension("addon.overnight"))


def of_the_shot(board: Any) -> list[Any]:
    """Its jobs; the board also has those that belong to no file, such as weights that other tests have brought in."""
    return [view for view in board.jobs if view.task in ("extract", "train", "convert")]


def tasks(shot: SimpleNamespace) -> list[str]:
    return [one.label for one in shot.plan(shot.scene, shot.look())]


def test_all_of_a_new_shot_is_missing_and_room_is_asked_about(shot: SimpleNamespace, core_python: Path, consent: None,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    assert tasks(shot) == ["Extract A", "Extract B", "Train", "Convert"]
    told = shot.overnight.steps(shot.plan(shot.scene, shot.look()))
    assert told == ["Extract A", "Extract B", "Train to 12 iterations", "Convert"]
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1_000_000, total=2, used=1))
    with pytest.raises(RuntimeError, match=r"Train will need about .* and 1\.0 MB are free"):
        bpy.ops.understudy.run_all()
    assert of_the_shot(shot.look()) == []


def test_it_runs_to_its_end(shot: SimpleNamespace, core_python: Path, consent: None) -> None:
    assert bpy.ops.understudy.run_all() == {"FINISHED"}
    board = shot.look()
    assert [(view.label, view.status) for view in of_the_shot(board)] == [
        (label, "finished") for label in ("Extract A", "Extract B", "Train", "Convert")]
    assert board.latest("train").result["iterations"] == 12
    assert tasks(shot) == []
    with pytest.raises(RuntimeError, match="Nothing is missing"):
        bpy.ops.understudy.run_all()


def test_more_iterations_are_trained_and_converted_anew(shot: SimpleNamespace, core_python: Path) -> None:
    shot.data.train.iterations = 20
    assert tasks(shot) == ["Train", "Convert"]
    shot.data.train.iterations = 12


def test_other_settings_are_another_extraction(shot: SimpleNamespace, core_python: Path) -> None:
    shot.data.extract.detection_size = 512
    assert tasks(shot) == ["Extract A", "Extract B", "Convert"]
    shot.data.extract.detection_size = 480


def test_the_model_is_on_the_board(shot: SimpleNamespace, core_python: Path) -> None:
    (model,) = shot.look().models.values()
    assert (model.trainer, model.iterations) == ("sketch", 12)
    assert model.total[0] == "Total"
    assert model.flat == ""
