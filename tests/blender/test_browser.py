"""The faces browser under `blender -b`: pages from the service, edits of the alignments, and undo."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

FRAMES = 12


@pytest.fixture(scope="module")
def extracted(extension: Any, footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a .blend whose strip A, two people, was extracted and linked."""
    folder = tmp_path_factory.mktemp("browsed")
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = 25
    bpy.ops.understudy.shot_add()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    film = shutil.copy(footage / "two_people.mp4", folder)
    strip = strips.new_movie(name="two_people", filepath=str(film), channel=1, frame_start=101)
    strip.frame_final_end = strip.frame_final_start + FRAMES
    other = strips.new_movie(name="other", filepath=str(film), channel=2, frame_start=301)
    other.frame_final_end = other.frame_final_start + FRAMES
    data = scene.understudy.active
    data.strip_a, data.strip_b = "two_people", "other"
    data.extract.detection_size = 480
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_CONSENT", "1")
        assert bpy.ops.understudy.extract(strip="A") == {"FINISHED"}
        assert bpy.ops.understudy.run_tool(tool="persons link", role="A") == {"FINISHED"}
    bpy.ops.wm.save_mainfile()
    return folder


@pytest.fixture
def shot(extracted: Path, tmp_path: Path, core_python: Path, extension: Any) -> Iterator[SimpleNamespace]:
    """A copy of it, open, with its first page."""
    folder = Path(shutil.copytree(extracted, tmp_path / "copy"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    scene = bpy.context.scene
    for strip in scene.sequence_editor.strips_all if hasattr(scene.sequence_editor, "strips_all") \
            else scene.sequence_editor.sequences_all:
        strip.filepath = str(folder / Path(strip.filepath).name)
    bpy.ops.wm.save_mainfile()
    data = bpy.context.window_manager.understudy_browser
    for name in ("filter", "order", "person", "per_page", "name", "misaligned", "small", "blurred"):
        data.property_unset(name)
    assert bpy.ops.understudy.browse(what="all") == {"FINISHED"}
    yield SimpleNamespace(folder=folder, scene=scene, browser=extension("addon.browser"), data=data,
                          store=folder / "two_people_alignments.db", watch=extension("addon.watch"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def faces(store: Path) -> dict[str, tuple[int, str, str | None]]:
    """uuid -> (frame, state, person), as the store has them."""
    with sqlite3.connect(store) as connection:
        return {uuid: (frame, state, name) for uuid, frame, state, name in connection.execute(
            "SELECT uuid, frame, state, name FROM face LEFT JOIN person ON person.id = face.person")}


def test_the_first_page_has_every_face(shot: SimpleNamespace) -> None:
    page = shot.browser.page
    there = faces(shot.store)
    assert {cell.uuid for cell in page.cells} == set(there)
    assert page.counts["several"] > 0
    assert page.found == page.counts["all"] == len(there)
    picture = bpy.data.images.load(page.picture)
    assert tuple(picture.size) == page.size
    bpy.data.images.remove(picture)


def test_cells_are_where_they_are_drawn(shot: SimpleNamespace) -> None:
    page = shot.browser.page
    for number in range(len(page.cells)):
        left, bottom, right, top = page.box(number)
        assert page.at((left + right) / 2, (bottom + top) / 2) == number
        assert page.at(left + 1e-6, top - 1e-6) == number
    assert page.at(-0.1, 0.5) is None
    assert page.at(0.999, 1e-6) in (None, len(page.cells) - 1)


def test_faces_are_removed_and_undo_brings_them_back(shot: SimpleNamespace) -> None:
    bpy.ops.ed.undo_push(message="before")
    for number in (0, 2):
        assert bpy.ops.understudy.browse_pick(number=number) == {"FINISHED"}
    gone = {cell.uuid for cell in shot.browser.chosen_cells()}
    assert len(gone) == 2
    assert bpy.ops.understudy.browse_remove() == {"FINISHED"}
    assert {uuid for uuid, (_, state, _) in faces(shot.store).items() if state == "removed"} == gone
    assert not gone & {cell.uuid for cell in shot.browser.page.cells}  # the page has come up to date
    assert shot.browser.page.counts["removed"] == 2
    bpy.ops.ed.undo()
    assert not [uuid for uuid, (_, state, _) in faces(shot.store).items() if state == "removed"]


def test_removed_faces_can_be_brought_back(shot: SimpleNamespace) -> None:
    before = faces(shot.store)
    bpy.ops.understudy.browse_pick(number=1)
    bpy.ops.understudy.browse_remove()
    assert bpy.ops.understudy.browse(what="removed") == {"FINISHED"}
    assert shot.browser.page.found == 1
    bpy.ops.understudy.browse_choose(what="ALL")
    assert bpy.ops.understudy.browse_bring_back() == {"FINISHED"}
    assert faces(shot.store) == before
    assert shot.browser.page.found == 0


def test_keeping_takes_out_the_others_of_the_same_frame(shot: SimpleNamespace) -> None:
    there = faces(shot.store)
    several = [cell for cell in shot.browser.page.cells
               if sum(frame == cell.frame for frame, _, _ in there.values()) == 2][:1]
    assert bpy.ops.understudy.browse_keep(uuids=several[0].uuid) == {"FINISHED"}
    removed = {uuid for uuid, (_, state, _) in faces(shot.store).items() if state == "removed"}
    assert removed == {uuid for uuid, (frame, _, _) in there.items()
                       if frame == several[0].frame and uuid != several[0].uuid}


def test_faces_are_assigned_and_shown_by_person(shot: SimpleNamespace) -> None:
    bpy.ops.understudy.browse_pick(number=0)
    bpy.ops.understudy.browse_pick(number=3, extend=True)
    chosen = {cell.uuid for cell in shot.browser.chosen_cells()}
    assert len(chosen) == 4
    shot.data.name = "Zoe"
    assert bpy.ops.understudy.browse_assign() == {"FINISHED"}
    assert {uuid for uuid, (_, _, name) in faces(shot.store).items() if name == "Zoe"} == chosen
    shot.watch.look()
    (zoe,) = {cell.person for cell in shot.browser.page.cells if cell.uuid in chosen}
    shot.data.person = str(zoe)
    assert {cell.uuid for cell in shot.browser.page.cells} == chosen
    assert bpy.ops.understudy.browse_assign(uuids=" ".join(chosen), person="") == {"FINISHED"}
    assert not [uuid for uuid, (_, _, name) in faces(shot.store).items() if name == "Zoe"]


def test_orders_limits_and_pages(shot: SimpleNamespace) -> None:
    shot.data.small = 4096
    shot.data.filter = "small"
    assert shot.browser.page.found == shot.browser.page.counts["all"]
    shot.data.order = "likeness"
    assert sorted(cell.uuid for cell in shot.browser.page.cells) == sorted(faces(shot.store))
    shot.data.per_page = "50"
    assert bpy.ops.understudy.browse_page(step=1_000_000) == {"FINISHED"}
    assert shot.data.page == shot.browser.page.pages == shot.browser.page.number + 1


def test_reset_shows_all_faces_again(shot: SimpleNamespace) -> None:
    usual = {name: getattr(shot.data, name) for name in ("filter", "order", "person", "per_page", "small")}
    assert not bpy.ops.understudy.browser_reset.poll()
    shot.data.person = usual["person"]
    assert not bpy.ops.understudy.browser_reset.poll()
    shot.data.small, shot.data.filter, shot.data.order, shot.data.per_page = 1, "small", "likeness", "50"
    assert shot.browser.page.found == 0
    assert bpy.ops.understudy.browser_reset() == {"FINISHED"}
    assert {name: getattr(shot.data, name) for name in usual} == usual
    assert shot.browser.page.found == shot.browser.page.counts["all"]
    assert not bpy.ops.understudy.browser_reset.poll()


def test_a_face_leads_to_its_frame(shot: SimpleNamespace) -> None:
    number = next(n for n, cell in enumerate(shot.browser.page.cells) if cell.frame == 5)
    assert bpy.ops.understudy.browse_jump(number=number) == {"FINISHED"}
    assert shot.scene.frame_current == 101 + 5
    assert bpy.context.window_manager.understudy_correction.face == shot.browser.page.cells[number].uuid


def test_what_cannot_be_browsed_is_said(shot: SimpleNamespace) -> None:
    (shot.folder / "two_people_alignments.db").unlink()
    shot.watch.look()
    with pytest.raises(RuntimeError, match="Extract the faces of A first"):
        bpy.ops.understudy.browse()
    with pytest.raises(RuntimeError, match="no face 999"):
        bpy.ops.understudy.browse_pick(number=999)


def test_another_file_forgets_the_page(shot: SimpleNamespace) -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert shot.browser.page is None
    with pytest.raises(RuntimeError, match="Browse the faces first"):
        bpy.ops.understudy.browse_page()
