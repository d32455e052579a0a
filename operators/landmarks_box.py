"""Boxes of faces, dragged or drawn: the aligner then looks inside, and the landmarks follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
import numpy as np

from ..addon import correcting, corrections, pointing, service, shot, slices, watch
from ..addon.timing import timed_class
from ..core.errors import UnderstudyError, UsageError
from ..core.faces.matching import match
from ..core.faces.nouns import Box, Face
from ..core.faces.store import AlignmentsStore
from .base import TAKEN_BACK
from .landmarks_base import OnFrame, Tells, chosen_face, edit

_REACH = 10  # region pixels around a corner that take hold of it
_LEAST = 8.0  # pixels of the frame: a smaller box is a slip of the hand
_NEAR = 25  # frames in which to look for whom a new face may be
_KEYS = "Drag a corner to resize, inside to move, outside to draw a new face   Right Click, Esc: cancel"


@timed_class
class UNDERSTUDY_OT_face_box(OnFrame, bpy.types.Operator):
    """Drag a face's box, or draw one for a face that was not found; the aligner looks again and the landmarks follow"""

    bl_idname = "understudy.face_box"
    bl_label = "Draw Box"
    bl_options = {"REGISTER", "BLOCKING"}
    undo = TAKEN_BACK

    box: bpy.props.FloatVectorProperty(  # type: ignore[valid-type]
        name="Box", description="Left, top, width and height in pixels of the frame", size=4, precision=2,
        options={"SKIP_SAVE"})
    new: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="New Face", description="The box is a face that was not found; off: it is the chosen face's",
        options={"SKIP_SAVE"})
    align: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Place Landmarks", default=True, description="Let the aligner place the landmarks anew; off: they go "
        "along with the box as they are")

    def run(self, context: Any) -> None:
        scene, strip = self.place(context)
        frame = self.at(context, scene, strip)
        place = (scene.name, strip.name, strip.understudy_id)
        box = tuple(float(v) for v in self.box)
        if min(box[2:]) < _LEAST:
            raise UsageError(f"The box is smaller than {_LEAST:g} pixels", "Draw it around the whole face")
        path = corrections.alignments(scene, strip)
        with AlignmentsStore.readonly(path) as store:
            if frame >= store.source.length:
                raise UsageError(f"The clip has no frame {frame}: it has {store.source.length}", "Choose one inside it")
            face = None if self.new else self.one(context, store, frame)
        if face is not None and not self.align:
            _save(place, frame, face, box, _along(face, box), "", self.tells)
            return
        values = _question(scene, strip, frame, box)
        if bpy.app.background:
            landmarks = np.array(service.ask_and_wait("align", **values)["landmarks"], np.float32)
            _save(place, frame, face, box, landmarks, values["aligner"], self.tells)
            return

        def answered(asked: service.Asked) -> None:
            slices.status(None)
            if asked.error:
                watch.say("ERROR", asked.error)
            elif not asked.stopped:
                try:
                    _save(place, frame, face, box, np.array(asked.result["landmarks"], np.float32),
                          values["aligner"], Tells(None))
                except UnderstudyError as error:
                    watch.say("ERROR", str(error))

        slices.status("Placing landmarks")
        service.ask("align", answered, **values)

    # --- with the mouse ---------------------------------------------------------------------------------------------

    def begin(self, context: Any, event: Any) -> set[str]:
        if bpy.app.background or self.properties.is_property_set("box"):
            return self.execute(context)
        try:
            scene, strip = self.place(context)
            path = corrections.alignments(scene, strip)
            self.frame = self.at(context, scene, strip)
            with AlignmentsStore.readonly(path) as store:
                self._faces = store.faces(self.frame)
                size = store.source.width, store.source.height
            self._canvas = pointing.canvas(context, strip, size)
        except UnderstudyError as error:
            self.tell({"ERROR"}, str(error))
            return {"CANCELLED"}
        corrections.prepare(path)
        # The aligner is loaded while the box is being drawn.
        service.ask("align", lambda _: None, **_question(scene, strip, self.frame, (0.0, 0.0, *map(float, size))))
        self._rubber = pointing.Rubber(self._canvas)
        self._drag: Callable[[np.ndarray], Box] | None = None
        context.workspace.status_text_set(_KEYS)
        context.window.cursor_modal_set("CROSSHAIR")
        context.window_manager.modal_handler_add(self)
        if event.type == "LEFTMOUSE" and event.value in {"PRESS", "CLICK_DRAG"}:
            self._press(context, event)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        if event.type in {"ESC", "RIGHTMOUSE"} and event.value == "PRESS":
            self._end(context)
            return {"CANCELLED"}
        if event.type == "LEFTMOUSE" and event.value == "PRESS" and self._drag is None:
            self._press(context, event)
        elif event.type == "MOUSEMOVE" and self._drag is not None:
            self._rubber.show(pointing.box_lines(self._drag(self._canvas.frame_point(event))))
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE" and self._drag is not None:
            box = self._drag(self._canvas.frame_point(event))
            self._end(context)
            if min(box[2:]) < _LEAST or (self.face and np.allclose(box, self._start, atol=0.5)):
                return {"CANCELLED"}
            self.box = box
            return self.execute(context)
        elif self._drag is None and event.type in {"WHEELUPMOUSE", "WHEELDOWNMOUSE", "MIDDLEMOUSE"}:
            return {"PASS_THROUGH"}  # zoom and pan before the drag begins
        return {"RUNNING_MODAL"}

    def cancel(self, context: Any) -> None:
        self._end(context)

    def _press(self, context: Any, event: Any) -> None:
        """Take hold of a corner or a box, or begin a new one."""
        mouse, at = self._canvas.mouse(event), self._canvas.frame_point(event)
        found = pointing.hit(self._canvas, [face.box for face in self._faces], mouse,
                             _REACH * context.preferences.system.ui_scale)
        if found is None:
            self.new, self.face = True, ""
            self._drag = lambda now: _spanned(at, now)
            return
        face, corner = self._faces[found[0]], found[1]
        self.new, self.face, self._start = False, face.uuid, face.box
        correcting.state(context).face = face.uuid
        x, y, w, h = face.box
        if corner < 0:
            self._drag = lambda now: (x + float(now[0] - at[0]), y + float(now[1] - at[1]), w, h)
        else:
            opposite = np.array([(x + w, y + h), (x, y + h), (x, y), (x + w, y)][corner])
            self._drag = lambda now: _spanned(opposite, now)

    def _end(self, context: Any) -> None:
        self._rubber.stop()
        context.window.cursor_modal_restore()
        context.workspace.status_text_set(None)


def _question(scene: Any, strip: Any, frame: int, box: Box) -> dict[str, Any]:
    """What the service is asked, see `core.jobs.requests.align`."""
    return {"path": str(shot.source_path(strip)), "frame": frame, "box": list(box),
            "aligner": shot.active(scene).extract.aligner}


def _spanned(a: np.ndarray, b: np.ndarray) -> Box:
    low, size = np.minimum(a, b), np.abs(a - b)
    return float(low[0]), float(low[1]), float(size[0]), float(size[1])


def _along(face: Face, box: Box) -> np.ndarray:
    """The landmarks, moved and stretched as the box is, float32 [68, 2]."""
    before, after = np.array(face.box), np.array(box)
    return ((face.landmarks - before[:2]) * (after[2:] / before[2:]) + after[:2]).astype(np.float32)


def _save(place: tuple[str, str, str], frame: int, face: Face | None, box: Box, landmarks: np.ndarray, aligner: str,
          report: Tells) -> None:
    """Write the face, on Blender's main thread, as a step of undo of its own.

    Args:
        place: names of the scene and the strip, and the strip's id; both may have gone since.
    """
    scene = bpy.data.scenes.get(place[0])
    strip = shot.find_strip(scene, place[2], place[1]) if scene is not None else None
    if strip is None:
        raise UsageError("The strip is gone meanwhile", "Draw the box anew")

    def change(store: AlignmentsStore) -> tuple[str, list[str]]:
        if face is not None:
            now = chosen_face(store, frame, face.uuid)
            return "Landmarks placed", [store.edit_face(now.uuid, landmarks, box).uuid]
        person = _likely_person(store, frame, box)
        added = store.add_face(frame, box, landmarks, aligner=aligner)
        if person is not None:
            store.set_persons({added.uuid: person}, chosen=False)
        correcting.state(bpy.context).face = added.uuid
        return f"Face {added.position} added to frame {frame}", [added.uuid]

    label = "Add Face" if face is None else "Draw Box"
    edit(scene, strip, label, change, report)
    bpy.ops.ed.undo_push(message=label)


def _likely_person(store: AlignmentsStore, frame: int, box: Box) -> int | None:
    """Who is in this place in the nearest frame with faces, unless another face of this frame is that person's."""
    taken = {face.person for face in store.faces(frame)}
    near = sorted(store.iterate(range(max(0, frame - _NEAR), frame + _NEAR + 1)), key=lambda pair: abs(pair[0] - frame))
    for number, faces in near:
        if number == frame:
            continue
        pairs = match([box], [face.box for face in faces])
        if pairs:
            person = faces[pairs[0]].person
            return None if person in taken else person
    return None


CLASSES = (UNDERSTUDY_OT_face_box,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
