"""What sessions in Blender's window share: pressing buttons, waiting, taking pictures, and reporting what was seen.

A session is a generator: each step yields the seconds to wait before the next one, so that Blender draws and handles
its timers in between.
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
PACKAGE = "bl_ext.user_default.understudy"
report: dict = {"errors": [], "pictures": []}


def module(name):
    return sys.modules[f"{PACKAGE}.{name}"]


def area_of(kind):
    """The widest area of a kind: of the sequencers the timeline, whose sidebar a person would use."""
    window = bpy.context.window_manager.windows[0]
    areas = [a for a in window.screen.areas if a.type == kind]
    return window, max(areas, key=lambda a: a.width)


def picture(name, region=None, whole=False):
    """The first window with what lies over it, a region of it, or the whole screen: some OpenGL drivers give Blender's
    own screenshot operator black pixels.
    """
    path = PICTURES / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    if shutil.which("import"):
        window = bpy.context.window_manager.windows[0]
        box = f"{window.width}x{window.height}+0+0"
        if region is not None:
            box = f"{region.width}x{region.height}+{region.x}+{window.height - region.y - region.height}"
        cut = [] if whole else ["-crop", box, "+repage"]
        quickly = ["-quality", "10"]  # hardly compressed
        subprocess.run(["import", "-window", "root", *cut, *quickly, str(path)], check=True)
    else:
        window = bpy.context.window_manager.windows[0]
        with bpy.context.temp_override(window=window, area=window.screen.areas[0]):
            bpy.ops.screen.screenshot(filepath=str(path), check_existing=False)
    report["pictures"].append(f"{name}.png")


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
    """Press a button: the operator in the sequencer's context, invoked, with its step of undo."""
    window, area = area_of("SEQUENCE_EDITOR")
    region = next(r for r in area.regions if r.type == "WINDOW")
    group, verb = name.split(".")
    with bpy.context.temp_override(window=window, area=area, region=region):
        return getattr(getattr(bpy.ops, group), verb)("INVOKE_DEFAULT", True, **options)


def can(stage):
    """Whether the stage's button is not grey."""
    module("addon.watch").aim()
    return not module("addon.stages").problem(the_scene(), stage, board())


def open_sidebar():
    _, area = area_of("SEQUENCE_EDITOR")
    area.spaces.active.show_region_ui = True
    return area


def maximised(name):
    """Pictures with the sequencer over the whole window, so that more of the sidebar shows, and of it alone."""
    window, area = area_of("SEQUENCE_EDITOR")
    for full in (True, False):
        area = area_of("SEQUENCE_EDITOR")[1]
        with bpy.context.temp_override(window=window, area=area, region=area.regions[0]):
            bpy.ops.screen.screen_full_area()
        yield 1.0
        if full:
            picture(name)
            picture(f"{name}_sidebar", next(r for r in area_of("SEQUENCE_EDITOR")[1].regions if r.type == "UI"))


def the_scene():
    """The scene that the sequencer shows."""
    return getattr(bpy.context.workspace, "sequencer_scene", None) or bpy.context.scene


def open_only(*names):
    """Have these panels open and the others closed, from the next file on: a panel that was drawn keeps its state."""
    modules = [module(name) for name in module("addon.registration")._MODULES if name.startswith("panels.")]
    classes = [cls for one in modules for cls in getattr(one, "CLASSES", ())]
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
    for cls in classes:
        if issubclass(cls, bpy.types.Panel):
            cls.bl_options = set() if cls.__name__.removeprefix("UNDERSTUDY_PT_") in names else {"DEFAULT_CLOSED"}
        bpy.utils.register_class(cls)


def reopened(*panels):
    """Yields: the file saved and opened again in a fresh layout, with these panels open."""
    path = bpy.data.filepath
    bpy.ops.wm.save_mainfile()
    open_only(*panels)
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    yield 0.7
    bpy.ops.wm.open_mainfile(filepath=path, load_ui=False)
    yield 0.7
    area = open_sidebar()
    yield 0.5
    next(r for r in area.regions if r.type == "UI").active_panel_category = "Understudy"
    yield 1.0


def new_shot(frames=40):
    """Yields: the Video Editing template with the clips as strips one after the other, and our tab in front.

    Args:
        frames: how many of each clip, or of all.
    """
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.view.show_developer_ui = False
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    yield 1.0
    scene = the_scene()
    scene.render.resolution_x, scene.render.resolution_y, scene.render.fps = 640, 360, 25
    start, lengths = 1, [frames] * len(CLIPS) if isinstance(frames, int) else frames
    for clip, length in zip(CLIPS, lengths, strict=True):
        strip = strips_of(scene).new_movie(name=clip.stem, filepath=str(clip), channel=1, frame_start=start)
        if hasattr(strip, "right_handle"):
            strip.right_handle = start + length
        else:
            strip.frame_final_end = start + length
        start += length + 5
    with bpy.context.temp_override(scene=scene):
        bpy.ops.understudy.shot_add(use_selected=False)
    scene.frame_start, scene.frame_end = 1, start - 1
    scene.frame_set(20)
    area = open_sidebar()
    yield 0.5
    next(r for r in area.regions if r.type == "UI").active_panel_category = "Understudy"
    yield 1.0


def _finish():
    ready = os.environ.get("BLENDER_GUI_READY")
    (HOME / "report.json").write_text(json.dumps(report, indent=1))
    if ready:
        Path(ready).touch()
        return 3.0
    return 0.1


def play(story):
    """Run a session to its end, then quit Blender: 0 if nothing went wrong."""
    ended = False

    def step():
        nonlocal ended
        if ended:
            os._exit(0) if not report["errors"] else os._exit(1)
        try:
            return next(story)
        except StopIteration:
            pass
        except BaseException:
            report["errors"].append(traceback.format_exc())
            try:
                picture("error")
            except Exception:
                pass
        ended = True
        return _finish()

    bpy.app.timers.register(step, first_interval=2.0, persistent=True)
