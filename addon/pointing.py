"""Pointing at footage with the mouse: which editor shows it, and where in the frame the mouse is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ..core.errors import UnderstudyError, UsageError
from ..core.faces.geometry import compose, invert, transform
from . import clips, shot
from .overlay.geometry import SEGMENTS, box_corners, ring, unit_square
from .overlay.targets import strip_to_view, view_to_region
from .timing import measured

_PREVIEWS = {"PREVIEW", "SEQUENCER_PREVIEW"}
_COLOUR, _SHADE = (1.0, 0.75, 0.1, 1.0), (0.0, 0.0, 0.0, 0.6)
_SPACES = {"SEQUENCE_EDITOR": ("SpaceSequenceEditor", "PREVIEW"), "CLIP_EDITOR": ("SpaceClipEditor", "WINDOW")}


@dataclass(frozen=True, eq=False)
class Canvas:
    """Where footage is seen.

    Attributes:
        area, region: of Blender's window.
        scene, strip, uid: names of the scene and the strip, and the strip's id; undo makes others of Blender's objects.
        size: width and height in which the alignments count.
    """

    area: Any
    region: Any
    scene: str
    strip: str
    uid: str
    size: tuple[int, int]

    def matrix(self) -> np.ndarray:
        """Frame pixels -> pixels of the region, float64 [2, 3]; as the view stands now.

        Raises:
            UsageError: the strip is gone.
        """
        shown = unit_square(self.size) if self.area.type == "CLIP_EDITOR" else self._strip_view()
        return compose(view_to_region(self.region), shown)

    def _strip_view(self) -> np.ndarray:
        scene = bpy.data.scenes.get(self.scene)
        strip = shot.find_strip(scene, self.uid, self.strip) if scene is not None else None
        if strip is None:
            raise UsageError("The strip is gone", "Put it back, or go to a frame of another one")
        return strip_to_view(strip, self.size, self.area.spaces.active)

    def frame_point(self, event: Any) -> np.ndarray:
        """Where in the frame the mouse is, float64 [2]."""
        return transform(self.mouse(event), invert(self.matrix()))

    def mouse(self, event: Any) -> np.ndarray:
        """Where in the region the mouse is, float64 [2]; also from outside of it."""
        return np.array([event.mouse_x - self.region.x, event.mouse_y - self.region.y], np.float64)


def canvas(context: Any, strip: Any, size: tuple[int, int]) -> Canvas:
    """Where the person points: the editor under the mouse if it shows the footage, else another one that does.

    Raises:
        UsageError: no editor of the window shows it.
    """
    areas = list(context.window.screen.areas)
    if context.area is not None and context.area in areas:
        areas.insert(0, context.area)
    clip = clips.find_clip(strip)
    for area in areas:
        region = _region(area, clip)
        if region is not None:
            return Canvas(area, region, strip.id_data.name, strip.name, strip.understudy_id, size)
    raise UsageError("No editor shows the footage", "Open the sequencer's preview, or a Clip Editor with the clip")


def _region(area: Any, clip: Any | None) -> Any | None:
    space = area.spaces.active
    if area.type == "CLIP_EDITOR" and clip is not None and space.clip == clip and space.view == "CLIP":
        kind = "WINDOW"
    elif area.type == "SEQUENCE_EDITOR" and space.view_type in _PREVIEWS:
        kind = "PREVIEW"
    else:
        return None
    return next((region for region in area.regions if region.type == kind), None)


class Rubber:
    """Lines over the footage while something is dragged. `stop` must be called."""

    def __init__(self, shown: Canvas) -> None:
        self._canvas = shown
        self._lines = np.empty((0, 2))
        self._dots = np.empty((0, 2))
        name, kind = _SPACES[shown.area.type]
        self._space, self._kind = getattr(bpy.types, name), kind
        self._handle = self._space.draw_handler_add(self._draw, (), kind, "POST_PIXEL")

    def show(self, lines: np.ndarray, dots: np.ndarray | None = None) -> None:
        """Pairs of points, float [2 * N, 2], and points, in frame pixels."""
        self._lines, self._dots = lines, np.empty((0, 2)) if dots is None else dots
        self._canvas.region.tag_redraw()

    def stop(self) -> None:
        if self._handle is not None:
            self._space.draw_handler_remove(self._handle, self._kind)
            self._handle = None
            self._canvas.region.tag_redraw()

    def _draw(self) -> None:
        with measured("Rubber.draw", "draw"):
            try:
                if bpy.context.region == self._canvas.region:
                    self._draw_lines()
            except (ReferenceError, UnderstudyError, AttributeError):
                pass  # the editor is being changed or closed: nothing to draw into

    def _draw_lines(self) -> None:
        import gpu
        from gpu_extras.batch import batch_for_shader

        matrix = self._canvas.matrix()
        lines = [(float(x), float(y), 0.0) for x, y in transform(self._lines, matrix)]
        gpu.state.blend_set("ALPHA")
        shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
        shader.bind()
        shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
        for colour, width in ((_SHADE, 3.5), (_COLOUR, 1.5)):
            shader.uniform_float("lineWidth", width)
            shader.uniform_float("color", colour)
            batch_for_shader(shader, "LINES", {"pos": lines}).draw(shader)
        if len(self._dots):
            dots = gpu.shader.from_builtin("POINT_UNIFORM_COLOR" if bpy.app.version >= (4, 5) else "UNIFORM_COLOR")
            dots.bind()
            dots.uniform_float("color", _COLOUR)
            gpu.state.point_size_set(4)
            places = [(float(x), float(y), 0.0) for x, y in transform(self._dots, matrix)]
            batch_for_shader(dots, "POINTS", {"pos": places}).draw(dots)
            gpu.state.point_size_set(1)
        gpu.state.blend_set("NONE")


def face_lines(landmarks: np.ndarray) -> np.ndarray:
    """The feature lines of landmarks [68, 2], as pairs of points."""
    return np.asarray(landmarks)[SEGMENTS.reshape(-1)]


def box_lines(box: tuple[float, float, float, float]) -> np.ndarray:
    """The edges of a box, as pairs of points."""
    return ring(box_corners(box))


class Number:
    """What is typed while something is dragged: digits, a point, a minus; None while nothing is."""

    _DIGITS = {**{name: str(n) for n, name in enumerate(
        ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"))},
               **{f"NUMPAD_{n}": str(n) for n in range(10)}, "PERIOD": ".", "NUMPAD_PERIOD": "."}

    def __init__(self) -> None:
        self.text = ""
        self._negative = False

    def press(self, event: Any) -> bool:
        """Take a key; whether it was one of ours."""
        if event.value != "PRESS":
            return False
        if event.type in self._DIGITS:
            character = self._DIGITS[event.type]
            if character != "." or "." not in self.text:
                self.text += character
        elif event.type in {"MINUS", "NUMPAD_MINUS"}:
            self._negative = not self._negative
        elif event.type == "BACK_SPACE" and (self.text or self._negative):
            self.text, self._negative = self.text[:-1], self._negative and bool(self.text)
        else:
            return False
        return True

    @property
    def value(self) -> float | None:
        digits = self.text.strip(".")
        return (-1 if self._negative else 1) * float(self.text) if digits else None


def hit(canvas_: Canvas, boxes: list[tuple[float, float, float, float]], mouse: np.ndarray,
        reach: float) -> tuple[int, int] | None:
    """Which box is under the mouse, and its corner 0..3 (clockwise from the top left), or -1 for its inside.

    Args:
        boxes: in frame pixels.
        mouse: in the region.
        reach: region pixels around a corner.
    """
    matrix = canvas_.matrix()
    corners = [transform(box_corners(box), matrix) for box in boxes]
    near = [(float(np.hypot(*(corner - mouse))), n, c) for n, own in enumerate(corners) for c, corner in enumerate(own)]
    if near and min(near)[0] <= reach:
        return min(near)[1:]
    at = transform(mouse, invert(matrix))
    inside = [(box[2] * box[3], n) for n, box in enumerate(boxes)
              if box[0] <= at[0] <= box[0] + box[2] and box[1] <= at[1] <= box[1] + box[3]]
    return (min(inside)[1], -1) if inside else None


