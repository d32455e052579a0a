"""Convert strip A with the trained model; the result becomes a strip above it."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import footage, shot, stages, watch
from ..addon.timing import timed_class
from ..core.errors import OutputError, StripError, UsageError
from ..core.media.ranges import format_frames
from .base import why
from .stage import Stage

WHOLE = ("video", "gif")  # writers of one file, which cannot be changed in part


@timed_class
class UNDERSTUDY_OT_convert(Stage, bpy.types.Operator):
    """Replace the face in strip A; the result is laid over it as a strip"""

    bl_idname = "understudy.convert"
    bl_label = "Convert"
    stage = "convert"

    span: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Frames", description="Which of the frames that strip A shows are converted; the others keep the result "
        "that they have", options={"SKIP_SAVE"}, default="ALL", items=(
            ("ALL", "All", "Every frame that strip A shows"),
            ("PREVIEW", "Preview Range", "Those in the scene's preview range"),
            ("FRAME", "Current Frame", "The one under the playhead")))

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        which = {"PREVIEW": " in the frames of the preview range alone", "FRAME": " in the current frame alone"}
        text = f"Replace the face in strip A{which.get(properties.span, '')}; the result is laid over it as a strip"
        return why(text, span_problem(shot.sequencer_scene(context), properties.span))

    def plan(self, scene: Any) -> list[stages.Planned]:
        if self.span == "ALL":
            return super().plan(scene)
        if shot.active(scene).convert.writer in WHOLE:
            raise UsageError("A video or GIF is made as a whole", "Convert all frames, or choose another writer")
        return stages.plan(scene, self.stage, frames=format_frames(self._frames(scene)))

    def _frames(self, scene: Any) -> list[int]:
        """Frames of the source.

        Raises:
            StripError: strip A shows none there.
        """
        first, last = scene.frame_current, scene.frame_current
        if self.span == "PREVIEW":
            if not scene.use_preview_range:
                raise StripError("The scene has no preview range", "Set one in the timeline (key P), or convert all")
            first, last = scene.frame_preview_start, scene.frame_preview_end
        shows = footage.frame_map(scene, shot.needed_strip(scene, "a"))
        found = {shows.source_frame(frame) for frame in range(max(first, shows.first), min(last, shows.last) + 1)}
        if not found:
            raise StripError("Strip A shows nothing there", "Choose a range or a frame under strip A")
        return sorted(found)

    def finished(self) -> None:
        for view in watch.look().jobs:
            if view.task == "convert" and view.status == "finished":
                message = watch.place(view)
                if message:
                    raise OutputError(message)


def span_problem(scene: Any, span: str) -> str:
    """Why a part of the frames cannot be converted, as one sentence; "" if it can. No disk is touched."""
    strip = shot.strip_of(scene, "a") if scene is not None else None
    if span == "ALL" or strip is None:
        return ""
    if shot.active(scene).convert.writer in WHOLE:
        return "A video or GIF is made as a whole: choose another writer first"
    if span == "PREVIEW":
        return "" if scene.use_preview_range else "Set a preview range in the timeline first (key P)"
    first, last = footage.strip_range(strip)
    return "" if first <= scene.frame_current <= last else "Go to a frame under strip A first"


CLASSES = (UNDERSTUDY_OT_convert,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
