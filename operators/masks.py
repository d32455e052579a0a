"""Masks of faces, corrected with Blender's masks: new ones on the clip, bound to a face, baked into the alignments."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import clips, correcting, corrections, masks, people, shot, stages, watch
from ..addon.board import ended_text
from ..addon.printer import Printer
from ..addon.timing import timed_class
from ..core import consent
from ..core.errors import UnderstudyError, UsageError
from ..core.faces.store import AlignmentsStore
from ..core.jobs.tasks import TASKS
from .base import refused, scene_and_board
from .landmarks_base import OnFaces, Telling, problem
from .landmarks_markers import clip_editor


class NewMask(OnFaces):
    """Mix-in: subclasses say what the mask does."""

    bl_options = {"REGISTER", "UNDO"}
    mode = ""

    person: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Person", description="Whose faces; empty: those of whom the chosen face is, or everybody's",
        search=lambda self, context, text: [name for name in people.names(context)
                                            if text.casefold() in name.casefold()],
        search_options={"SUGGESTION"}, options={"SKIP_SAVE"})

    def run(self, context: Any) -> None:
        scene, strip = self.place(context)
        mask = masks.new(scene, strip, self.mode, self.person.strip() or self._person(context, scene, strip))
        masks.show(mask)
        self.tells("INFO", f"{mask.name}: draw with Ctrl-click in the Clip Editor, then press Bake Masks")

    def _person(self, context: Any, scene: Any, strip: Any) -> str:
        """The chosen face's, or the only one's."""
        with AlignmentsStore.readonly(corrections.alignments(scene, strip)) as store:
            names, face = store.people(), store.face(correcting.state(context).face)
            if face is not None and face.person is not None:
                return names.get(face.person, "")
            there = [person for person in store.face_counts() if person is not None]
            return names[there[0]] if len(there) == 1 else ""


@timed_class
class UNDERSTUDY_OT_mask_new_add(NewMask, bpy.types.Operator):
    """Make a Blender mask on the clip whose shapes belong to the face, whatever its mask says"""

    bl_idname = "understudy.mask_new_add"
    bl_label = "New Add Mask"
    mode = "ADD"


@timed_class
class UNDERSTUDY_OT_mask_new_subtract(NewMask, bpy.types.Operator):
    """Make a Blender mask on the clip whose shapes are in front of the face: a hand, a microphone"""

    bl_idname = "understudy.mask_new_subtract"
    bl_label = "New Subtract Mask"
    mode = "SUBTRACT"


@timed_class
class UNDERSTUDY_OT_mask_parent(Telling, bpy.types.Operator):
    """Let the mask's selected points, or all where none is selected, follow a track of the clip"""

    bl_idname = "understudy.mask_parent"
    bl_label = "Follow Track"
    bl_options = {"REGISTER", "UNDO"}

    mask: bpy.props.StringProperty(name="Mask", description="Name of the mask; empty: the one shown",  # type: ignore
                                   options={"SKIP_SAVE"})
    object: bpy.props.StringProperty(name="Tracking Object", options={"SKIP_SAVE"},  # type: ignore[valid-type]
                                     description="A face's, or Camera; empty: the active one")
    track: bpy.props.StringProperty(name="Track", options={"SKIP_SAVE"},  # type: ignore[valid-type]
                                    description="Name of the track; empty: the active one")

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, "" if len(bpy.data.masks) else "Make a mask first")

    def run(self, context: Any) -> None:
        space = context.space_data if clips.clip_in(context) is not None else None
        mask = bpy.data.masks.get(self.mask) if self.mask else getattr(space, "mask", None)
        if mask is None or mask.understudy.clip is None:
            raise UsageError(f"There is no mask {self.mask}" if self.mask else "No mask of a face is shown",
                             "Choose one made with New Add Mask or New Subtract Mask")
        clip = mask.understudy.clip
        tracked = clip.tracking.objects.get(self.object) if self.object else clip.tracking.objects.active
        track = None if tracked is None else (tracked.tracks.get(self.track) if self.track else tracked.tracks.active)
        if track is None:
            raise UsageError("There is no such track", "Press Edit as Markers, or add a track and select it")
        points = [point for layer in mask.layers for spline in layer.splines for point in spline.points]
        if not points:
            raise UsageError(f"Mask {mask.name} is empty", "Draw it in the Clip Editor first")
        if not any(point.select for point in points):
            for point in points:
                point.select = True
        clip.tracking.objects.active = tracked
        tracked.tracks.active = track
        track.select = True
        with clip_editor(context, clip, context.scene.frame_current - clip.frame_start + 1, mask):
            bpy.ops.mask.parent_set()
        self.tells("INFO", f"{mask.name} follows {track.name} of {tracked.name}")


@timed_class
class UNDERSTUDY_OT_masks_bake(OnFaces, bpy.types.Operator):
    """Draw the strip's masks frame by frame in a second Blender, and store them for the faces they are about"""

    bl_idname = "understudy.masks_bake"
    bl_label = "Bake Masks"
    bl_options = {"REGISTER"}
    undo = "Ctrl-Z does not take it back; baking again follows the masks as they are then"

    @classmethod
    def poll(cls, context: Any) -> bool:
        _, board = scene_and_board(context)
        return not refused(cls, problem(context) or masks.problem(board))

    def run(self, context: Any) -> set[str] | None:
        scene, strip = self.place(context)
        planned = masks.plan(scene, strip)
        if TASKS[planned.task].consent(planned.options):
            consent.require()
        if not bpy.app.background:
            stages.queue(scene, [planned])
            watch.hurry()
            return None
        status, result = stages.run_in(shot.work_folder(scene) / "jobs", scene, [planned], Printer())
        print(ended_text(planned.task, result), flush=True)
        if status != "finished":
            raise UnderstudyError("Baking was stopped", "Run it again: it begins anew")
        return None


CLASSES = (UNDERSTUDY_OT_mask_new_add, UNDERSTUDY_OT_mask_new_subtract, UNDERSTUDY_OT_mask_parent,
           UNDERSTUDY_OT_masks_bake)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
