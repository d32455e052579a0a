"""Look at a training: its preview, graphs and sessions in an Image Editor; ask it to refresh, save, keep a copy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ..addon import pictures, properties, shot, stages, tools, watch
from ..addon.board import ended_text, told_lines
from ..addon.printer import Printer
from ..addon.timing import timed_class
from ..core.errors import JobError, UnderstudyError
from ..core.models.state import PREVIEW_NAME
from ..core.training.watching import requests
from .base import NOTHING, Operator, refused, scene_and_board

# What each button draws: the tool, and its options that win over the scene's.
_DRAWN: dict[str, tuple[str, dict[str, Any]]] = {
    "LOSS": ("models graph", {"of": "loss"}),
    "RATE": ("models graph", {"of": "rate"}),
    "SESSIONS": ("models sessions", {}),
}


_ASKED = (("REFRESH", "Refresh", "Make preview and graph anew, as the training stands now"),
          ("SAVE", "Save Now", "Save the model now rather than at the next interval"),
          ("SNAPSHOT", "Snapshot Now", "Save the model, and keep a copy of it beside its folder"))
_DRAWINGS = (("LOSS", "Losses", "Draw the losses over the iterations, by the settings of the graph"),
             ("RATE", "Speed", "Draw the speed over the iterations in EG/s, faces of both sides per second"),
             ("SESSIONS", "Sessions", "List the model's sessions: start, end, elapsed time, batch size, iterations, "
                                      "EG/s"))


@timed_class
class UNDERSTUDY_OT_training_preview(Operator, bpy.types.Operator):
    """Show the training's newest preview in an Image Editor: originals, reconstructions and swaps"""

    bl_idname = "understudy.training_preview"
    bl_label = "Preview"
    undo = NOTHING

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _can(cls, context)

    def run(self, context: Any) -> None:
        pictures.show(model_folder(context) / PREVIEW_NAME)


@timed_class
class UNDERSTUDY_OT_training_ask(Operator, bpy.types.Operator):
    """Ask the running training for something"""

    bl_idname = "understudy.training_ask"
    bl_label = "Ask Training"
    bl_options = {"INTERNAL"}
    undo = "Ctrl-Z does not take back what it saves"

    what: bpy.props.EnumProperty(name="What", description="What to ask for", items=_ASKED)  # type: ignore[valid-type]

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        return next(sentence for name, _, sentence in _ASKED if name == given.what)

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene, board = scene_and_board(context)
        running = any(view.status == "running" for view in stages.jobs_of(scene, "train", board))
        return not refused(cls, "" if running else "No training is running")

    def run(self, context: Any) -> None:
        requests.ask(model_folder(context), self.what.lower())


@timed_class
class UNDERSTUDY_OT_training_draw(Operator, bpy.types.Operator):
    """Draw something of the training's history and show it in an Image Editor"""

    bl_idname = "understudy.training_draw"
    bl_label = "Draw"
    undo = NOTHING

    what: bpy.props.EnumProperty(name="What", description="What to draw", items=_DRAWINGS)  # type: ignore[valid-type]

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        return next(sentence for name, _, sentence in _DRAWINGS if name == given.what)

    @classmethod
    def poll(cls, context: Any) -> bool:
        return _can(cls, context)

    def run(self, context: Any) -> set[str] | None:
        scene, board = scene_and_board(context)
        name, overrides = _DRAWN[self.what]
        task = properties.TOOLS[name]
        reason = tools.problem(scene, task, "a", board)
        if reason:
            raise JobError(reason)
        planned = tools.plan(scene, task, "a", **overrides, model_dir=str(model_folder(context)))
        planned = replace(planned, tag={**planned.tag, "show": True})
        if not bpy.app.background:
            tools.queue(scene, planned)
            watch.hurry()
            return None
        status, result = stages.run_in(tools.jobs_folder(scene, task), scene, [planned], Printer())
        for line in (*told_lines(status, result), ended_text(name, result)):
            print(line, flush=True)
        return {"FINISHED"} if status == "finished" else {"CANCELLED"}


def model_folder(context: Any) -> Path:
    """The folder of the training under way, or of the shot's model."""
    scene, board = scene_and_board(context)
    going = next((view for view in stages.jobs_of(scene, "train", board) if view.going), None)
    return Path(going.options["model_dir"]) if going is not None else shot.model_folder(scene)


def _can(cls: Any, context: Any) -> bool:
    """Whether there is a model to look at; the button says why not."""
    scene, board = scene_and_board(context)
    try:
        reason = tools.no_model(scene, board)
    except UnderstudyError as error:
        reason = str(error)
    return not refused(cls, reason)


CLASSES = (UNDERSTUDY_OT_training_preview, UNDERSTUDY_OT_training_ask, UNDERSTUDY_OT_training_draw)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
