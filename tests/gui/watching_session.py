"""Runs inside Blender's window: preview, graphs and sessions of a training in Image Editors, with pictures of them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from acting import (
    CLIPS,
    HOME,
    PACKAGE,
    PYTHON,
    board,
    maximised,
    module,
    new_shot,
    open_only,
    operator,
    picture,
    play,
    report,
    the_scene,
    wait_for,
)

MODEL = Path(os.environ["UNDERSTUDY_GUI_MODEL"])


def shown():
    """File names in the Image Editors of all windows."""
    images = [area.spaces.active.image for window in bpy.context.window_manager.windows for area in window.screen.areas
              if area.type == "IMAGE_EDITOR"]
    return [Path(image.filepath).name for image in images if image is not None]


def ours(name):
    return next(image for image in bpy.data.images if Path(image.filepath).name == name)


def story():
    open_only("train", "train_watch")
    yield from new_shot(frames=10)
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "watching.blend"))
    bpy.context.preferences.addons[PACKAGE].preferences.python = PYTHON
    data = the_scene().understudy.active
    data.strip_a, data.strip_b = (clip.stem for clip in CLIPS)
    data.model_dir = str(MODEL)
    data.train.trainer = "dfl-sae"
    module("addon.timing").reset()
    yield from wait_for(lambda: not module("addon.tools").no_model(the_scene(), board()), 30)
    yield from maximised("watching_panels")

    operator("understudy.training_preview")
    yield 2.0
    report["windows"] = len(bpy.context.window_manager.windows)
    report["preview"] = shown()
    first = tuple(ours("preview.png").size)
    picture("watching_preview")

    shutil.copy(MODEL / "other.png", MODEL / "preview.png")  # as the next save would
    yield from wait_for(lambda: tuple(ours("preview.png").size) != first, 20)
    report["refreshed"] = [first, tuple(ours("preview.png").size)]

    for what, task in (("LOSS", "models graph"), ("SESSIONS", "models sessions")):
        operator("understudy.training_draw", what=what)
        name = {"LOSS": "graph.png", "SESSIONS": "sessions.png"}[what]
        yield from wait_for(lambda task=task: board().latest(task) is not None and not board().latest(task).going, 120)
        yield from wait_for(lambda name=name: name in shown(), 20)
        yield 1.0
        picture(f"watching_{what.lower()}")
        report[f"zoom_{what.lower()}"] = next(area.spaces.active.zoom[0] for window in
                                              bpy.context.window_manager.windows for area in window.screen.areas
                                              if area.type == "IMAGE_EDITOR")
    report["drawn"] = shown()
    report["windows_after"] = len(bpy.context.window_manager.windows)
    report["callbacks"] = {name: (f.kind, f.calls, f.longest, f.longest_cpu, f.total_cpu)
                           for name, f in module("addon.timing").callbacks.items()}


play(story())
