"""Several shots in a scene, and files of older schemas: migrated when opened, with nothing lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import bpy
import pytest

DATA = Path(__file__).parent / "data"  # saved by the last version with schema 1, in Blender 4.2 and 5.0


@pytest.fixture
def films(scene: Any) -> list[Any]:
    """Three strips whose films are missing; strip and shot do not mind."""
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    return [strips.new_movie(name=f"film {n}", filepath=f"//film{n}.mp4", channel=n, frame_start=1)
            for n in (1, 2, 3)]


def select(scene: Any, *strips: Any) -> None:
    editor = scene.sequence_editor
    for strip in editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all:
        strip.select = strip in strips
    editor.active_strip = strips[0] if strips else None


def names(scene: Any) -> list[str]:
    return [one.name for one in scene.understudy.shots]


@pytest.mark.parametrize("version", ["4.2", "5.0"])
def test_a_file_of_schema_1_keeps_what_it_held(extension: Any, version: str, tmp_path: Path) -> None:
    if version == "5.0" and bpy.app.version < (5, 0):
        pytest.skip("an older Blender does not find properties that 5.0 has saved")
    path = shutil.copy(DATA / f"schema1_{version}.blend", tmp_path / "old.blend")
    for _ in range(2):  # as it is opened, and as it is saved and opened again
        bpy.ops.wm.open_mainfile(filepath=str(path))
        scene = bpy.data.scenes["Scene"]
        assert len(scene.understudy.shots) == 1
        (one,) = scene.understudy.shots
        assert scene.understudy.schema == 2
        assert one == scene.understudy.active
        assert (one.name, one.strip_a, one.strip_b) == ("actor_a", "actor_a", "actor_b")
        assert one.uid == one.strip_a_id
        assert (one.model_dir, one.placed, one.strip_only) == ("//models/old", "20261101-120000-convert", False)
        assert (one.tool, one.tool_role, one.tool_faces) == ("restore", "b", False)
        assert (one.extract.detection_size, one.extract.masker, one.extract.frames) == (480, {"extended"}, "3-9")
        assert (one.train.trainer, one.train.iterations, one.train.warp) == ("sketch", 1234, False)
        assert one.train.coverage == pytest.approx(87.3)
        assert one.convert.writer == "images"
        assert one.tools.persons_merge.persons == "Anna; Ben"
        assert not scene.understudy.strip_a_id
        assert scene.understudy.train.iterations != 1234  # moved, not copied
        assert len(bpy.data.scenes["Second"].understudy.shots) == 0  # had none
        bpy.ops.wm.save_mainfile()


def test_a_scene_appended_from_an_old_file(extension: Any, scene: Any) -> None:
    with bpy.data.libraries.load(str(DATA / "schema1_4.2.blend")) as (held, wanted):
        wanted.scenes = [name for name in held.scenes if name == "Scene"]
    (appended,) = wanted.scenes
    extension("addon.migration").migrate_all()
    assert appended.understudy.active.train.iterations == 1234
    assert scene.understudy.active.train.iterations != 1234


def test_enabling_migrates_the_open_file(extension: Any, installed: str, tmp_path: Path) -> None:
    path = shutil.copy(DATA / "schema1_4.2.blend", tmp_path / "old.blend")
    bpy.ops.preferences.addon_disable(module=installed)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    bpy.ops.preferences.addon_enable(module=installed)
    assert bpy.data.scenes["Scene"].understudy.active.train.iterations == 1234


def test_opened_and_saved_without_the_extension_nothing_is_lost(extension: Any, installed: str, scene: Any,
                                                               films: list[Any], tmp_path: Path) -> None:
    one = scene.understudy.active
    one.strip_a, one.strip_b, one.train.iterations = films[0].name, films[1].name, 4321
    bpy.ops.understudy.shot_duplicate()
    scene.understudy.active.convert.writer = "images"
    path = tmp_path / "kept.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.preferences.addon_disable(module=installed)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert not hasattr(bpy.context.scene, "understudy")
    bpy.context.scene.frame_end = 77  # somebody works on it
    bpy.ops.wm.save_mainfile()
    bpy.ops.preferences.addon_enable(module=installed)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    shots = bpy.context.scene.understudy.shots
    assert bpy.context.scene.frame_end == 77
    assert [(s.name, s.strip_a, s.strip_b, s.train.iterations, s.convert.writer) for s in shots] == [
        ("film 1", "film 1", "film 2", 4321, "overlay"), ("film 1.001", "film 1", "film 2", 4321, "images")]


def test_a_new_shot_takes_the_selected_strips(scene: Any, films: list[Any]) -> None:
    select(scene, films[1], films[2])
    assert bpy.ops.understudy.shot_add() == {"FINISHED"}
    assert names(scene) == ["Shot", "film 2"]
    assert (scene.understudy.active.strip_a, scene.understudy.active.strip_b) == ("film 2", "film 3")
    select(scene)
    bpy.ops.understudy.shot_add(name="Finale")
    assert (scene.understudy.active.name, scene.understudy.active.strip_a) == ("Finale", "")


def test_names_are_unique_and_follow_strip_a_until_a_person_names_them(scene: Any, films: list[Any]) -> None:
    shots = scene.understudy.shots
    for film in films[:2]:
        bpy.ops.understudy.shot_add(use_selected=False)
        scene.understudy.active.strip_a = film.name
    assert names(scene) == ["Shot", "film 1", "film 2"]
    shots[2].name = "film 1"
    assert names(scene) == ["Shot", "film 1", "film 1.001"]
    shots[2].name = "  "
    assert names(scene) == ["Shot", "film 1", "Shot.001"]
    shots[1].name = "Opening"
    shots[1].strip_a = films[2].name
    assert shots[1].name == "Opening"


def test_remove_duplicate_move_and_undo(scene: Any, films: list[Any]) -> None:
    bpy.ops.ed.undo_push(message="Start")
    scene.understudy.active.strip_a = films[0].name
    scene.understudy.active.train.iterations = 99
    bpy.ops.ed.undo_push(message="Settings")
    bpy.ops.understudy.shot_duplicate()
    bpy.ops.ed.undo_push(message="Duplicate Shot")
    first, second = scene.understudy.shots
    assert (second.train.iterations, second.strip_a_id) == (99, first.strip_a_id)
    assert second.uid not in ("", first.uid)
    bpy.ops.understudy.shot_add(name="Third", use_selected=False)
    assert bpy.ops.understudy.shot_move(direction="UP") == {"FINISHED"}
    assert names(scene) == ["film 1", "Third", "film 1.001"]
    assert scene.understudy.active.name == "Third"
    scene.understudy.active_index = 0
    assert bpy.ops.understudy.shot_move(direction="UP") == {"CANCELLED"}
    scene.understudy.active_index = 1
    bpy.ops.ed.undo_push(message="Third")
    bpy.ops.understudy.shot_remove()
    bpy.ops.ed.undo_push(message="Remove Shot")
    assert names(scene) == ["film 1", "film 1.001"]
    bpy.ops.ed.undo()
    assert names(bpy.context.scene) == ["film 1", "Third", "film 1.001"]
    bpy.ops.ed.undo()
    assert names(bpy.context.scene) == ["film 1", "film 1.001"]
    bpy.ops.ed.redo()
    assert names(bpy.context.scene) == ["film 1", "Third", "film 1.001"]


def test_without_shots_the_panels_have_something_to_read(scene: Any, extension: Any) -> None:
    bpy.ops.understudy.shot_remove()
    shot = extension("addon.shot")
    assert len(scene.understudy.shots) == 0
    assert shot.strip_of(scene, "a") is None
    stages, board = extension("addon.stages"), extension("addon.watch").look()
    assert stages.next_step(scene, board)
    assert [stages.jobs_of(scene, stage, board) for stage in stages.STAGES] == [[], [], []]
    with pytest.raises(RuntimeError, match="Add a shot first"):
        bpy.ops.understudy.shot_remove()


def test_one_shot_may_be_looked_at_while_another_is_active(scene: Any, extension: Any, films: list[Any]) -> None:
    shot = extension("addon.shot")
    for film in films[:2]:
        bpy.ops.understudy.shot_add(use_selected=False)
        scene.understudy.active.strip_a = film.name
    with shot.focused(scene.understudy.shots[1]):
        assert shot.strip_of(scene, "a") == films[0]
        with shot.focused(scene.understudy.shots[0]):
            assert shot.strip_of(scene, "a") is None
        assert shot.strip_of(scene, "a") == films[0]
    assert shot.strip_of(scene, "a") == films[1]


def test_several_sources_a_side(extension: Any, scene: Any, films: list[Any], tmp_path: Path) -> None:
    """Every strip is extracted; training takes the folders of all of them, and those that a person names."""
    shot, stages = extension("addon.shot"), extension("addon.stages")
    one = scene.understudy.active
    one.strip_a, one.strip_b = films[0].name, films[1].name
    more = one.sources_a.add()
    more.strip = films[2].name
    one.sources_a.add().strip = films[0].name  # the same once more
    folder = one.sources_b.add()
    folder.kind, folder.folder = "FOLDER", "//photographs"
    work = tmp_path / "shot_understudy" / "faces"
    a = [shot.faces_folder_of(scene, film) for film in (films[0], films[2])]
    assert shot.faces_folders(scene, "a") == a
    assert all(path.parent == work for path in a)
    assert shot.faces_folders(scene, "b") == [shot.faces_folder_of(scene, films[1]), tmp_path / "photographs"]
    for path in (*a, *shot.faces_folders(scene, "b")):
        path.mkdir(parents=True)
        for number in range(13):
            (path / f"{number}.png").touch()
    (job,) = stages.plan(scene, "train")
    assert (job.options.input_a, job.options.more_input_a) == (str(a[0]), (str(a[1]),))
    assert job.options.more_input_b == (str(tmp_path / "photographs"),)
    for film in films:
        Path(bpy.path.abspath(film.filepath)).touch()
    one.strip_only = False
    jobs = stages.plan(scene, "extract")
    assert [(job.label, job.tag["role"]) for job in jobs] == [("Extract A", "a"), ("Extract A, film 3", "a"),
                                                              ("Extract B", "b")]
    assert [Path(job.options.source).name for job in jobs] == ["film1.mp4", "film3.mp4", "film2.mp4"]
    assert [Path(job.options.faces) for job in jobs] == [*a, shot.faces_folder(scene, "b")]
    one.train.persons_a = "Anna"
    (job,) = stages.plan(scene, "train")
    assert [Path(path).name for path in job.options.alignments_a] == ["film1_alignments.db", "film3_alignments.db"]


def test_tools_are_about_the_chosen_one_of_a_side_s_strips(extension: Any, scene: Any, films: list[Any],
                                                           tmp_path: Path) -> None:
    shot, tools, board = extension("addon.shot"), extension("addon.tools"), extension("addon.watch").look()
    one, sort, mask = scene.understudy.active, *(extension("addon.properties").TOOLS[name] for name in
                                                 ("sort", "mask add"))
    one.strip_a, one.strip_b = films[0].name, films[1].name
    one.sources_a.add().strip = films[2].name
    for film in films:
        Path(bpy.path.abspath(film.filepath)).touch()
    assert [item.name for item in one.bl_rna.properties["tool_strip"].enum_items_static] == []  # they follow the shot
    assert (one.tool_strip, shot.tool_strip(scene)) == (films[0].understudy_id, films[0])
    one.tool_strip = films[2].understudy_id
    assert shot.tool_strip(scene) == films[2]
    (tmp_path / "film3_alignments.db").touch()
    planned = tools.plan(scene, mask, "a")
    assert (planned.label, planned.tag["strip"]) == ("Add Masks, film 3", films[2].understudy_id)
    assert Path(planned.options.source).name == "film3.mp4"
    assert Path(planned.options.alignments) == tmp_path / "film3_alignments.db"
    assert Path(tools.plan(scene, sort, "a").options.faces) == shot.faces_folder_of(scene, films[2])
    # On the other side, and for scripts that name a strip, it is another one; the panels keep theirs.
    assert tools.plan(scene, mask, "b").tag["strip"] == films[1].understudy_id
    with shot.tools_on(scene, "a", "film 1"):
        assert tools.plan(scene, mask, "a").tag["strip"] == films[0].understudy_id
    assert shot.tool_strip(scene) == films[2]
    with pytest.raises(extension("addon.shot").StripError, match="Its strips: film 1, film 3"), \
            shot.tools_on(scene, "a", "film 2"):
        pass
    assert tools.problem(scene, mask, "b", board) == "Extract the faces of B first" or bpy.app.background
    # One that is taken away leaves the first.
    one.sources_a.remove(0)
    assert (shot.tool_strip(scene), one.tool_strip) == (films[0], films[0].understudy_id)
    saved = tmp_path / "chosen.blend"
    one.sources_a.add().strip = films[2].name
    bpy.ops.wm.save_as_mainfile(filepath=str(saved))
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    scene = bpy.context.scene
    assert shot.tool_strip(scene).name == "film 3"
    bpy.ops.understudy.shot_duplicate()
    assert shot.tool_strip(scene).name == "film 3"


def test_a_faces_folder_lends_the_face(extension: Any, scene: Any, films: list[Any], tmp_path: Path) -> None:
    shot, stages = extension("addon.shot"), extension("addon.stages")
    board = extension("addon.watch").look()
    one = scene.understudy.active
    one.strip_a, one.lender = films[0].name, "FOLDER"
    assert stages.blocked(scene, board) == "Choose the faces folder that lends the face"
    one.folder_b = "//library/Anna"
    assert stages.blocked(scene, board) == ""
    assert shot.faces_folders(scene, "b") == [tmp_path / "library" / "Anna"]
    assert shot.model_folder(scene).name.startswith("film1-Anna-")
    Path(bpy.path.abspath(films[0].filepath)).touch()
    one.strip_only = False
    assert [job.label for job in stages.plan(scene, "extract")] == ["Extract A"]
    assert shot.strips_of(scene, "b") == []


def test_sources_are_copied_with_their_shot(scene: Any, films: list[Any]) -> None:
    scene.understudy.active.sources_b.add().strip = films[2].name
    bpy.ops.understudy.shot_duplicate()
    (source,) = scene.understudy.active.sources_b
    assert (source.kind, source.strip) == ("STRIP", "film 3")


def test_what_was_set_before_there_was_a_shot_is_the_first_ones(scene: Any) -> None:
    bpy.ops.understudy.shot_remove()
    scene.understudy.active.tools.sort.dry_run = True
    scene.understudy.active.train.iterations = 7
    bpy.ops.understudy.shot_add()
    one = scene.understudy.shots[0]
    assert (one.tools.sort.dry_run, one.train.iterations) == (True, 7)
    bpy.ops.understudy.shot_add()
    assert scene.understudy.active.train.iterations != 7
