"""A shot of a clip in which everything moves evenly (`moving_face`), for the tests of corrections and masks."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy

HERE = Path(__file__).parent
COUNT = 30
START = 11  # timeline frame of the strip's first frame, which shows source frame TRIM
TRIM = 4


def load(name: str) -> ModuleType:
    """A helper module beside this one."""
    spec = importlib.util.spec_from_file_location(f"blender_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


moving = load("moving_face")
media = load("clips")


def build(scene: Any, folder: Path, **arguments: Any) -> SimpleNamespace:
    """The clip as strip A, trimmed at its start, with its alignments."""
    arguments = {"count": COUNT, **arguments}
    printed = media.run_core(str(HERE / "moving_face.py"), str(folder), json.dumps(arguments))
    path = Path(printed.strip().splitlines()[-1])
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    if path.is_dir():
        names = sorted(p.name for p in path.glob("*.png"))
        strip = strips.new_image(name="a", filepath=str(path / names[0]), channel=1, frame_start=START - TRIM)
        for name in names[1:]:
            strip.elements.append(name)
    else:
        strip = strips.new_movie(name="a", filepath=str(path), channel=1, frame_start=START - TRIM)
    strip.frame_final_start = START
    scene.understudy.active.strip_a = strip.name
    scene.frame_start, scene.frame_end = START, START + arguments["count"] - TRIM - 1
    scene.frame_set(START)
    bpy.ops.wm.save_mainfile()
    bpy.ops.ed.undo_push(message="start")
    store = path / "alignments.db" if path.is_dir() else path.with_name("moving_alignments.db")
    return SimpleNamespace(path=path, store=store, strip=strip.name, scene=scene)


def faces(store_of: Any, path: Path, frame: int, removed: bool = False) -> list[Any]:
    with store_of.readonly(path) as store:
        return store.faces(frame, with_removed=removed)


def press(name: str, **values: Any) -> set[str]:
    """An operator with its own step of undo, as a person's click has it."""
    return getattr(bpy.ops.understudy, name)("EXEC_DEFAULT", True, **values)
