"""Runs inside Blender's window: the live preview follows frame and settings; the result is looked over."""

from __future__ import annotations

import os
import sys
import time
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


def editors():
    """Names of the pictures in the Image Editors of all windows."""
    images = [area.spaces.active.image for window in bpy.context.window_manager.windows for area in window.screen.areas
              if area.type == "IMAGE_EDITOR"]
    return [Path(image.filepath).name for image in images if image is not None]


def settled():
    """Whether the preview shows what is to be seen now."""
    state = module("addon.live").state
    return not state.busy and state.seen is not None and state.seen == state.key and state.frame >= 0


def story():
    open_only("convert", "live", "look_over")
    yield from new_shot(frames=10)
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "preview.blend"))
    bpy.context.preferences.addons[PACKAGE].preferences.python = PYTHON
    scene, data = the_scene(), the_scene().understudy.active
    data.strip_a, data.strip_b = (clip.stem for clip in CLIPS)
    data.model_dir = str(MODEL)
    scene.frame_set(2)
    module("addon.watch").hurry()
    yield from wait_for(lambda: not module("addon.stages").problem(scene, "convert", board()), 60)
    module("addon.timing").reset()
    live = bpy.context.window_manager.understudy_live

    live.on = True
    yield from wait_for(lambda: "Agree" in module("addon.live").state.sentence, 30)
    bpy.ops.understudy.consent()
    yield from wait_for(settled, 240)
    yield 2.0
    report["windows"] = len(bpy.context.window_manager.windows)
    report["shown"] = editors()
    picture("live_preview")
    report["frame"] = module("addon.live").state.frame
    begun = time.monotonic()
    scene.frame_set(6)
    yield from wait_for(lambda: settled() and module("addon.live").state.frame == report["frame"] + 4, 120)
    report["followed"] = time.monotonic() - begun
    live.masks = True
    yield 0.5
    yield from wait_for(settled, 120)
    image = next(one for one in bpy.data.images if Path(one.filepath).name == "frame.png")
    report["size"] = list(image.size)
    yield 1.0
    picture("live_preview_masks")
    yield from maximised("live_preview_panel")
    scene.frame_set(40)
    yield 1.5
    report["sentence"] = module("addon.live").state.sentence
    live.on = False
    yield 0.5
    report["ticking"] = bpy.app.timers.is_registered(module("addon.live")._tick)
    scene.frame_set(2)

    operator("understudy.preview_faces")
    yield from wait_for(lambda: "faces.png" in editors(), 240)
    yield 1.5
    picture("five_faces")

    operator("understudy.convert", agree=True)
    yield from wait_for(lambda: any(v.task == "convert" and v.status == "finished" for v in board().jobs), 300)
    yield 2.0
    operator("understudy.look_over")
    rows = bpy.context.window_manager.understudy_looked_over.rows
    yield from wait_for(lambda: len(rows) > 0, 300)
    yield 1.5
    report["rows"] = len(rows)
    report["chart"] = "report.png" in editors()
    picture("looked_over_chart")
    yield from maximised("looked_over")
    last = rows[len(rows) - 1].frame
    operator("understudy.look_over_jump", frame=last)
    report["jumped"] = scene.frame_current - last
    report["callbacks"] = {name: (f.kind, f.calls, f.longest, f.longest_cpu, f.total_cpu)
                           for name, f in module("addon.timing").callbacks.items()}


play(story())
