"""Landmarks as tracking markers in the Clip Editor: made, applied, dropped, taken away, carried on by the tracker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np

from ..addon import clips, corrections, marker_edits, marker_record, markers, moved_markers, shot
from ..addon.frame_map import frame_map
from ..addon.timing import timed_class
from ..core.errors import UsageError
from ..core.faces.store import AlignmentsStore
from ..core.media.ranges import parse_frames
from .base import TAKEN_BACK, refused
from .landmarks_base import OnFaces, Telling


def clip_of(context: Any) -> Any | None:
    """The clip with faces that the Clip Editor shows, or the only one of this file."""
    clip = clips.clip_in(context)
    if clip is not None:
        return clip if clip.understudy.record else None
    known = marker_record.clips()
    return known[0] if len(known) == 1 else None


class OnClip(Telling):
    """Mix-in: operators about a clip that has faces as markers."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, "" if clip_of(context) is not None else "Press Edit as Markers first")

    def clip(self, context: Any) -> Any:
        """Raises `UsageError` where there is none."""
        found = clip_of(context)
        if found is None:
            raise UsageError("No clip has faces as markers", "Press Edit as Markers first")
        return found


@timed_class
class UNDERSTUDY_OT_markers_make(OnFaces, bpy.types.Operator):
    """Show the landmarks of faces as tracking markers in the Clip Editor, to be moved there and applied"""

    bl_idname = "understudy.markers_make"
    bl_label = "Edit as Markers"
    bl_options = {"REGISTER"}
    undo = TAKEN_BACK

    extent: bpy.props.EnumProperty(name="Frames", description="For which frames", items=(  # type: ignore[valid-type]
        ("CURRENT", "Current", "The frame that is shown"),
        ("RANGE", "Range", "What the strip shows between the first and the last frame of the preview range, or of the "
                           "scene where there is none")))
    frames: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Source Frames", description="For scripts: frames of the source, counted from 0, such as 10-19,40; they "
        "win over Frames", options={"SKIP_SAVE"})

    def run(self, context: Any) -> None:
        scene, strip = self.place(context)
        marker_edits.make(scene, strip, self._frames(context, scene, strip), self.tells)

    def _frames(self, context: Any, scene: Any, strip: Any) -> list[int]:
        if self.frames.strip():
            with AlignmentsStore.readonly(corrections.alignments(scene, strip)) as store:
                return parse_frames(self.frames, store.source.length)
        if self.extent == "CURRENT":
            return [clips.shown_frame(context, scene, strip)]
        shown = frame_map(scene, strip, exact=False)
        first, last = ((scene.frame_preview_start, scene.frame_preview_end) if scene.use_preview_range
                       else (scene.frame_start, scene.frame_end))
        timeline = shown.first + np.arange(len(shown))
        return [int(n) for n in np.unique(shown.indices[(timeline >= first) & (timeline <= last)])]


@timed_class
class UNDERSTUDY_OT_markers_apply(OnClip, bpy.types.Operator):
    """Write the markers that were moved, by hand or by the tracker, into the alignments; all others stay as they are"""

    bl_idname = "understudy.markers_apply"
    bl_label = "Apply"
    undo = TAKEN_BACK

    def run(self, context: Any) -> None:
        marker_edits.apply(shot.sequencer_scene(context), self.clip(context), self.tells)


@timed_class
class UNDERSTUDY_OT_markers_discard(OnClip, bpy.types.Operator):
    """Put all markers that were moved back to where the alignments have them"""

    bl_idname = "understudy.markers_discard"
    bl_label = "Discard"
    undo = TAKEN_BACK

    def run(self, context: Any) -> None:
        marker_edits.discard(self.clip(context), self.tells)


@timed_class
class UNDERSTUDY_OT_markers_remove(OnClip, bpy.types.Operator):
    """Take the faces' tracks out of the clip; moves that were not applied are lost, the alignments stay as they are"""

    bl_idname = "understudy.markers_remove"
    bl_label = "Remove Markers"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Any) -> None:
        count = markers.remove(self.clip(context))
        self.tells("INFO", f"The tracks of {count} {'face' if count == 1 else 'faces'} are gone")


@timed_class
class UNDERSTUDY_OT_markers_track(OnClip, bpy.types.Operator):
    """Let Blender's tracker carry the markers of the chosen face on from this frame; Apply then saves them"""

    bl_idname = "understudy.markers_track"
    bl_label = "Track Forwards"
    bl_options = {"REGISTER", "UNDO"}

    backwards: bpy.props.BoolProperty(name="Backwards", description="Towards the clip's first frame",  # type: ignore
                                      options={"SKIP_SAVE"})
    count: bpy.props.IntProperty(name="Frames", default=10, min=1, soft_max=250,  # type: ignore[valid-type]
                                 description="How many frames to go on at most")
    which: bpy.props.EnumProperty(name="Markers", description="Which markers to carry on", items=(  # type: ignore[valid-type]
        ("CORRECTED", "Corrected", "Those that were moved in this frame, or all where none was"),
        ("ALL", "All", "All markers of the face")))
    face: bpy.props.StringProperty(name="Face", options={"SKIP_SAVE"}, description=(  # type: ignore[valid-type]
        "Name of the tracking object; empty: the active one"))
    frame: bpy.props.IntProperty(name="Clip Frame", min=0, options={"SKIP_SAVE"}, description=(  # type: ignore
        "Where to begin, counted from 1; 0: the frame that is shown"))

    @classmethod
    def description(cls, context: Any, given: Any) -> str:
        way = "back" if given.backwards else "on"
        return f"Let Blender's tracker carry the chosen face's markers {way} from this frame; Apply then saves them"

    def run(self, context: Any) -> None:
        clip = self.clip(context)
        record = marker_record.record_of(clip)
        name = self.face or (clip.tracking.objects.active.name if clip.tracking.objects.active else "")
        if name not in record:
            if self.face or len(record) != 1:
                raise UsageError(f"{name or 'Nothing'} is no face of this clip",
                                 f"Choose one of the tracking objects {', '.join(record)}")
            name = next(iter(record))
        frame = self.frame or context.scene.frame_current - clip.frame_start + 1
        chosen = self._chosen(clip, record, name, frame)
        if not chosen:
            raise UsageError(f"{name} has no markers in this frame", "Go to a frame with markers of it")
        clip.tracking.objects.active = clip.tracking.objects[name]
        for number in range(marker_record.COUNT):
            track = marker_record.track_of(clip.tracking.objects[name], number)
            if track is not None:
                track.select = number in chosen
                track.frames_limit = self.count
        with clip_editor(context, clip, frame):
            # In a window it runs as a job with progress, which Esc ends.
            how = ("EXEC_DEFAULT",) if bpy.app.background else ("INVOKE_DEFAULT",)
            bpy.ops.clip.track_markers(*how, backwards=self.backwards, sequence=True)
        self.tells("INFO", f"{len(chosen)} markers of {name} are carried on; Apply saves them")

    def _chosen(self, clip: Any, record: dict[str, marker_record.Shown], name: str, frame: int) -> set[int]:
        """The landmarks to track: those that have a marker here, and, unless all are wanted, were moved."""
        there = set()
        for number in range(marker_record.COUNT):
            track = marker_record.track_of(clip.tracking.objects[name], number)
            marker = track.markers.find_frame(frame) if track is not None else None
            if marker is not None and not marker.mute:
                there.add(number)
        if self.which == "ALL":
            return there
        moved = moved_markers.moved_at(clip, name, record[name], frame)
        return there & {int(n) for n in np.flatnonzero(moved.which)} if moved is not None else there


@contextmanager
def clip_editor(context: Any, clip: Any, frame: int, mask: Any = None) -> Iterator[None]:
    """A Clip Editor that shows this clip frame, or a mask over it: the person's, or, under `-b`, one for the moment."""
    window = context.window or context.window_manager.windows[0]
    area = context.area if clips.clip_in(context) == clip else next(
        (area for area in window.screen.areas if area.type == "CLIP_EDITOR"), None)
    borrowed = None
    if area is None:
        area = window.screen.areas[0]
        borrowed, area.type = area.type, "CLIP_EDITOR"
    try:
        space = area.spaces.active
        before = space.clip
        space.clip, space.mode = clip, "TRACKING" if mask is None else "MASK"
        if mask is not None:
            space.mask = mask
        space.clip_user.frame_current = frame + clip.frame_start - 1
        region = next(region for region in area.regions if region.type == "WINDOW")
        with context.temp_override(window=window, screen=window.screen, area=area, region=region):
            yield
        if borrowed:
            space.clip = before
    finally:
        if borrowed:
            area.type = borrowed


CLASSES = (UNDERSTUDY_OT_markers_make, UNDERSTUDY_OT_markers_apply, UNDERSTUDY_OT_markers_discard,
           UNDERSTUDY_OT_markers_remove, UNDERSTUDY_OT_markers_track)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
