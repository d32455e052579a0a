"""Runs inside Blender's window: does a shot as a person would, takes pictures, and writes what it saw as JSON."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import clicking
from acting import (
    CLIPS,
    HOME,
    PACKAGE,
    PYTHON,
    board,
    can,
    maximised,
    module,
    new_shot,
    open_sidebar,
    operator,
    picture,
    play,
    reopened,
    report,
    strips_of,
    the_scene,
    wait_for,
)

RENDERED = (2, 17, 38)  # frames of the timeline; strip A shows its film from frame 1 on
ENOUGH = int(os.environ.get("UNDERSTUDY_GUI_ITERATIONS", "0"))  # for pictures of a swap worth looking at


def of_the_swap():
    """Yields: pictures for the docs of the live preview and of the look over the result, with a model that can swap."""
    yield from reopened("shot", "landmarks", "clip_landmarks", "clip_landmarks_overlay")
    window = bpy.context.window_manager.windows[0]
    the_scene().frame_set(20)
    module("addon.overlay.settings").of(the_scene()).show = True
    yield from wait_for(lambda: board().latest("train") is not None, 20)
    yield 3.0
    picture("swap_overlay")
    operator("understudy.edit_landmarks")
    beside = next(a for a in window.screen.areas if a.type == "SEQUENCE_EDITOR"
                  and a.spaces.active.view_type == "PREVIEW")
    beside.type = "CLIP_EDITOR"
    yield 1.0
    operator("understudy.markers_make", extent="RANGE")
    yield from wait_for(lambda: any(clip.understudy.record for clip in bpy.data.movieclips), 60)
    yield 1.0
    beside.spaces.active.show_region_ui, beside.spaces.active.show_region_toolbar = True, False
    yield 1.0
    next(r for r in beside.regions if r.type == "UI").active_panel_category = "Understudy"
    region = next(r for r in beside.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=beside, region=region):
        bpy.ops.clip.view_all()
    yield 2.0
    picture("swap_correcting")
    yield from reopened("convert", "live", "look_over")
    yield from wait_for(lambda: can("convert"), 60)
    live, view = bpy.context.window_manager.understudy_live, module("addon.live")
    live.on = True  # which begins a new state
    yield from wait_for(lambda: view.state.seen is not None and view.state.seen == view.state.key
                        and not view.state.busy and view.state.frame >= 0, 240)
    yield 2.0
    picture("swap_live")
    live.on = False
    yield from closed()
    operator("understudy.preview_faces")
    yield from wait_for(lambda: any(Path(i.filepath).name == "faces.png" for i in bpy.data.images), 240)
    yield 2.0
    picture("swap_five_faces")
    yield from closed()
    operator("understudy.look_over")
    rows = bpy.context.window_manager.understudy_looked_over.rows
    yield from wait_for(lambda: len(rows) > 0, 300)
    yield 1.5
    yield from closed()
    yield from maximised("swap_looked_over")


def pressed(name, then, **options):
    """Yields: the button clicked with the mouse, where there is one to move, until it has had its effect."""
    if clicking.possible():
        yield from clicking.press(name, then)
        report.setdefault("clicked", []).append(name)
    else:
        operator(name, **options)
        yield from wait_for(then, 10)


def consented():
    """Yields: Extract pressed; the question that it asks declined, and then answered."""
    if not clicking.possible():
        operator("understudy.consent")
        yield from wait_for(lambda: board().consent, 10)
        operator("understudy.extract")
        return
    yield from clicking.press("understudy.extract")
    yield 1.0
    picture("consent")
    yield from clicking.cancel()
    yield 1.0
    report["jobs_without_consent"] = len(board().jobs)
    yield from clicking.press("understudy.extract")
    yield from clicking.confirm()
    yield from wait_for(lambda: board().consent, 10)
    report.setdefault("clicked", []).append("understudy.extract")


def render(scene):
    """Some frames of the sequence as pictures, and the file saved for others to render it."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    for frame in RENDERED:
        scene.frame_set(frame)
        scene.render.filepath = str(HOME / f"window_{frame:04d}.png")
        with bpy.context.temp_override(scene=scene):
            bpy.ops.render.render(write_still=True)
    bpy.ops.wm.save_mainfile()


def closed():
    """Yields: only the first window left."""
    for window in bpy.context.window_manager.windows[1:]:
        with bpy.context.temp_override(window=window):
            bpy.ops.wm.window_close()
    yield 1.0


def story():
    yield from new_shot()
    ours = bpy.context.preferences.addons[PACKAGE].preferences
    scene = the_scene()
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
    scene.understudy.active.strip_a, scene.understudy.active.strip_b = (clip.stem for clip in CLIPS)
    scene.understudy.active.extract.detection_size = 480
    scene.understudy.active.train.iterations = 60
    scene.understudy.active.train.batch_size = 16 if ENOUGH else 4
    scene.understudy.active.train.trainer = os.environ.get("UNDERSTUDY_GUI_TRAINER", "sketch")
    scene.understudy.active.model_dir = os.environ.get("UNDERSTUDY_GUI_MODEL", "")
    module("addon.timing").reset()
    yield from wait_for(lambda: can("extract"), 60)
    yield 1.5
    picture("idle")
    yield from maximised("idle_panels")
    yield from consented()
    yield from wait_for(lambda: any(v.status == "running" and v.factor > 0.2 for v in board().jobs), 90)
    yield 0.5
    picture("extracting")
    yield from wait_for(lambda: sum(v.status == "finished" for v in board().jobs) == 2, 180)
    yield 1.0
    picture("extracted")
    scene.understudy.active.train.iterations = 20000
    yield from wait_for(lambda: can("train"), 20)
    yield from pressed("understudy.train", lambda: board().latest("train") is not None)
    yield from wait_for(lambda: any(v.task == "train" and v.factor > 0 and v.pace for v in board().jobs), 120)
    yield 6.0
    picture("training")
    yield from maximised("training_panels")
    name = board().latest("train").name
    yield from pressed("understudy.job_pause", lambda: board().latest("train").status == "paused", job=name)
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
    scene = the_scene()
    report["reattached"] = board().latest("train").status
    yield from pressed("understudy.job_resume", lambda: board().latest("train").status == "running", job=name)
    yield from wait_for(lambda: board().latest("train").status == "running", 60)
    yield from wait_for(lambda: board().latest("train").factor * 20000 >= ENOUGH, 3600)
    if ENOUGH:
        yield from reopened("train", "train_watch", "train_sessions")
        yield from wait_for(lambda: board().latest("train") is not None and board().latest("train").pace, 60)
        yield 2.0
        yield from maximised("swap_training")
        scene = the_scene()
    yield from pressed("understudy.job_stop", lambda: board().latest("train").status in ("stopping", "stopped"),
                       job=name)
    yield from wait_for(lambda: board().latest("train").status == "stopped", 120)
    yield 1.0
    open_sidebar()
    yield 0.5
    picture("stopped")
    yield from wait_for(lambda: can("convert"), 20)
    yield from pressed("understudy.convert", lambda: board().latest("convert") is not None)
    yield from wait_for(lambda: any(v.task == "convert" and v.status == "finished" for v in board().jobs), 180)
    module("addon.overlay.settings").of(scene).show = False  # for a look at the swap
    yield 3.0
    picture("converted")
    yield from maximised("converted_panels")
    report["strips"] = [(s.name, s.type, s.channel, s.frame_final_start, s.frame_final_end, s.blend_type)
                        for s in strips_of(scene)]
    if ENOUGH:
        yield from of_the_swap()
    else:
        render(scene)
    report["callbacks"] = {name: (f.kind, f.calls, f.longest, f.longest_cpu, f.total)
                           for name, f in module("addon.timing").callbacks.items()}


play(story())
