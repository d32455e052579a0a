"""Move, scale and rotate all landmarks of a face: with the mouse and typed numbers, or by exact properties."""

from __future__ import annotations

from math import atan2, cos, degrees, radians, sin
from typing import Any

import bpy
import numpy as np

from ..addon import corrections, pointing
from ..addon.timing import timed_class
from ..core.errors import UnderstudyError
from ..core.faces.geometry import transform
from ..core.faces.nouns import Box, Face
from ..core.faces.store import AlignmentsStore
from .landmarks_base import OnFrame

_KEYS = "Left Click, Enter: confirm   Right Click, Esc: cancel   Shift: finer   digits: exact"
_FINE = 0.1


class Transforms(OnFrame):
    """Mix-in: subclasses say what the mouse does (`drag`), what a typed number does (`typed`), and give `matrix`."""

    bl_options = {"REGISTER", "UNDO", "BLOCKING"}
    needs_face = True
    keys = _KEYS

    def matrix(self, pivot: np.ndarray) -> np.ndarray:
        """Frame -> frame, float64 [2, 3], by the operator's properties."""
        raise NotImplementedError

    def drag(self, mouse: np.ndarray, before: np.ndarray) -> None:
        """Set the properties for the mouse, in the frame, which was at `before` when it last moved."""
        raise NotImplementedError

    def typed(self, value: float) -> None:
        raise NotImplementedError

    def described(self) -> str:
        """What is being done, in words."""
        raise NotImplementedError

    def run(self, context: Any) -> None:
        def change(store: AlignmentsStore, frame: int) -> tuple[str, list[str]]:
            face = self.one(context, store, frame)
            landmarks, box = self._moved(face)
            store.edit_face(face.uuid, landmarks, box)
            return "", [face.uuid]

        self.edit(context, change)

    def _moved(self, face: Face) -> tuple[np.ndarray, Box]:
        pivot = centre(face.landmarks)
        matrix = self.matrix(pivot)
        x, y, w, h = face.box
        # The box goes along upright: its middle is moved and its sides are scaled.
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        middle = transform(np.array([x + w / 2, y + h / 2]), matrix)
        w, h = w * scale, h * scale
        return (transform(face.landmarks, matrix).astype(np.float32),
                (float(middle[0] - w / 2), float(middle[1] - h / 2), w, h))

    def begin(self, context: Any, event: Any) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        try:
            scene, strip = self.place(context)
            path = corrections.alignments(scene, strip)
            with AlignmentsStore.readonly(path) as store:
                self.frame = self.at(context, scene, strip)
                self._face = self.one(context, store, self.frame)
                size = store.source.width, store.source.height
            self.face = self._face.uuid
            self._canvas = pointing.canvas(context, strip, size)
        except UnderstudyError as error:
            self.tell({"ERROR"}, str(error))
            return {"CANCELLED"}
        corrections.prepare(path)
        self._pivot = centre(self._face.landmarks)
        self._before = self._canvas.frame_point(event)
        self._number = pointing.Number()
        self._rubber = pointing.Rubber(self._canvas)
        self._show(context)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        if event.type in {"ESC", "RIGHTMOUSE"} and event.value == "PRESS":
            self._end(context)
            return {"CANCELLED"}
        if event.type in {"RET", "NUMPAD_ENTER", "LEFTMOUSE"} and event.value in {"PRESS", "CLICK_DRAG"}:
            self._end(context)
            return self.execute(context)
        if event.type == "LEFTMOUSE" and event.value == "RELEASE" and self._is_dragged:
            self._end(context)
            return self.execute(context)
        if event.type == "MOUSEMOVE":
            now = self._canvas.frame_point(event)
            if self._number.value is None:
                step = now if not event.shift else self._before + (now - self._before) * _FINE
                self.drag(step, self._before)
            self._before = now
        elif self._number.press(event):
            value = self._number.value
            if value is not None:
                self.typed(value)
        else:
            self.pressed(event)
        self._show(context)
        return {"RUNNING_MODAL"}

    _is_dragged = False  # begun by a drag rather than by a key: letting go confirms

    def pressed(self, event: Any) -> None:
        """Other keys."""

    def cancel(self, context: Any) -> None:
        self._end(context)

    def _show(self, context: Any) -> None:
        landmarks, box = self._moved(self._face)
        lines = np.concatenate([pointing.face_lines(landmarks), pointing.box_lines(box)])
        self._rubber.show(lines, landmarks)
        context.workspace.status_text_set(f"{self.described()}   {self.keys}")

    def _end(self, context: Any) -> None:
        self._rubber.stop()
        context.workspace.status_text_set(None)


def centre(landmarks: np.ndarray) -> np.ndarray:
    """The middle of landmarks [68, 2], by their outermost points."""
    return (landmarks.min(0).astype(np.float64) + landmarks.max(0)) / 2


@timed_class
class UNDERSTUDY_OT_landmarks_move(Transforms, bpy.types.Operator):
    """Move all landmarks of the chosen face"""

    bl_idname = "understudy.landmarks_move"
    bl_label = "Move Landmarks"
    keys = "X, Y: along one axis   " + _KEYS

    offset: bpy.props.FloatVectorProperty(  # type: ignore[valid-type]
        name="Offset", description="Right and down, in pixels of the frame", size=2, precision=2,
        options={"SKIP_SAVE"})

    _axis: int | None = None

    def matrix(self, pivot: np.ndarray) -> np.ndarray:
        offset = np.array(self.offset, np.float64)
        if self._axis is not None:
            offset[1 - self._axis] = 0
        return np.column_stack([np.eye(2), offset])

    def drag(self, mouse: np.ndarray, before: np.ndarray) -> None:
        self.offset = np.array(self.offset, np.float64) + mouse - before

    def typed(self, value: float) -> None:
        # As Blender does: along the axis that was chosen, which is X where none was.
        self.offset = (0, value) if self._axis == 1 else (value, 0)

    def pressed(self, event: Any) -> None:
        if event.value == "PRESS" and event.type in {"X", "Y"}:
            axis = "XY".index(event.type)
            self._axis = None if self._axis == axis else axis

    def execute(self, context: Any) -> set[str]:
        if self._axis is not None:
            offset = list(self.offset)
            offset[1 - self._axis] = 0
            self.offset, self._axis = offset, None
        return super().execute(context)

    def described(self) -> str:
        x, y = self.matrix(self._pivot)[:, 2]
        return f"Move {x:.2f}, {y:.2f} px"


@timed_class
class UNDERSTUDY_OT_landmarks_scale(Transforms, bpy.types.Operator):
    """Scale all landmarks of the chosen face around their middle"""

    bl_idname = "understudy.landmarks_scale"
    bl_label = "Scale Landmarks"

    factor: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Scale", description="1 leaves the landmarks as large as they are", default=1.0, min=0.01, max=100.0,
        precision=3, options={"SKIP_SAVE"})

    def matrix(self, pivot: np.ndarray) -> np.ndarray:
        return np.column_stack([np.eye(2) * self.factor, pivot * (1 - self.factor)])

    def drag(self, mouse: np.ndarray, before: np.ndarray) -> None:
        far = float(np.hypot(*(before - self._pivot)))
        if far > 1:
            self.factor = self.factor * float(np.hypot(*(mouse - self._pivot))) / far

    def typed(self, value: float) -> None:
        if value > 0:
            self.factor = value

    def described(self) -> str:
        return f"Scale {self.factor:.3f}"


@timed_class
class UNDERSTUDY_OT_landmarks_rotate(Transforms, bpy.types.Operator):
    """Rotate all landmarks of the chosen face around their middle"""

    bl_idname = "understudy.landmarks_rotate"
    bl_label = "Rotate Landmarks"

    angle: bpy.props.FloatProperty(name="Angle", subtype="ANGLE", description="Anticlockwise",  # type: ignore
                                   options={"SKIP_SAVE"})

    def matrix(self, pivot: np.ndarray) -> np.ndarray:
        c, s = cos(self.angle), sin(self.angle)
        turn = np.array([[c, s], [-s, c]])  # the frame's y runs down
        return np.column_stack([turn, pivot - turn @ pivot])

    def drag(self, mouse: np.ndarray, before: np.ndarray) -> None:
        old, new = before - self._pivot, mouse - self._pivot
        turned = atan2(-new[1], new[0]) - atan2(-old[1], old[0])
        self.angle += (turned + np.pi) % (2 * np.pi) - np.pi

    def typed(self, value: float) -> None:
        self.angle = radians(value)

    def described(self) -> str:
        return f"Rotate {degrees(self.angle):.2f}°"


CLASSES = (UNDERSTUDY_OT_landmarks_move, UNDERSTUDY_OT_landmarks_scale, UNDERSTUDY_OT_landmarks_rotate)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
