"""Runs inside Blender's window, with the extension installed but not enabled: enabled, used, disabled, enabled again,
and uninstalled; what there is of it each time.
"""

from __future__ import annotations

import atexit
import sys
from pathlib import Path

import bpy

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import traces  # noqa: E402
from acting import (  # noqa: E402
    CLIPS,
    HOME,
    PACKAGE,
    PYTHON,
    board,
    can,
    module,
    new_shot,
    operator,
    picture,
    play,
    report,
    the_scene,
    wait_for,
)

WORD = "understudy"


def calls():
    """How often Blender has called us."""
    return sum(figures.calls for figures in module("addon.timing").callbacks.values())


def redrawn(seconds):
    """Yields: everything drawn again and again, and the playhead moved, for some seconds."""
    for step in range(round(seconds / 0.2)):
        the_scene().frame_set(10 + step % 5)
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                area.tag_redraw()
        yield 0.2


def used():
    """Yields: what a person would do in a first minute, the browser of faces and its service included."""
    yield from new_shot(frames=12)
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "shot.blend"))
    bpy.context.preferences.addons[PACKAGE].preferences.python = PYTHON
    data = the_scene().understudy.active
    data.strip_a, data.strip_b = (clip.stem for clip in CLIPS)
    data.extract.detection_size = 320
    operator("understudy.consent")
    yield from wait_for(lambda: can("extract") and board().consent, 60)
    operator("understudy.extract", strip="A")
    yield from wait_for(lambda: any(view.status == "finished" for view in board().jobs), 120)
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.understudy.train_preset_add(name="Mine")
    module("addon.overlay.settings").of(the_scene()).show = True
    operator("understudy.browse")
    yield from wait_for(lambda: module("addon.browser").page is not None, 60)
    operator("understudy.measure")
    yield from redrawn(1.0)
    picture("used")
    bpy.ops.wm.save_mainfile()


def followed():
    """What is registered with `atexit` from now on: a list that stays up to date."""
    kept, register, unregister = [], atexit.register, atexit.unregister

    def add(function, *args, **kwargs):
        kept.append(function)
        return register(function, *args, **kwargs)

    def remove(function):
        kept[:] = [one for one in kept if one != function]
        unregister(function)

    atexit.register, atexit.unregister = add, remove
    return kept


def story():
    bpy.context.preferences.view.show_splash = False
    report["before"] = traces.found(PACKAGE, WORD)
    exits = followed()
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    yield 1.0
    yield from used()
    report["enabled"] = {**traces.found(PACKAGE, WORD),
                         "at exit": [str(function) for function in exits if PACKAGE in str(function)]}
    was = calls()
    yield from redrawn(1.0)
    report["calls while enabled"] = calls() - was
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    yield 0.6  # a picture may just be about to be fitted into its editor
    was = calls()
    yield from redrawn(2.0)
    report["calls while disabled"] = calls() - was
    report["disabled"] = traces.found(PACKAGE, WORD)
    report["at exit"] = [str(function) for function in exits if PACKAGE in str(function)]
    picture("disabled")

    bpy.ops.preferences.addon_enable(module=PACKAGE)
    yield from redrawn(1.0)
    one = the_scene().understudy.active
    report["kept"] = (one.strip_a, one.extract.detection_size)
    report["enabled again"] = traces.found(PACKAGE, WORD)
    repositories = bpy.context.preferences.extensions.repos
    index = next(n for n, repository in enumerate(repositories) if repository.module == "user_default")
    bpy.ops.extensions.package_uninstall(repo_index=index, pkg_id=WORD)
    yield from wait_for(lambda: PACKAGE not in bpy.context.preferences.addons, 20)
    yield from redrawn(1.0)
    report["uninstalled"] = traces.found(PACKAGE, WORD)
    bpy.ops.wm.save_userpref()
    picture("uninstalled")


play(story())
