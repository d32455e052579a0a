"""Runs inside Blender's window: jobs, Clean Up, the faces browser with real clicks, and a training's views."""

from __future__ import annotations

import os
import shutil
import subprocess
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
    area_of,
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
from effort import counting

MODEL, LARGE = Path(os.environ["UNDERSTUDY_GUI_MODEL"]), Path(os.environ["UNDERSTUDY_GUI_LARGE"])
STORE = CLIPS[0].with_name(f"{CLIPS[0].stem}_alignments.db")


def rehearse(label, **tag):
    options = {"steps": tag.pop("steps", 3), "seconds": tag.pop("seconds", 0.0), "fail_at": tag.pop("fail_at", 0)}
    folder = module("addon.shot").work_folder(the_scene()) / "jobs"
    return module("core.jobs.client").create(folder, "rehearsal", options, label=label, tag=tag).path.name


def region_of(area, kind="WINDOW"):
    return next(region for region in area.regions if region.type == kind)


def pointer_at(area, number):
    """Move the pointer over a cell of the page; returns whether there is a pointer to move."""
    if not shutil.which("xdotool"):
        return False
    region, page = region_of(area), module("addon.browser").page
    left, bottom, right, top = page.box(number)
    x, y = region.view2d.view_to_region((left + right) / 2, (bottom + top) / 2, clip=False)
    window = bpy.context.window_manager.windows[0]
    subprocess.run(["xdotool", "mousemove", str(region.x + x), str(window.height - 1 - region.y - y)], check=True)
    return True


def click(*keys):
    subprocess.run(["xdotool", *keys], check=True)


def drawn(times):
    """Draw the sidebar so often, and give how many lines each of our panels runs for it."""
    with counting() as lines:
        for _ in range(times):
            module("addon.watch").redraw()
            yield 0.05
    return {name.removesuffix(".draw"): total / calls for name, (calls, total) in lines.items()
            if name.endswith(".draw")}


def swap_store(path, faces):
    """Another store in the place of A's, and wait until the panels know it."""
    shutil.copy(path, STORE.with_suffix(".new"))
    os.replace(STORE.with_suffix(".new"), STORE)
    yield from wait_for(lambda: board().stores[str(CLIPS[0])].faces == faces, 60)


def story():
    open_only("jobs", "cleanup", "faces", "image_faces", "image_faces_chosen")
    yield from new_shot(frames=40)
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "browsing.blend"))
    bpy.context.preferences.addons[PACKAGE].preferences.python = PYTHON
    data = the_scene().understudy.active
    data.strip_a, data.strip_b = (clip.stem for clip in CLIPS)
    data.model_dir = str(MODEL)
    yield from wait_for(lambda: board().environment is not None and board().environment.usable, 60)
    module("addon.timing").reset()

    failed = rehearse("Wrong", steps=3, fail_at=2)
    rehearse("After Wrong", after=failed)
    first = rehearse("Long", steps=400, seconds=0.1)
    second = rehearse("Second", after=first)
    yield from wait_for(lambda: board().job(first) and board().job(first).factor > 0, 60)
    yield from wait_for(lambda: board().job(failed).status == "failed", 60)
    yield 1.5
    report["statusbar"] = module("addon.statusbar")._shown[0]
    report["waiting"] = board().job(second).status
    yield from maximised("jobs_panels")
    operator("understudy.job_log", job=first)
    yield 1.0
    picture("job_log")
    operator("understudy.job_stop", job=second)
    operator("understudy.job_stop", job=first)
    yield from wait_for(lambda: not board().busy, 60)
    yield 1.0
    report["statusbar_after"] = module("addon.statusbar")._shown[0]
    operator("understudy.measure")
    yield from wait_for(lambda: board().space is not None, 60)
    yield 1.0
    yield from maximised("cleanup_panels")
    report["measured"] = [(item.kind, item.used) for item in board().space.items]

    # The faces browser, in an Image Editor beside the timeline.
    window = bpy.context.window_manager.windows[0]
    areas = sorted(window.screen.areas, key=lambda area: area.width * area.height, reverse=True)
    timeline = area_of("SEQUENCE_EDITOR")[1]
    beside = next(area for area in areas if area != timeline)
    beside.type = "IMAGE_EDITOR"
    beside.spaces.active.show_region_ui = True
    yield 1.0
    browser = module("addon.browser")
    begin = time.monotonic()
    operator("understudy.browse", what="all")
    yield from wait_for(lambda: browser.page is not None and not browser.is_loading(), 60)
    report["first_page_s"] = time.monotonic() - begin
    yield from wait_for(browser.is_shown, 20)
    yield 1.0
    region_of(beside, "UI").active_panel_category = "Understudy"
    yield 1.5
    begin = time.monotonic()
    bpy.context.window_manager.understudy_browser.page = 40
    yield from wait_for(lambda: browser.page.number == 39, 30)
    report["turned_s"] = time.monotonic() - begin
    report["found"] = browser.page.found
    bpy.context.window_manager.understudy_browser.page = 1
    yield from wait_for(lambda: browser.page.number == 0, 30)
    yield from wait_for(lambda: browser.page.unmeasured == 0, 120)
    yield 1.0
    picture("faces_browser")
    with bpy.context.temp_override(window=window, area=beside, region=region_of(beside)):
        bpy.ops.screen.screen_full_area()
    yield 1.5
    wide = area_of("IMAGE_EDITOR")[1]
    with bpy.context.temp_override(window=window, area=wide, region=region_of(wide)):
        bpy.ops.image.view_all(fit_view=True)
    yield 1.0
    if pointer_at(wide, 3):
        click("click", "1")
        yield from wait_for(lambda: browser.chosen, 20)
        report["clicked"] = sorted(browser.chosen)
        pointer_at(wide, 7)
        click("keydown", "shift")
        yield 0.5
        click("click", "1")
        yield 0.5
        click("keyup", "shift")
        yield from wait_for(lambda: len(browser.chosen) > 1, 20)
        report["extended"] = sorted(browser.chosen)
        picture("faces_browser_wide")
        gone = [cell.uuid for cell in browser.chosen_cells()]
        before = browser.page.counts["all"]
        click("key", "x")
        yield from wait_for(lambda: browser.page.counts["all"] < before, 60)
        yield 1.0
        report["removed"] = [before - browser.page.counts["all"], len(gone)]
        click("key", "ctrl+z")
        yield from wait_for(lambda: browser.page.counts["all"] == before, 60)
        report["undone"] = browser.page.counts["all"] == before
        pointer_at(wide, 5)
        click("click", "--repeat", "2", "--delay", "60", "1")
        yield 1.0
        report["frame"] = [the_scene().frame_current, browser.page.cells[5].frame]
    with bpy.context.temp_override(window=window, area=wide, region=region_of(wide)):
        bpy.ops.screen.screen_full_area()
    yield 1.0
    report["browsing"] = {name: (f.kind, f.calls, f.longest, f.longest_cpu)
                          for name, f in module("addon.timing").callbacks.items() if f.calls}

    # The same panels with a hundred faces and with a hundred thousand.
    for name, path, faces in (("small", LARGE.with_name("small.db"), 100), ("large", LARGE, 100_000)):
        yield from swap_store(path, faces)
        yield 2.0
        report[f"draws_{name}"] = yield from drawn(60)
    picture("faces_of_a_large_store")


def training():
    """The views of a training, in a file of their own, so that their panels are open."""
    open_only("train", "train_watch", "train_sessions", "train_copies", "pictures")
    yield from new_shot(frames=40)
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "training.blend"))
    data = the_scene().understudy.active
    data.strip_a, data.strip_b = (clip.stem for clip in CLIPS)
    data.model_dir = str(MODEL)
    bpy.context.preferences.addons[PACKAGE].preferences.python = PYTHON
    module("addon.timing").reset()
    yield from wait_for(lambda: board().models.get(str(MODEL)) is not None, 30)
    yield 2.0
    report["flat"] = board().models[str(MODEL)].flat
    yield from maximised("training_views")
    operator("understudy.training_graph")
    yield 2.0
    picture("training_graph")
    report["training"] = {name: (f.kind, f.calls, f.longest, f.longest_cpu)
                          for name, f in module("addon.timing").callbacks.items() if f.calls}


def both():
    yield from training()
    yield from story()


play(both())
