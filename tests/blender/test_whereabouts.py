"""A .blend that is saved elsewhere, copied or moved still finds its files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import bpy
import pytest


def film(scene: Any, path: str, channel: int = 1) -> Any:
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    return strips.new_movie(name=f"film {channel}", filepath=path, channel=channel, frame_start=1)


@pytest.fixture
def work(scene: Any, extension: Any, tmp_path: Path) -> Path:
    """The work folder of a scene that has run something; its footage lies in another folder."""
    for name in ("media", "one", "two"):
        (tmp_path / name).mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "one" / "shot.blend"))
    one = scene.understudy.active
    one.strip_a = film(scene, str(tmp_path / "media" / "clip.mp4")).name
    one.strip_b = film(scene, str(tmp_path / "media" / "other.mp4"), 2).name
    one.model_dir, one.extract.filter = "//models/mine", "//a.png; /abs/b.png"
    extension("addon.whereabouts").settle(scene)
    folder = extension("addon.shot").work_folder(scene)
    assert folder == tmp_path / "one" / "shot_understudy"
    folder.mkdir()
    bpy.ops.wm.save_mainfile()
    return folder


def places(extension: Any) -> tuple[Path, ...]:
    """Everything that must stay where it is."""
    shot, scene = extension("addon.shot"), bpy.context.scene
    values = extension("addon.properties").values_of(scene.understudy.active.extract, "extract")
    return (shot.work_folder(scene), shot.faces_folder(scene, "a"), shot.faces_folder(scene, "b"),
            shot.model_folder(scene), *(Path(path) for path in values["filter"]))


def test_of_a_work_folder_that_cannot_be_made_it_says_what_to_change(extension: Any, work: Path,
                                                                    consent: None) -> None:
    (work.parent / "file").write_text("no folder")
    bpy.context.scene.understudy.folder = str(work.parent / "file")
    stages, errors = extension("addon.stages"), extension("core.errors")
    planned = stages.Planned("rehearsal", extension("core.options.rehearsal").RehearsalOptions(), "Count", {})
    for start in (lambda: stages.queue(bpy.context.scene, [planned]),
                  lambda: stages.run_and_wait(bpy.context.scene, [planned], print)):
        with pytest.raises(errors.OutputError, match=r"Cannot write .*file.*Work Folder that can be .*, under Folders"):
            start()


def test_a_version_beside_the_first_keeps_the_work_folder(extension: Any, work: Path) -> None:
    before = places(extension)
    bpy.ops.wm.save_as_mainfile(filepath=str(work.parent / "shot_v2.blend"))
    assert places(extension) == before
    bpy.ops.wm.open_mainfile(filepath=str(work.parent / "shot_v2.blend"))
    assert places(extension) == before
    assert not extension("addon.whereabouts").is_elsewhere(bpy.context.scene)


def test_saved_elsewhere_it_still_finds_everything(extension: Any, work: Path, tmp_path: Path) -> None:
    before = places(extension)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "two" / "shot.blend"))
    for _ in range(2):
        assert places(extension) == before
        held = bpy.context.scene.understudy
        assert held.place == "//../one/shot_understudy"
        assert held.active.model_dir == "//../one/models/mine"
        assert held.active.extract.filter == "//../one/a.png; /abs/b.png"
        assert extension("addon.whereabouts").is_elsewhere(bpy.context.scene)
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "two" / "shot.blend"))
    extension("addon.whereabouts").start_afresh(bpy.context.scene)
    assert places(extension)[0] == tmp_path / "two" / "shot_understudy"


def test_paths_behind_names_come_along(extension: Any, scene: Any, tmp_path: Path) -> None:
    """Anna=//models/anna means the same folder when the file is saved to another one."""
    data, folder = scene.understudy.active.convert, tmp_path / "deeper"
    folder.mkdir()
    data.models = "Anna=//models/anna; Ben=/models/ben; //none"
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "b.blend"))
    data = bpy.context.scene.understudy.active.convert
    assert data.models == "Anna=//../models/anna; Ben=/models/ben; //none"
    values = extension("addon.properties").values_of(data, "convert")
    assert values["models"] == (f"Anna={tmp_path / 'models' / 'anna'}", "Ben=/models/ben", "//none")


def test_a_saved_copy_leaves_the_open_file_as_it_is(extension: Any, work: Path, tmp_path: Path) -> None:
    before, held = places(extension), bpy.context.scene.understudy
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "two" / "copy.blend"), copy=True)
    assert (held.place, held.active.model_dir) == ("//shot_understudy", "//models/mine")
    assert places(extension) == before
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "two" / "copy.blend"))
    assert places(extension) == before


def test_a_save_that_fails_leaves_everything(extension: Any, work: Path, tmp_path: Path) -> None:
    before, held = places(extension), bpy.context.scene.understudy
    with pytest.raises(RuntimeError):
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "no such folder" / "x" / "copy.blend"))
    assert held.place == "//shot_understudy"
    assert places(extension) == before


def test_a_project_that_moves_as_a_whole(extension: Any, work: Path, tmp_path: Path) -> None:
    before = places(extension)
    moved = Path(shutil.copytree(tmp_path / "one", tmp_path / "new" / "one"))
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    shutil.rmtree(tmp_path / "one")
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    after = places(extension)
    assert after[0] == moved / "shot_understudy"
    assert after[3] == moved / "models" / "mine"
    assert before[0] not in (after[0], *after[0].parents)


def test_footage_that_moves_with_its_project_keeps_its_folders(extension: Any, scene: Any, tmp_path: Path) -> None:
    scene.understudy.active.strip_a = film(scene, str(tmp_path / "clip.mp4")).name
    extension("addon.whereabouts").settle(scene)
    name = extension("addon.shot").faces_folder(scene, "a").name
    film(scene, "", 3)
    for strip in scene.sequence_editor.strips_all if hasattr(scene.sequence_editor, "strips_all") \
            else scene.sequence_editor.sequences_all:
        if strip.name == "film 1":
            strip.filepath = "//clip.mp4"
    bpy.ops.wm.save_mainfile()
    moved = Path(shutil.copytree(tmp_path, tmp_path.with_name(tmp_path.name + "_moved")))
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    assert extension("addon.shot").faces_folder(bpy.context.scene, "a").name == name


def test_a_blend_that_moves_alone_finds_its_work_folder(extension: Any, work: Path, tmp_path: Path) -> None:
    before = places(extension)
    (tmp_path / "far" / "away").mkdir(parents=True)
    alone = shutil.move(tmp_path / "one" / "shot.blend", tmp_path / "far" / "away" / "shot.blend")
    bpy.ops.wm.open_mainfile(filepath=str(alone))
    assert places(extension)[:3] == before[:3]
    assert extension("addon.whereabouts").is_elsewhere(bpy.context.scene)


def test_a_chosen_work_folder_wins(extension: Any, work: Path, tmp_path: Path) -> None:
    bpy.context.scene.understudy.folder = str(tmp_path / "disk")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "two" / "shot.blend"))
    assert places(extension)[0] == tmp_path / "disk"
    assert not extension("addon.whereabouts").is_elsewhere(bpy.context.scene)


def test_the_work_folder_is_copied_beside_the_new_file(extension: Any, work: Path, tmp_path: Path) -> None:
    before = places(extension)
    for name in ("faces/clip/1.png", "models/mine/state.json", "jobs/1/job.json"):
        (work / name).parent.mkdir(parents=True)
        (work / name).write_text(name)
    with pytest.raises(RuntimeError, match=r"beside the \.blend already"):
        bpy.ops.understudy.copy_work()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "two" / "new.blend"))
    assert bpy.ops.understudy.copy_work() == {"FINISHED"}
    new = tmp_path / "two" / "new_understudy"
    assert (new / "faces" / "clip" / "1.png").read_text() == "faces/clip/1.png"
    assert not (new / "jobs").exists()
    after = places(extension)
    assert after[0] == new
    assert after[1].name == before[1].name  # clips are still called as they were
    assert not extension("addon.whereabouts").is_elsewhere(bpy.context.scene)
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["new.blend", "new_understudy"]


def test_a_copy_that_cannot_be_made_changes_nothing(extension: Any, work: Path, tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "two" / "new.blend"))
    (tmp_path / "two" / "new_understudy").mkdir()
    with pytest.raises(RuntimeError, match=r"There is a .*new_understudy already"):
        bpy.ops.understudy.copy_work()
    assert places(extension)[0] == work
    assert bpy.ops.understudy.start_afresh() == {"FINISHED"}
    assert places(extension)[0] == tmp_path / "two" / "new_understudy"


def test_a_copy_that_is_stopped_leaves_nothing(extension: Any, work: Path, tmp_path: Path) -> None:
    (work / "faces").mkdir()
    (work / "faces" / "1.png").write_text("x")
    with pytest.raises(InterruptedError):
        extension("operators.work_folder").copy_folder(work, tmp_path / "copy", lambda size: True)
    assert not [path for path in tmp_path.iterdir() if "copy" in path.name]


@pytest.mark.parametrize(("text", "name"), [
    ("Täter 甲 (2)", "Täter_甲__2_"), ("Ta\u0308ter", "Täter"), ("a.b/c\\d:e", "a_b_c_d_e"), ("кадр-01_α", "кадр-01_α"),
    ("naïve film", "naïve_film"), ("plain-Name_01", "plain-Name_01")])
def test_folders_keep_the_letters_of_all_scripts(extension: Any, text: str, name: str) -> None:
    """Also where the system gives accents as characters of their own, as macOS does."""
    assert extension("addon.shot").name_in_path(text) == name


def test_the_names_of_old_folders_stay(extension: Any) -> None:
    """What has no accents is called as it was in 0.1."""
    text = "".join(map(chr, range(128)))
    assert extension("addon.shot").name_in_path(text) == bpy.path.clean_name(text)
