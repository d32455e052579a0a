"""Runs inside Blender's window: a whole shot for the docs' pictures, each panel and dialog in both languages."""

from __future__ import annotations

import os
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
    module,
    new_shot,
    operator,
    play,
    report,
    strips_of,
    the_scene,
    wait_for,
)
from bilingual import (
    WIDE,
    beside,
    first,
    fit_picture,
    full,
    layout,
    opened,
    our_tab,
    over,
    resize,
    screen,
    sidebar,
)

ENOUGH = int(os.environ["UNDERSTUDY_GUI_ITERATIONS"])
MODEL = os.environ["UNDERSTUDY_GUI_MODEL"]  # a model folder to go on from, or ""
LENGTHS = (120, 240, 100)  # frames of A, of B, and of a clip that shows both
LOOK = 26  # a frame in which A speaks with open eyes
BOTH = 120 + 5 + 240 + 5 + 26  # one in which both persons are seen


def ended(task):
    """Whether the newest job of a task has finished; an error of its own ends the session."""
    view = board().latest(task)
    if view is not None and view.status in ("failed", "lost"):
        raise RuntimeError(f"{view.label}: {view.error}")
    return view is not None and view.status == "finished"


def run(name, task, seconds=300, **options):
    """Yields: a job started by a button until it has finished."""
    before = board().latest(task)
    operator(name, **options)
    yield from wait_for(lambda: board().latest(task) is not None
                        and (before is None or board().latest(task).name != before.name) and ended(task), seconds)
    yield 1.0


def shown(name):
    """Whether an Image Editor shows the picture of this name."""
    return any(Path(area.spaces.active.image.filepath).name == name for area in first().screen.areas
               if area.type == "IMAGE_EDITOR" and area.spaces.active.image is not None)


def override(area, kind="WINDOW"):
    region = next(region for region in area.regions if region.type == kind)
    return bpy.context.temp_override(window=first(), area=area, region=region)


def ours():
    return bpy.context.preferences.addons[PACKAGE].preferences


def close_others():
    for window in bpy.context.window_manager.windows[1:]:
        with bpy.context.temp_override(window=window):
            bpy.ops.wm.window_close()


def start():
    """Yields: a file without footage, the Preferences, and a shot that is set up."""
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    yield 1.0
    yield from resize(WIDE)
    yield from layout()
    yield from sidebar("start")
    yield from new_shot(frames=LENGTHS)
    yield from layout()
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "shot.blend"))
    yield 1.5
    def preferences():
        bpy.ops.preferences.addon_show("INVOKE_DEFAULT", module=PACKAGE)

    yield from over("preferences_not_set_up", preferences, close_others)
    ours().python = PYTHON
    yield from wait_for(lambda: board().environment is not None and board().environment.usable, 60)
    preferences()  # which has the core say where it computes
    yield from wait_for(lambda: board().device, 60)
    close_others()
    yield from over("preferences", preferences, close_others)
    held = the_scene().understudy
    data = held.active
    data.name, data.strip_a, data.strip_b = "Close-Up", CLIPS[0].stem, CLIPS[1].stem
    data.extract.detection_size = 480
    data.train.iterations, data.train.batch_size, data.train.trainer = 20000, 16, "sketch"
    data.train.snapshot_interval = 1000
    operator("understudy.shot_duplicate")
    held.active.name, held.active.strip_a, held.active.strip_b = "Two-Shot", CLIPS[2].stem, CLIPS[1].stem
    held.active_index = 0
    held.shots[0].model_dir = MODEL
    the_scene().frame_set(LOOK)
    yield from wait_for(lambda: can("extract"), 60)
    yield 1.0
    yield from screen("idle")
    yield from over("consent", lambda: operator("understudy.extract"))
    report["jobs_without_consent"] = len(board().jobs)
    yield from over("run_all", lambda: operator("understudy.run_all"))
    operator("understudy.source_add", role="A")
    operator("understudy.source_add", role="B")
    held.shots[0].sources_a[0].strip = CLIPS[2].stem
    held.shots[0].sources_b[0].kind, held.shots[0].sources_b[0].folder = "FOLDER", "//photographs"
    yield from opened("shot", "sources", "places")
    yield from wait_for(lambda: board().environment is not None, 30)
    yield from sidebar("shot")
    for role in ("A", "B"):
        operator("understudy.source_remove", role=role, index=0)
    bpy.ops.wm.save_mainfile()


def extraction():
    """Yields: extraction at work, all its options, then persons and the faces browser."""
    operator("understudy.consent")
    yield from wait_for(lambda: board().consent and can("extract"), 20)
    yield from opened("shot", "extract")
    yield from wait_for(lambda: can("extract"), 30)
    operator("understudy.extract")
    yield from wait_for(lambda: any(v.status == "running" and v.factor > 0.1 for v in board().jobs), 90)
    yield from sidebar("extract")
    yield from wait_for(lambda: sum(v.task == "extract" and v.status == "finished" for v in board().jobs) == 2, 300)
    module("panels.base").SECTIONS_CLOSED = False
    yield from opened("extract", "extract_advanced")
    data = the_scene().understudy.active
    chosen = data.extract.detector, data.extract.aligner
    data.extract.aligner, data.extract.masker = "fan", {"bisenet-fp"}
    yield from wait_for(lambda: "fan-2d4" in module("addon.stages").problem(the_scene(), "extract", board()), 20)
    yield from sidebar("extract_advanced")
    data.extract.detector, data.extract.aligner = chosen
    data.extract.masker = set()

    yield from named("Anna")
    the_scene().understudy.active_index = 1
    yield from wait_for(lambda: can("extract"), 20)
    yield from run("understudy.extract", "extract", strip="A")
    yield from run("understudy.run_tool", "persons link", tool="persons link", role="A")
    yield from named("Anna", "Ben")


def named(*names):
    """Yields: the persons of strip A called so."""
    rows = bpy.context.window_manager.understudy_people.rows
    yield from wait_for(lambda: len(rows) >= len(names), 30)
    yield 1.0
    for number, name in enumerate(names):
        rows[number].name = name
        yield from wait_for(lambda name=name: any(person.name == name for view in board().stores.values()
                                                  for person in view.people), 30)
        yield 0.5


def faces():
    """Yields: the panels about faces, and the browser, of the clip with two persons."""
    yield from opened("faces", "landmarks", "landmarks_overlay", "landmarks_keys", "persons", "image_faces",
                      "image_faces_chosen")
    scene, browser = the_scene(), module("addon.browser")
    scene.frame_set(BOTH)
    module("addon.overlay.settings").of(scene).show = True
    yield from beside("IMAGE_EDITOR")
    operator("understudy.browse", what="all")
    yield from wait_for(lambda: browser.page is not None and not browser.is_loading() and browser.is_shown(), 60)
    yield from wait_for(lambda: browser.page.unmeasured == 0, 120)
    yield from full("IMAGE_EDITOR")
    yield from our_tab("IMAGE_EDITOR")
    fit_picture()
    with override(area_of("IMAGE_EDITOR")[1]):
        bpy.ops.understudy.browse_pick(number=3)
        bpy.ops.understudy.browse_pick(number=7, extend=True)
    yield 1.0
    yield from screen("faces_browser")
    yield from full("IMAGE_EDITOR")
    area_of("IMAGE_EDITOR")[1].type = "SEQUENCE_EDITOR"
    yield 1.0
    operator("understudy.edit_landmarks")
    yield 1.5
    yield from sidebar("faces")
    operator("understudy.edit_landmarks")
    data = scene.understudy.active
    data.tool = "alignments multi-faces"
    yield from opened("masks", *(name.removeprefix("UNDERSTUDY_PT_") for name in dir(bpy.types)
                                 if name.startswith("UNDERSTUDY_PT_masks_")))
    yield from wait_for(lambda: board().jobs, 20)
    yield from sidebar("masks")
    yield from opened("tools", "tools_advanced")
    yield from wait_for(lambda: board().jobs, 20)
    operator("understudy.run_chosen_tool")
    yield from wait_for(lambda: ended("alignments multi-faces"), 120)
    yield 1.5
    yield from sidebar("tools")
    the_scene().understudy.active.tool = "sort"
    yield 1.0
    yield from over("tool_asks", lambda: operator("understudy.run_chosen_tool"))
    the_scene().understudy.active_index = 0
    yield 1.0


def training():
    """Yields: a training at work, its views, its options, and what asks before it acts."""
    the_scene().frame_set(LOOK)
    yield from opened("train", "train_watch", "train_sessions", "train_copies", "pictures")
    yield from wait_for(lambda: can("train"), 60)
    operator("understudy.train")
    begun = board().models.get(MODEL)
    until = ENOUGH if begun is None else begun.iterations + 10
    yield from wait_for(lambda: ahead() >= max(until, 30) and board().latest("train").pace, 3600)
    operator("understudy.training_ask", what="SNAPSHOT")
    yield from wait_for(lambda: module("operators.training").restorable(
        next(iter(board().models.values()))) if board().models else False, 600)
    yield 4.0
    yield from beside("IMAGE_EDITOR")
    operator("understudy.training_preview")
    yield 2.0
    yield from our_tab("IMAGE_EDITOR")
    fit_picture()
    yield 1.0
    yield from screen("training")
    yield from sidebar("train")
    name = board().latest("train").name
    operator("understudy.job_stop", job=name)
    yield from wait_for(lambda: board().latest("train").status == "stopped", 120)
    for what, task, file in (("LOSS", "models graph", "graph.png"), ("SESSIONS", "models sessions", "sessions.png")):
        operator("understudy.training_draw", what=what)
        yield from wait_for(lambda task=task, file=file: ended(task) and shown(file), 120)
        yield from large({"LOSS": "loss_graph", "SESSIONS": "sessions"}[what])
    copy = module("operators.training").restorable(next(iter(board().models.values())))[-1]
    yield from over("restore", lambda: operator("understudy.restore_copy", kind=copy.kind,
                                                iterations=copy.iterations))
    yield from opened("train", "train_advanced")
    yield from wait_for(lambda: can("train"), 30)
    yield from sidebar("train_advanced")


def large(name):
    """Yields: pictures of an Image Editor over the whole window."""
    yield from full("IMAGE_EDITOR")
    yield from our_tab("IMAGE_EDITOR")
    fit_picture()
    yield 1.0
    yield from screen(name)
    yield from full("IMAGE_EDITOR")


def ahead():
    """How many iterations the training under way has behind it; 0 while it reads faces."""
    view = board().latest("train")
    number, _, unit = view.count.partition(" ") if view is not None else ("", "", "")
    return int(number.replace(",", "")) if unit.endswith("iterations") else 0


def conversion():
    """Yields: the result, the previews before it, and the look over it."""
    yield from opened("shot", "convert")
    yield from wait_for(lambda: can("convert"), 30)
    yield from run("understudy.convert", "convert")
    module("addon.overlay.settings").of(the_scene()).show = False  # for a look at the swap
    yield 3.0
    yield from screen("converted")
    yield from opened("convert", "live", "look_over", "live_image")
    yield from wait_for(lambda: can("convert"), 60)
    yield from run("understudy.look_over", "report")
    yield from wait_for(lambda: len(bpy.context.window_manager.understudy_looked_over.rows) > 0, 300)
    close_others()
    yield from beside("IMAGE_EDITOR")
    operator("understudy.look_over_chart")
    yield from wait_for(lambda: shown("report.png"), 30)
    yield from large("look_over_chart")
    live, view = bpy.context.window_manager.understudy_live, module("addon.live")
    live.on = True  # which begins a new state
    yield from wait_for(lambda: view.state.seen is not None and view.state.seen == view.state.key
                        and not view.state.busy and view.state.frame >= 0 and shown("frame.png"), 240)
    yield from our_tab("IMAGE_EDITOR")
    fit_picture()
    yield 1.0
    yield from screen("live_preview")
    yield from sidebar("convert")
    live.on = False
    operator("understudy.preview_faces")
    yield from wait_for(lambda: shown("faces.png"), 240)
    yield 1.0
    fit_picture()
    yield from screen("five_faces")
    yield from opened("convert_advanced", "convert")
    yield from wait_for(lambda: can("convert"), 30)
    yield from sidebar("convert_advanced")
    yield from over("presets", lambda: call("call_panel", "UNDERSTUDY_PT_convert_presets", keep_open=True))
    yield from over("settings_menu", lambda: call("call_menu", "UNDERSTUDY_MT_convert_settings"))


def call(what, name, **options):
    with override(area_of("SEQUENCE_EDITOR")[1]):
        getattr(bpy.ops.wm, what)("INVOKE_DEFAULT", name=name, **options)


def correcting():
    """Yields: faces over the footage, landmarks as markers, masks."""
    yield from opened("shot", "clip_landmarks", "clip_landmarks_overlay", "clip_landmarks_keys", "clip_masks",
                      "preview_overlay", "clip_overlay")
    scene = the_scene()
    scene.frame_set(LOOK)
    overlay = module("addon.overlay.settings").of(scene)
    overlay.show = True
    for strip in strips_of(scene):
        strip.mute = "swapped" in strip.name
    yield 3.0
    yield from screen("overlay")
    preview = next(area for area in first().screen.areas if area.type == "SEQUENCE_EDITOR"
                   and area.spaces.active.view_type == "PREVIEW")

    def popover():
        with override(preview):
            bpy.ops.wm.call_panel("INVOKE_DEFAULT", name="SEQUENCER_PT_overlay", keep_open=True)

    yield from over("overlay_popover", popover)
    operator("understudy.edit_landmarks")
    yield from beside("CLIP_EDITOR")
    operator("understudy.markers_make", extent="RANGE")
    yield from wait_for(lambda: any(clip.understudy.record for clip in bpy.data.movieclips), 60)
    yield from full("CLIP_EDITOR")
    yield from our_tab("CLIP_EDITOR")
    with override(area_of("CLIP_EDITOR")[1]):
        bpy.ops.clip.view_all(fit_view=True)
    yield 2.0
    yield from screen("correcting")
    move_one()
    yield 1.5
    yield from full("CLIP_EDITOR")
    yield from over("unsaved", lambda: operator("understudy.edit_landmarks"))
    yield from over("person", lambda: operator("understudy.face_person"))
    with override(area_of("CLIP_EDITOR")[1]):
        bpy.ops.understudy.mask_new_subtract()
    yield 1.0
    yield from sidebar("clip_editor", "CLIP_EDITOR")
    operator("understudy.markers_discard")
    yield 1.0


def move_one():
    """One marker moved by hand."""
    clip = next(clip for clip in bpy.data.movieclips if clip.understudy.record)
    tracked = next(one for one in clip.tracking.objects if "lm_30" in one.tracks)
    marker = tracked.tracks["lm_30"].markers.find_frame(LOOK)
    marker.co, marker.is_keyed = (marker.co[0] + 0.02, marker.co[1]), True


def jobs():
    """Yields: the jobs of the day, a queue, what could be deleted, and the questions before."""
    yield from opened("jobs", "cleanup")
    yield from wait_for(lambda: can("train"), 30)
    operator("understudy.measure")
    yield from wait_for(lambda: board().space is not None, 60)
    yield from wait_for(lambda: len(bpy.context.window_manager.understudy_cleanup.rows) > 2, 20)
    rows = bpy.context.window_manager.understudy_cleanup.rows
    for row in rows:
        row.marked = not row.used and row.kind in ("snapshot", "archive", "backup")
    the_scene().understudy.active.convert.writer = "patch"
    operator("understudy.train")
    yield from wait_for(lambda: board().latest("train").status == "running" and ahead(), 120)
    after = board().latest("train").name
    folder = module("addon.shot").work_folder(the_scene()) / "jobs"
    for one in module("addon.stages").plan(the_scene(), "convert"):
        module("core.jobs.client").create(folder, one.task, one.options, label=one.label,
                                          tag={**one.tag, "after": after})
    module("addon.watch").hurry()
    yield 3.0
    yield from sidebar("jobs")
    for view in reversed(board().jobs):
        if view.going:
            operator("understudy.job_stop", job=view.name)
    yield from wait_for(lambda: not board().busy, 120)
    yield 2.0
    logs = {view.name: view.job.log_file.stat().st_size for view in board().jobs if view.job.log_file.exists()}
    yield from over("job_log", lambda: operator("understudy.job_log", job=max(logs, key=logs.__getitem__)))
    yield from over("delete", lambda: operator("understudy.delete_marked"))


def story():
    for part in (start, extraction, faces, training, conversion, correcting, jobs):
        yield from part()
        print(f"gallery: {part.__name__} done", flush=True)


play(story())
