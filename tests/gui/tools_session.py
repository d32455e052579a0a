"""Runs inside Blender's window: the tools, the persons, and all that extraction can be told, with pictures of them."""

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
    board,
    can,
    maximised,
    module,
    new_shot,
    open_only,
    operator,
    picture,
    play,
    reopened,
    report,
    the_scene,
    wait_for,
)


def people():
    return bpy.context.window_manager.understudy_people


def ended(task):
    """Whether the newest job of a task has ended; an error of its own ends the session."""
    view = board().latest(task)
    if view is not None and view.status in ("failed", "lost"):
        raise RuntimeError(f"{view.label}: {view.error}")
    return view is not None and view.status == "finished"


def story():
    open_only("shot", "extract", "tools", "persons")
    yield from new_shot(frames=15)
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "tools.blend"))
    bpy.context.preferences.addons[PACKAGE].preferences.python = PYTHON
    data = the_scene().understudy.active
    data.strip_a, data.strip_b = (clip.stem for clip in CLIPS)
    data.extract.detection_size = 480
    module("addon.timing").reset()
    yield from wait_for(lambda: can("extract"), 60)
    operator("understudy.consent")
    yield from wait_for(lambda: board().consent, 10)
    yield from maximised("tools_before")
    operator("understudy.extract", strip="A")
    yield from wait_for(lambda: ended("extract"), 180)

    operator("understudy.run_tool", tool="persons link", role="A")
    yield from wait_for(lambda: ended("persons link") and len(people().rows) >= 2, 120)
    report["linked"] = [(row.name, row.faces) for row in people().rows]
    people().rows[0].name = "Anna"
    yield from wait_for(lambda: any(person.name == "Anna" for view in board().stores.values()
                                    for person in view.people), 20)
    people().rows[1].name = "Anna"  # somebody else's: it comes back
    yield from wait_for(lambda: people().rows[1].name != "Anna", 20)
    report["named"] = [row.name for row in people().rows]

    yield from reopened("tools", "persons")
    yield from wait_for(lambda: board().jobs, 20)
    yield 1.0
    data = the_scene().understudy.active
    data.tool = "alignments multi-faces" if "alignments multi-faces" in module("addon.properties").TOOLS else \
        "persons list"
    yield 1.0
    operator("understudy.run_chosen_tool")
    yield from wait_for(lambda: ended(data.tool), 120)
    yield 1.5
    report["told"] = list(board().latest(data.tool).told)
    picture("tools")
    yield from maximised("tools_panels")

    if shutil.which("xdotool"):
        data.tool = "sort"  # it changes things, so it asks; Escape says no
        yield 1.0
        operator("understudy.run_chosen_tool")
        yield 1.0
        picture("tool_asks")
        subprocess.run(["xdotool", "key", "Escape"], check=True)
        yield 1.5
        report["sorted_without_asking"] = board().latest("sort") is not None

    module("panels.base").SECTIONS_CLOSED = False
    yield from reopened("extract", "extract_advanced")
    yield from wait_for(lambda: board().jobs, 20)
    yield 1.0
    data = the_scene().understudy.active
    data.extract.aligner, data.extract.masker = "fan", {"bisenet-fp"}
    yield from wait_for(lambda: "fan-2d4" in module("addon.stages").problem(the_scene(), "extract", board()), 10)
    report["lacking"] = module("addon.stages").problem(the_scene(), "extract", board())
    yield 1.5
    yield from maximised("extract_panels")
    report["callbacks"] = {name: (f.kind, f.calls, f.longest, f.longest_cpu, f.total)
                           for name, f in module("addon.timing").callbacks.items()}


play(story())
