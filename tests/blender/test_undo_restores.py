"""Ctrl-Z really brings back what our operators change; those on faces and clips are undone in the tests named here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_undo import operators  # noqa: F401

# Where others are undone: they need alignments, clips or masks.
ELSEWHERE = {
    "test_face_edits": {"landmarks_move", "landmarks_scale", "landmarks_rotate", "face_delete", "face_interpolate",
                        "face_person", "faces_copy", "frame_revert", "face_box"},
    "test_markers": {"markers_apply", "markers_make", "markers_discard", "markers_remove", "markers_track"},
    "test_browser": {"browse_remove", "browse_keep", "browse_bring_back", "browse_assign"},
    "test_mask_edits": {"mask_new_add", "mask_new_subtract", "mask_parent"},
}


def held(group: Any) -> dict[str, Any]:
    """Everything that a group of properties holds, groups and lists in it included."""
    found: dict[str, Any] = {}
    for rna in group.bl_rna.properties:
        name = rna.identifier
        if rna.type == "POINTER" and name != "rna_type":
            found[name] = held(getattr(group, name))
        elif rna.type == "COLLECTION":
            found[name] = [held(row) for row in getattr(group, name)]
        elif rna.type not in ("POINTER",) and name != "rna_type":
            value = getattr(group, name)
            found[name] = tuple(value) if getattr(rna, "is_array", False) else value
    return found


def state() -> dict[str, Any]:
    scene = bpy.context.scene
    editor = scene.sequence_editor
    strips = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    return {"project": held(scene.understudy), "overlay": held(scene.understudy_overlay),
            "ids": {strip.name: strip.understudy_id for strip in strips}}


@pytest.fixture
def shots(scene: Any, tmp_path: Path) -> SimpleNamespace:
    """Two shots over three strips, with settings that are not the defaults, at a step of undo."""
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    for n in (1, 2, 3):
        strips.new_movie(name=f"film {n}", filepath=f"//film{n}.mp4", channel=n, frame_start=1)
    for a, b in (("film 1", "film 2"), ("film 3", "film 1")):
        bpy.ops.understudy.shot_add(use_selected=False)
        scene.understudy.active.strip_a, scene.understudy.active.strip_b = a, b
    one = scene.understudy.active
    one.train.batch_size, one.train.persons_a = 5, "Anna"
    one.sources_a.add().strip = "film 2"
    scene.understudy_overlay.opacity, scene.understudy_overlay.boxes = 0.5, False
    scene.understudy.place, scene.understudy.place_memory = "//deeper/work", str(tmp_path / "deeper" / "work")
    editor.active_strip = strips["film 2"]
    (tmp_path / "settings.toml").write_text("[train]\nbatch-size = 9\n")
    (tmp_path / "preset.py").write_text(
        "import bpy\nbpy.context.scene.understudy.active.train.batch_size = 7\n")
    bpy.ops.wm.save_mainfile()
    bpy.ops.ed.undo_push(message="start")
    return SimpleNamespace(folder=tmp_path)


CHANGES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "shot_add": lambda folder: {"use_selected": False}, "shot_remove": lambda folder: {},
    "shot_duplicate": lambda folder: {}, "shot_move": lambda folder: {"direction": "UP"},
    "pick_strip": lambda folder: {"role": "A"}, "source_add": lambda folder: {"role": "B"},
    "source_remove": lambda folder: {"role": "A", "index": 0},
    "add_paths": lambda folder: {"task": "extract", "option": "filter", "directory": f"{folder}/",
                                 "files": [{"name": "a.png"}]},
    "settings_reset": lambda folder: {"task": "train"},
    "settings_load": lambda folder: {"filepath": str(folder / "settings.toml")},
    "preset_apply": lambda folder: {"filepath": str(folder / "preset.py"), "stage": "train"},
    "start_afresh": lambda folder: {}, "overlay_reset": lambda folder: {},
}


@pytest.mark.parametrize("name", CHANGES)
def test_ctrl_z_brings_the_scene_back(shots: SimpleNamespace, name: str) -> None:
    before = state()
    assert getattr(bpy.ops.understudy, name)("EXEC_DEFAULT", True, **CHANGES[name](shots.folder)) == {"FINISHED"}
    after = state()
    assert after != before
    bpy.ops.ed.undo()
    assert state() == before
    bpy.ops.ed.redo()
    assert state() == after


def test_every_operator_with_undo_is_undone_somewhere(operators: list[type]) -> None:  # noqa: F811
    """A new one needs its line above, or its test among those that are named."""
    undone = {cls.bl_idname.partition(".")[2] for cls in operators
              if "UNDO" in cls.bl_options or getattr(cls, "undo", "") == "Ctrl-Z takes it back"}
    assert undone == set(CHANGES) | set().union(*ELSEWHERE.values())
    for module, names in ELSEWHERE.items():
        text = (Path(__file__).parent / f"{module}.py").read_text(encoding="utf-8")
        assert "ed.undo()" in text
        silent = [name for name in names if f'"{name}"' not in text and f"understudy.{name}" not in text
                  and not (name.startswith("mask_new") and "mask_new_{mode}" in text)]
        assert not silent, (module, silent)
