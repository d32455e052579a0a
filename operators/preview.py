"""Look at conversion before it runs: the shown frame again now, and five faces from all over the strip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..addon import live, pictures, service, shot, watch
from ..addon.timing import timed_class
from ..core import consent
from .base import NOTHING, Operator, refused, scene_and_board


def _reason(context: Any) -> str:
    scene, board = scene_and_board(context)
    return live.problem(scene, board)


@timed_class
class UNDERSTUDY_OT_live_refresh(Operator, bpy.types.Operator):
    """Convert the shown frame anew, also where nothing is known to have changed, and open it in an Image Editor"""

    bl_idname = "understudy.live_refresh"
    bl_label = "Refresh"
    undo = NOTHING

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, _reason(context))

    def run(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        if not bpy.app.background:
            live.settings().on = True
            live.refresh()
            live.state.opened = False
            return
        consent.require()
        frame = live.source_frame(scene, shot.needed_strip(scene, "a"))
        pictures.show(Path(service.ask_and_wait("convert_frame", 600.0, **live.frame_question(scene, frame))["file"]))


@timed_class
class UNDERSTUDY_OT_preview_faces(Operator, bpy.types.Operator):
    """Convert five faces with the settings as they are, one from each fifth of the strip's frames, and show them below their originals; again: others"""  # noqa: E501

    bl_idname = "understudy.preview_faces"
    bl_label = "Preview Five Faces"
    undo = NOTHING

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, "Five faces are being converted" if live.state.faces else _reason(context))

    def run(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        if bpy.app.background:
            consent.require()
            pictures.show(Path(service.ask_and_wait("convert_faces", 600.0, **live.faces_question(scene))["file"]))
            return
        live.ask_faces(scene)
        watch.redraw()


CLASSES = (UNDERSTUDY_OT_live_refresh, UNDERSTUDY_OT_preview_faces)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
