"""Scenes that are duplicated, appended or linked: no two shots write into one folder, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

COPIES = {"full copy": lambda: bpy.ops.scene.new(type="FULL_COPY"), "Scene.copy()": lambda: bpy.context.scene.copy()}


@pytest.fixture
def film(scene: Any, extension: Any, tmp_path: Path) -> Any:
    """A scene with a shot whose converted frames are on the timeline."""
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    for role, channel in (("a", 1), ("b", 2)):
        folder = tmp_path / role
        folder.mkdir()
        (folder / "0.png").touch()
        strips.new_image(name=role, filepath=str(folder / "0.png"), channel=channel, frame_start=1)
        setattr(scene.understudy.active, f"strip_{role}", role)
    result = strips.new_image(name="a swapped", filepath=str(tmp_path / "r" / "0.png"), channel=3, frame_start=1)
    result.understudy_overlay, result.understudy_shot = strips["a"].understudy_id, scene.understudy.active.uid
    scene.understudy.active.train.iterations = 77
    return scene


def others(scene: Any) -> list[Any]:
    return [other for other in bpy.data.scenes if other != scene]


def copy_of(scene: Any) -> None:
    copy = scene.copy()
    copy.name, copy.use_fake_user = "Copy", True  # no window shows it


def result_of(scene: Any) -> Any:
    editor = scene.sequence_editor
    return (editor.strips if hasattr(editor, "strips") else editor.sequences)["a swapped"]


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_writes_results_into_a_folder_of_its_own(film: Any, extension: Any, way: str) -> None:
    shot, name, uid = extension("addon.shot"), film.name, film.understudy.active.uid
    folder, faces, model = shot.converted_folder(film), shot.faces_folder(film, "a"), shot.model_folder(film)
    COPIES[way]()
    film = bpy.data.scenes[name]
    (copy,) = others(film)
    assert copy.understudy.active.uid == uid  # as Blender leaves it
    extension("addon.scene_copies").tell_apart()
    assert film.understudy.active.uid == uid
    assert shot.converted_folder(film) == folder != shot.converted_folder(copy)
    assert (shot.faces_folder(copy, "a"), shot.model_folder(copy)) == (faces, model)
    assert copy.understudy.active.train.iterations == 77
    found = extension("addon.results").results_of(copy, shot.strip_of(copy, "a"), copy.understudy.active.uid)
    assert [strip.name for strip in found] == ["a swapped"]  # the next conversion brings it up to date in place
    assert result_of(film).understudy_shot == uid
    settled = copy.understudy.active.uid
    extension("addon.scene_copies").tell_apart()
    assert (film.understudy.active.uid, copy.understudy.active.uid) == (uid, settled)


def test_a_copy_that_sorts_before_its_original_is_still_the_copy(film: Any, extension: Any) -> None:
    uid, copy = film.understudy.active.uid, film.copy()
    film.name, copy.name = "Second", "First"
    extension("addon.scene_copies").tell_apart()
    assert film.understudy.active.uid == uid != copy.understudy.active.uid


def test_the_timer_finds_a_copy(film: Any, extension: Any, monkeypatch: Any) -> None:
    watch, copy = extension("addon.watch"), film.copy()
    monkeypatch.setattr(watch, "keeper", SimpleNamespace(
        look_at=lambda *_: None, troubles=list, news=list, board=watch.keeper.board))
    watch.tick()
    assert copy.understudy.active.uid != film.understudy.active.uid


def test_jobs_planned_at_once_are_the_copys_own(film: Any, extension: Any, tmp_path: Path) -> None:
    """Before the timer has come round, and in front of another shot of the scene."""
    shot, stages = extension("addon.shot"), extension("addon.stages")
    first = film.understudy.active
    (tmp_path / "model").mkdir()
    first.model_dir = str(tmp_path / "model")
    bpy.ops.understudy.shot_duplicate()
    copy = film.copy()
    with shot.focused(copy.understudy.shots[0]):
        (job,) = stages.plan(copy, "convert")
        assert shot.active(copy) == copy.understudy.shots[0]
    assert job.tag["shot"] == copy.understudy.shots[0].uid
    ids = [one.uid for scene in bpy.data.scenes for one in scene.understudy.shots]
    assert len({uid[:4] for uid in ids}) == len(ids) == 4
    outputs = {job.options.output}
    for one in [*film.understudy.shots, copy.understudy.shots[1]]:
        with shot.focused(one):
            outputs.add(stages.plan(one.id_data, "convert")[0].options.output)
    assert len(outputs) == 4


def test_undo_and_redo_bring_the_same_copy_back(film: Any, extension: Any) -> None:
    tell_apart, name = extension("addon.scene_copies").tell_apart, film.name
    bpy.ops.ed.undo_push(message="Before")
    copy_of(film)
    bpy.ops.ed.undo_push(message="Copy")
    tell_apart()
    uid, given = (bpy.data.scenes[scene].understudy.active.uid for scene in (name, "Copy"))
    bpy.data.scenes["Copy"].frame_end = 99
    bpy.ops.ed.undo_push(message="More")
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    tell_apart()
    assert [(scene.name, scene.understudy.active.uid) for scene in bpy.data.scenes] == [(name, uid)]
    bpy.ops.ed.redo()
    tell_apart()
    assert bpy.data.scenes[name].understudy.active.uid == uid
    assert bpy.data.scenes["Copy"].understudy.active.uid == given


def test_a_saved_file_holds_no_copies(film: Any, extension: Any, tmp_path: Path) -> None:
    copy_of(film)
    bpy.ops.wm.save_mainfile()
    given = {scene.name: scene.understudy.active.uid for scene in bpy.data.scenes}
    assert len(set(given.values())) == 2
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert {scene.name: scene.understudy.active.uid for scene in bpy.data.scenes} == given


def test_a_file_with_copies_is_told_apart_alike_each_time(film: Any, extension: Any, installed: str) -> None:
    """Saved by Blender without the extension: also where it is never saved again, conversions are found again."""
    path = bpy.data.filepath
    bpy.ops.wm.save_mainfile()
    bpy.ops.preferences.addon_disable(module=installed)
    copy_of(bpy.context.scene)
    bpy.ops.wm.save_mainfile()
    bpy.ops.preferences.addon_enable(module=installed)
    seen = []
    for _ in range(2):
        bpy.ops.wm.open_mainfile(filepath=path)
        seen.append({scene.name: scene.understudy.active.uid for scene in bpy.data.scenes})
    assert len(set(seen[0].values())) == 2
    assert seen[0] == seen[1]


@pytest.mark.parametrize("link", [False, True])
def test_a_scene_of_another_version_of_the_file(film: Any, extension: Any, tmp_path: Path, link: bool) -> None:
    """Appended it is one of ours; linked it is its own file's, and keeps its id."""
    uid, name, other = film.understudy.active.uid, film.name, str(tmp_path / "shot_v1.blend")
    bpy.ops.wm.save_as_mainfile(filepath=other, copy=True)
    with bpy.data.libraries.load(other, link=link) as (_, wanted):
        wanted.scenes = [name]
    (found,) = wanted.scenes
    extension("addon.scene_copies").tell_apart()
    mine = next(scene for scene in bpy.data.scenes if scene.name == name and scene.library is None)
    assert mine.understudy.active.uid != found.understudy.active.uid
    assert (found if link else mine).understudy.active.uid == uid


def test_many_scenes_and_shots_hold_nothing_up(scene: Any, extension: Any, lines: Callable[..., int], at_once: int
                                               ) -> None:
    for _ in range(19):
        bpy.ops.understudy.shot_add(use_selected=False)
    for _ in range(9):
        scene.copy()
    tell_apart = extension("addon.scene_copies").tell_apart
    assert lines(tell_apart) < at_once  # 180 new ids
    assert lines(tell_apart) < at_once / 20  # a turn of the timer
    ids = [one.uid for one in (one for scene in bpy.data.scenes for one in scene.understudy.shots)]
    assert len(set(ids)) == 200
