"""Runs inside Blender's window: does a shot as a person would, takes pictures, and writes what it saw as JSON.

Each step yields the seconds to wait before the next one, so that Blender draws and handles its timers in between.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

import bpy

HOME = Path(os.environ["UNDERSTUDY_GUI_HOME"])
CLIPS = [Path(p) for p in os.environ["UNDERSTUDY_GUI_CLIPS"].split(os.pathsep)]
PYTHON = os.environ["UNDERSTUDY_GUI_PYTHON"]
PICTURES = HOME / "pictures"
ENOUGH = int(os.environ.get("UNDERSTUDY_GUI_ITERATIONS", "0"))  # for pictures of a swap worth looking at
PACKAGE = "bl_ext.user_default.understudy"
report: dict = {"errors": [], "pictures": []}


def module(name):
    return sys.modules[f"{PACKAGE}.{name}"]


def area_of(kind):
    """The widest area of a kind: of the sequencers the timeline, whose sidebar a person would use."""
    window = bpy.context.window_manager.windows[0]
    areas = [a for a in window.screen.areas if a.type == kind]
    return window, max(areas, key=lambda a: a.width)


def picture(name):
    """The whole screen: some OpenGL drivers give Blender's own screenshot operator black pixels."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    if shutil.which("import"):
        subprocess.run(["import", "-window", "root", str(path)], check=True)
    else:
        window = bpy.context.window_manager.windows[0]
        with bpy.context.temp_override(window=window, area=window.screen.areas[0]):
            bpy.ops.screen.screenshot(filepath=str(path), check_existing=False)
    report["pictures"].append(path.name)


def strips_of(scene):
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def board():
    return module("addon.watch").board()


def wait_for(condition, seconds):
    """Yield until the condition holds; says so in the report where it never does."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            states = [(v.label, v.status, v.error, v.count) for v in board().jobs]
            raise TimeoutError(f"waited {seconds} s in vain; jobs: {states}")
        yield 0.2


def operator(name, **options):
    """Press a button: the operator in the sequencer's context, invoked."""
    window, area = area_of("SEQUENCE_EDITOR")
    region = next(r for r in area.regions if r.type == "WINDOW")
    group, verb = name.split(".")
    with bpy.context.temp_override(window=window, area=area, region=region):
        return getattr(getattr(bpy.ops, group), verb)("INVOKE_DEFAULT", **options)


def can(stage):
    """Whether the stage's button is not grey."""
    module("addon.watch").aim()
    scene = getattr(bpy.context.workspace, "sequencer_scene", None) or bpy.context.scene
    return not module("addon.stages").problem(scene, stage, board())


def open_sidebar():
    _, area = area_of("SEQUENCE_EDITOR")
    area.spaces.active.show_region_ui = True
    return area


def maximised(name):
    """A picture with the sequencer over the whole window, so that more of the sidebar shows."""
    window, area = area_of("SEQUENCE_EDITOR")
    for full in (True, False):
        area = area_of("SEQUENCE_EDITOR")[1]
        with bpy.context.temp_override(window=window, area=area, region=area.regions[0]):
            bpy.ops.screen.screen_full_area()
        yield 1.0
        if full:
            picture(name)


def story():
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.view.show_developer_ui = False
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    yield 1.0
    ours = bpy.context.preferences.addons[PACKAGE].preferences
    scene = getattr(bpy.context.workspace, "sequencer_scene", None) or bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y, scene.render.fps = 640, 360, 25
    for number, clip in enumerate(CLIPS):
        strip = strips_of(scene).new_movie(name=clip.stem, filepath=str(clip), channel=1, frame_start=1 + 45 * number)
        if hasattr(strip, "right_handle"):
            strip.right_handle = 1 + 45 * number + 40
        else:
            strip.frame_final_end = 1 + 45 * number + 40
    scene.frame_start, scene.frame_end = 1, 90
    scene.frame_set(20)
    area = open_sidebar()
    yield 0.5
    next(r for r in area.regions if r.type == "UI").active_panel_category = "Understudy"
    yield 1.0
    picture("unsaved")
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "shot.blend"))
    yield 1.5
    picture("not_set_up")
    bpy.ops.preferences.addon_show("INVOKE_DEFAULT", module=PACKAGE)
    yield 1.5
    windows = bpy.context.window_manager.windows
    picture("preferences_not_set_up")
    ours.python = PYTHON
    yield from wait_for(lambda: board().environment is not None and board().environment.usable, 60)
    yield 1.0
    picture("preferences_ready")
    with bpy.context.temp_override(window=windows[-1]):
        bpy.ops.wm.window_close()
    yield 0.5
    picture("choose")
    scene.understudy.strip_a, scene.understudy.strip_b = (clip.stem for clip in CLIPS)
    scene.understudy.extract.detection_size = 480
    scene.understudy.train.iterations = 60
    scene.understudy.train.batch_size = 16 if ENOUGH else 4
    scene.understudy.train.trainer = os.environ.get("UNDERSTUDY_GUI_TRAINER", "sketch")
    module("addon.timing").reset()
    yield from wait_for(lambda: can("extract"), 60)
    yield 1.5
    picture("idle")
    yield from maximised("idle_panels")
    if shutil.which("xdotool"):
        operator("understudy.extract")  # asks the question first
        yield 1.0
        picture("consent")
        subprocess.run(["xdotool", "key", "Escape"], check=True)
        yield 1.0
        report["jobs_without_consent"] = len(board().jobs)
    operator("understudy.consent")
    yield from wait_for(lambda: board().consent, 10)
    operator("understudy.extract")
    yield from wait_for(lambda: any(v.status == "running" and v.factor > 0.2 for v in board().jobs), 90)
    yield 0.5
    picture("extracting")
    yield from wait_for(lambda: sum(v.status == "finished" for v in board().jobs) == 2, 180)
    yield 1.0
    picture("extracted")
    scene.understudy.train.iterations = 20000
    yield from wait_for(lambda: can("train"), 20)
    operator("understudy.train")
    yield from wait_for(lambda: any(v.task == "train" and v.factor > 0 and v.pace for v in board().jobs), 120)
    yield 6.0
    picture("training")
    yield from maximised("training_panels")
    name = board().latest("train").name
    operator("understudy.job_pause", job=name)
    yield from wait_for(lambda: board().latest("train").status == "paused", 60)
    yield 1.0
    picture("paused")
    bpy.ops.wm.save_mainfile()
    # Another file and back: what closing Blender does to the panels.
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    yield 2.0
    report["jobs_elsewhere"] = len(board().jobs)
    bpy.ops.wm.open_mainfile(filepath=str(HOME / "shot.blend"))
    yield from wait_for(lambda: board().latest("train") is not None, 20)
    scene = getattr(bpy.context.workspace, "sequencer_scene", None) or bpy.context.scene
    report["reattached"] = board().latest("train").status
    operator("understudy.job_resume", job=name)
    yield from wait_for(lambda: board().latest("train").status == "running", 60)
    yield from wait_for(lambda: board().latest("train").factor * 20000 >= ENOUGH, 3600)
    operator("understudy.job_stop", job=name)
    yield from wait_for(lambda: board().latest("train").status == "stopped", 120)
    yield 1.0
    open_sidebar()
    yield 0.5
    picture("stopped")
    yield from wait_for(lambda: can("convert"), 20)
    operator("understudy.convert")
    yield from wait_for(lambda: any(v.task == "convert" and v.status == "finished" for v in board().jobs), 180)
    yield 3.0
    picture("converted")
    yield from maximised("converted_panels")
    report["strips"] = [(s.name, s.type, s.channel, s.frame_final_start, s.frame_final_end, s.blend_type)
                        for s in strips_of(scene)]
    report["callbacks"] = {name: (f.kind, f.calls, f.longest, f.longest_cpu, f.total)
                           for name, f in module("addon.timing").callbacks.items()}


def finish():
    ready = os.environ.get("BLENDER_GUI_READY")
    (HOME / "report.json").write_text(json.dumps(report, indent=1))
    if ready:
        Path(ready).touch()
        return 3.0
    return 0.1


_story = story()
_ended = False


def step():
    global _ended
    if _ended:
        os._exit(0) if not report["errors"] else os._exit(1)
    try:
        return next(_story)
    except StopIteration:
        pass
    except BaseException:
        report["errors"].append(traceback.format_exc())
        try:
            picture("error")
        except Exception:
            pass
    _ended = True
    return finish()


bpy.app.timers.register(step, first_interval=2.0, persistent=True)
