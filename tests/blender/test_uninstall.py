"""Disabling the extension: nothing of it stays in Blender, and the file's data are there when it is enabled again."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parents[1]))
import traces


def test_nothing_stays(installed: str, core_python: Path, tmp_path: Path) -> None:
    assert traces.found(installed, "understudy") == {}
    bpy.ops.preferences.addon_enable(module=installed)
    try:
        bpy.context.preferences.addons[installed].preferences.python = str(core_python)
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
        bpy.ops.understudy.shot_add(name="Opening", use_selected=False)
        bpy.context.scene.understudy.active.train.iterations = 42
        sys.modules[f"{installed}.addon.service"].ask_and_wait("ping")
        there = traces.found(installed, "understudy")
        # No words, for this module is built without languages, and no keys, timers and threads without a window.
        assert set(there) >= {"handlers", "classes", "operators", "properties", "drawn by others"}
        assert any("--service" in line for line in there.get("processes", [])) or not sys.platform.startswith("linux")
        bpy.ops.preferences.addon_disable(module=installed)
        assert traces.found(installed, "understudy") == {}
        bpy.ops.preferences.addon_enable(module=installed)
        one = bpy.context.scene.understudy.active
        assert (one.name, one.train.iterations) == ("Opening", 42)
    finally:
        bpy.ops.preferences.addon_disable(module=installed)
    assert traces.found(installed, "understudy") == {}
