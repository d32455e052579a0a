"""Load Demo: two sample clips as strips, chosen as A and B of a shot, with settings for a first look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..core.jobs import client
from ..core.options import make
from ..core.options.demo import SamplesOptions
from . import environment, project, shot
from .board import Board, JobView
from .stages import Planned
from .strips import collection, strip_range

SIZE, RATE = (640, 360), 25  # of the sample clips
ITERATIONS = 1500  # some three minutes of a processor: a face that is recognised
_GAP = 10  # frames between the strips
LABEL = "Sample Clips"


def problem(scene: Any, board: Board) -> str:
    """Why the demo cannot be loaded now; "" if it can."""
    if shot.work_folder_or_none(scene) is None:
        return "Save the .blend first: Understudy keeps its files beside it"
    if not bpy.app.background:
        if board.environment is None:
            return "Looking at the core's Python"
        if not board.environment.usable:
            return "Set up the core in Understudy's preferences first"
    view = board.latest("samples")
    return f"{view.label} is under way" if view is not None and view.going else ""


def plan(scene: Any) -> Planned:
    """The job that makes the clips, in the work folder."""
    options = make(SamplesOptions, {"output": str(shot.work_folder(scene) / "demo")})
    return Planned("samples", options, LABEL, {"blend": bpy.data.filepath, "scene": scene.name})


def queue(scene: Any) -> None:
    """Make the job's folder; the keeper's thread starts it."""
    planned = plan(scene)
    client.create(environment.setup_jobs(), planned.task, planned.options, label=planned.label, tag=planned.tag)


def place(view: JobView) -> None:
    """Lay the clips of a finished job into the scene that asked for them, if its file is still open."""
    scene = bpy.data.scenes.get(view.tag.get("scene", ""))
    if scene is not None and view.tag.get("blend") == bpy.data.filepath:
        add_strips(scene, Path(view.result["a"]), Path(view.result["b"]))
        if not bpy.app.background:
            bpy.ops.ed.undo_push(message="Load Demo")


def add_strips(scene: Any, a: Path, b: Path) -> Any:
    """Both clips one after the other behind whatever is there, as a new shot; returns it.

    An empty scene takes on the clips' size, rate and length.
    """
    scene.sequence_editor_create()
    strips = collection(scene)
    empty = not len(strips)
    start = 1 if empty else max(strip_range(strip)[1] for strip in strips) + 1 + _GAP
    if empty:
        render = scene.render
        render.resolution_x, render.resolution_y, render.resolution_percentage = *SIZE, 100
        render.fps, render.fps_base = RATE, 1.0
    one = project.add(scene, "Demo")
    for role, path in (("a", a), ("b", b)):
        strip = strips.new_movie(name=path.stem, filepath=_kept(path), channel=1, frame_start=start)
        start = strip_range(strip)[1] + 1 + _GAP
        shot.set_strip(one, role, strip)
    one.train.iterations = ITERATIONS
    if empty:
        scene.frame_start, scene.frame_end = 1, start - 1 - _GAP
        scene.frame_set(1)
    return one


def _kept(path: Path) -> str:
    """The path as the .blend keeps it: below its folder, so that the project can be moved."""
    try:
        return bpy.path.relpath(str(path))
    except ValueError:  # another drive
        return str(path)
