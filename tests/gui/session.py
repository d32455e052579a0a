"""Runs inside Blender's window: does a shot as a person would, takes pictures, and writes what it saw as JSON."""

from __future__ import annotations

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
    report,
    strips_of,
    the_scene,
    wait_for,
)

RENDERED = (2, 17, 38)  # frames of the timeline; strip A shows its film from frame 1 on


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
    scene.understudy.active.train.batch_size = 4
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
    render(scene)
    report["callbacks"] = {name: (f.kind, f.calls, f.longest, f.longest_cpu, f.total)
                           for name, f in module("addon.timing").callbacks.items()}


play(story())
