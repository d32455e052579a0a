"""How strips are found again: renamed, copied, deleted, among thousands, in another scene than the window's."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest


@pytest.fixture
def shot(extension: Any) -> ModuleType:
    return extension("addon.shot")


def add(scene: Any, name: str, channel: int = 1) -> Any:
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    return strips.new_image(name=name, filepath=f"/nowhere/{name}.png", channel=channel, frame_start=1)


def test_a_strip_is_found_whatever_it_is_called_now(scene: Any, shot: ModuleType) -> None:
    one = scene.understudy.active
    shot.set_strip(one, "a", add(scene, "first"))
    for name in ("second", "third"):
        shot.strip_in(one, "a").name = name
        assert shot.strip_in(one, "a").name == name
    other = add(scene, "first", 2)  # takes the old name, and is another strip
    assert shot.strip_in(one, "a").name == "third"
    other.understudy_id = one.strip_a_id  # as in a copy of it, such as the other half of one that was cut
    assert shot.strip_in(one, "a").name == "first", "of several the one that has kept its name is meant"


def test_a_deleted_strip_is_none_and_undo_brings_it_back(scene: Any, shot: ModuleType) -> None:
    shot.set_strip(scene.understudy.active, "a", add(scene, "first"))
    bpy.ops.ed.undo_push(message="added")
    editor = scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.remove(strips["first"])
    assert shot.strip_in(scene.understudy.active, "a") is None
    bpy.ops.ed.undo_push(message="removed")
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    assert shot.strip_in(scene.understudy.active, "a").name == "first"


def test_strips_are_looked_up_rather_than_searched_for(scene: Any, shot: ModuleType,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """Panels and timers ask for strips all the time, and a film may have thousands of them."""
    one = scene.understudy.active
    shot.set_strip(one, "a", add(scene, "first"))
    shot.set_strip(one, "b", add(scene, "second", 2))
    shot.strip_in(one, "b").name = "renamed"
    assert shot.strip_in(one, "b").name == "renamed"  # searched for once

    def search(scene: Any) -> None:
        raise AssertionError("all strips were gone through")

    monkeypatch.setattr(shot, "strips", search)
    assert (shot.strip_in(one, "a").name, shot.strip_in(one, "b").name) == ("first", "renamed")


def test_timers_look_at_the_scene_that_a_sequencer_shows(scene: Any, shot: ModuleType) -> None:
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    before, area.type = area.type, "SEQUENCE_EDITOR"
    try:
        assert shot.shown_scene() == window.scene
        if hasattr(window.workspace, "sequencer_scene"):
            cut = bpy.data.scenes.new("Edit")
            window.workspace.sequencer_scene = cut
            assert shot.shown_scene() == cut
            window.workspace.sequencer_scene = None
            bpy.data.scenes.remove(cut)
    finally:
        area.type = before


def test_a_result_goes_to_the_scene_that_asked_for_it(extension: Any, scene: Any, shot: ModuleType,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """A scene that was duplicated, to try something out, has the same shots and strips."""
    shot.set_strip(scene.understudy.active, "a", add(scene, "first"))
    one, first = scene.understudy.active, scene.name
    bpy.ops.scene.new(type="FULL_COPY")
    copy = next(other for other in bpy.data.scenes if other.name != first)
    assert shot.find(copy, one.uid) is not None
    placed = []

    def placing(scene: Any, strip: Any, made: Any, uid: str) -> Any:
        placed.append(scene.name)
        yield from ()
        return strip

    monkeypatch.setattr(extension("addon.results"), "placing", placing)
    watch, views = extension("addon.watch"), extension("addon.board")
    job = extension("core.jobs.folder").JobFolder(Path(bpy.data.filepath).parent / "job")
    for asked in (copy.name, first, "gone"):
        view = views.JobView(job, "convert", "Convert", {"a": one.strip_a_id, "shot": one.uid, "scene": asked}, {},
                             "finished", "", result={"output": "/nowhere"})
        for each in bpy.data.scenes:
            shot.find(each, one.uid).placed = ""
        watch._placed.clear()
        assert watch.place(view) == ""
    assert placed == [copy.name, first, first]


def test_a_linked_scene_keeps_its_shots_in_its_own_file(extension: Any, scene: Any, shot: ModuleType,
                                                        tmp_path: Path) -> None:
    shot.set_strip(scene.understudy.active, "a", add(scene, "first"))
    bpy.data.libraries.write(str(tmp_path / "cut.blend"), {scene})
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "cut.blend"), link=True) as (there, wanted):
        wanted.scenes = there.scenes
    linked = next(one for one in bpy.data.scenes if one.library is not None)
    bpy.context.window_manager.windows[0].scene = linked
    extension("addon.watch").look()
    assert "linked from another file" in extension("addon.stages").blocked(linked, extension("addon.watch").board())
    for name in ("shot_add", "shot_duplicate"):
        assert not getattr(bpy.ops.understudy, name).poll()
    assert str(shot.source_path(shot.strip_in(linked.understudy.active, "a"))) == "/nowhere"
