"""Runs inside Blender's window: the sidebar from an empty file to several shots, each panel open by itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from acting import (
    CLIPS,
    HOME,
    PACKAGE,
    PYTHON,
    area_of,
    board,
    can,
    maximised,
    module,
    new_shot,
    open_only,
    operator,
    play,
    reopened,
    report,
    strips_of,
    the_scene,
    wait_for,
)


def held():
    return the_scene().understudy


def select(*names):
    scene = the_scene()
    for strip in strips_of(scene):
        strip.select = strip.name in names
    scene.sequence_editor.active_strip = strips_of(scene).get(names[0]) if names else None


def shown(name, *panels):
    """Yields: a picture of the sidebar with these panels open, drawn anew from the saved file."""
    yield from reopened(*panels)
    yield from maximised(name)


def story():
    open_only("shot")
    yield from new_shot(frames=20)
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "panels.blend"))
    bpy.context.preferences.addons[PACKAGE].preferences.python = PYTHON
    operator("understudy.shot_remove")
    yield from shown("no_shot", "shot", "extract", "masks")
    report["panels_without_shot"] = len(held().shots)
    select(CLIPS[0].stem, CLIPS[1].stem)
    operator("understudy.shot_add")
    yield 0.5
    report["made"] = [held().active.name, held().active.strip_a, held().active.strip_b]
    for name in ("Close-up", "Reverse angle", "Crowd"):
        operator("understudy.shot_duplicate")
        held().active.name = name
    bpy.ops.ed.undo_push(message="Names")
    held().active_index = 0
    select()
    operator("understudy.source_add", role="A")
    operator("understudy.source_add", role="B")
    held().active.sources_b[0].kind = "FOLDER"
    held().active.sources_b[0].folder = "//photographs"
    yield from wait_for(lambda: can("extract"), 60)
    module("addon.timing").reset()
    yield from shown("shots", "shot", "sources", "places")
    yield from shown("extract", "extract", "convert")
    yield from shown("masks", "masks")
    yield from shown("train", "train_advanced", "train")
    # Undo in the window: what the button did, and nothing else.
    names = [one.name for one in held().shots]
    operator("understudy.shot_remove")
    yield 0.5
    report["removed"] = [one.name for one in held().shots]
    if shutil.which("xdotool"):
        region = next(r for r in area_of("SEQUENCE_EDITOR")[1].regions if r.type == "WINDOW")
        x, y = region.x + region.width // 2, bpy.context.window_manager.windows[0].height - region.y - 40
        subprocess.run(["xdotool", "mousemove", str(x), str(y)], check=True)
        yield 0.5
        subprocess.run(["xdotool", "key", "ctrl+z"], check=True)
        yield from wait_for(lambda: len(held().shots) == len(names), 20)
        report["undone"] = [one.name for one in held().shots] == names
    report["jobs"] = len(board().jobs)
    report["callbacks"] = {name: (f.kind, f.calls, f.longest, f.longest_cpu, f.total_cpu)
                           for name, f in module("addon.timing").callbacks.items()}


play(story())
