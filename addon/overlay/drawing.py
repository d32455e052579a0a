"""Draws the faces of the shown frame over the sequencer's preview and the Clip Editor.

What is drawn lies in `views`, in pixels of the frame; batches are made of it once, and zoom, pan and the strip's
transform are a matrix. An error is printed once, and that frame's faces are left out: it must not return with every
redraw.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix

from ...core.faces.geometry import compose, transform
from .. import shot
from ..timing import measured
from . import shaders, targets, views
from .shapes import Lines, Shapes
from .views import View

THIN, STRONG, DOT, SHADE = 1.2, 1.6, 2.4, 1.6  # pixels at scale 1: widths, a dot's radius, what shade adds to a width
_FONT = 0


@dataclass(frozen=True, eq=False)
class _Batches:
    """What the graphics card holds of `Shapes`."""

    thin: Any
    strong: Any
    dots: Any
    areas: tuple[tuple[Any, Any, tuple[float, ...]], ...]


_batches: WeakKeyDictionary[Shapes, _Batches] = WeakKeyDictionary()
_broken: Shapes | None = None  # drawing these has failed


def _draw_preview() -> None:
    with measured("overlay.draw", "draw"):
        context = bpy.context
        space, scene = context.space_data, shot.sequencer_scene(context)
        if scene is None or space.display_mode != "IMAGE" or not space.show_overlays:
            return
        view = views.current(views.key_of(scene))
        if view is not None and _is_on_show(space, scene, view):
            _guarded(context, scene.frame_current, view)


def _is_on_show(space: Any, scene: Any, view: View) -> bool:
    """Whether the preview shows the strip: it may be set to one channel."""
    if not space.display_channel:
        return True
    strips = targets.strips_of(scene)
    strip = strips.get(view.target.name) if len(strips) else None
    return strip is not None and strip.channel <= space.display_channel


def _draw_clip() -> None:
    with measured("overlay.draw", "draw"):
        context = bpy.context
        space = context.space_data
        if space.clip is None or space.view != "CLIP" or targets.is_warped(space):
            return
        overlay = getattr(space, "overlay", None)  # since 5.0
        if overlay is not None and not getattr(overlay, "show_overlays", True):
            return
        view = views.of(context)
        if view is not None:
            _guarded(context, context.scene.frame_current, view)


def _guarded(context: Any, frame: int, view: View) -> None:
    global _broken
    if view.shapes is None or view.shapes is _broken or view.shown is None or view.frame != frame:
        return
    try:
        _draw(context, view, view.shapes)
    except Exception:
        _broken = view.shapes
        print("Understudy: the faces of this frame cannot be drawn")
        traceback.print_exc()
    finally:
        gpu.state.blend_set("NONE")


def region_matrix(space: Any, region: Any, view: View) -> np.ndarray | None:
    """Frame pixels -> pixels of a region of the view's editor, as it stands now; None if there is nothing to see."""
    shown = targets.to_view(view.target, view.shown.size, space) if view.shown is not None else None
    if shown is None:
        return None
    return compose(targets.view_to_region(region), shown)


def _draw(context: Any, view: View, shapes: Shapes) -> None:
    matrix = region_matrix(context.space_data, context.region, view)
    if matrix is None:
        return
    batches = _batches.get(shapes)
    if batches is None:
        batches = _batches[shapes] = _prepare(shapes)
    scale = context.preferences.system.ui_scale
    gpu.state.blend_set("ALPHA")
    (a, b, c), (d, e, f) = matrix.tolist()
    with gpu.matrix.push_pop():
        gpu.matrix.multiply_matrix(Matrix(((a, b, 0, c), (d, e, 0, f), (0, 0, 1, 0), (0, 0, 0, 1))))
        for texture, quad, colour in batches.areas:
            shaders.draw_area(quad, texture, colour)
        for width, batch in ((STRONG, batches.strong), (THIN, batches.thin)):
            shaders.draw_lines(batch, width * scale, SHADE * scale, view.look.opacity)
        shaders.draw_dots(batches.dots, DOT * scale)
    _draw_labels(shapes, matrix, scale)


def _prepare(shapes: Shapes) -> _Batches:
    areas = []
    for area in shapes.areas:
        quad = batch_for_shader(shaders.area(), "TRI_FAN", {
            "pos": area.corners, "texCoord": np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)})
        areas.append((shaders.texture(area.pixels), quad, area.colour))
    return _Batches(_lines(shapes.thin), _lines(shapes.strong), shaders.dots_batch(shapes.dots), tuple(areas))


def _lines(lines: Lines) -> Any:
    if not len(lines.points):
        return None
    return batch_for_shader(shaders.lines(), "LINES", {"pos": lines.points, "color": lines.colours})


def _draw_labels(shapes: Shapes, matrix: np.ndarray, scale: float) -> None:
    if not shapes.labels:
        return
    blf.size(_FONT, 11.0 * scale)
    blf.enable(_FONT, blf.SHADOW)
    try:
        for label in shapes.labels:
            corners = transform(np.array(label.corners), matrix)
            blf.shadow(_FONT, 3, 0.0, 0.0, 0.0, 0.9 * label.colour[3])
            blf.color(_FONT, *label.colour)
            blf.position(_FONT, corners[:, 0].min(), corners[:, 1].max() + 5 * scale, 0)
            blf.draw(_FONT, label.text)
    finally:
        blf.disable(_FONT, blf.SHADOW)


_handles: list[tuple[Any, Any, str]] = []


def register() -> None:
    if bpy.app.background:
        return
    for space, callback, region in ((bpy.types.SpaceSequenceEditor, _draw_preview, "PREVIEW"),
                                    (bpy.types.SpaceClipEditor, _draw_clip, "WINDOW")):
        _handles.append((space, space.draw_handler_add(callback, (), region, "POST_PIXEL"), region))


def unregister() -> None:
    while _handles:
        space, handle, region = _handles.pop()
        space.draw_handler_remove(handle, region)
    _batches.clear()
