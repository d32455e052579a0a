"""Which cells of the faces browser are chosen, drawn over its picture."""

from __future__ import annotations

from typing import Any

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from . import browser
from .timing import measured

_COLOUR = (0.35, 0.65, 1.0, 1.0)
_WIDTH = 2.5  # pixels
_handle: Any = None
_is_broken = False  # an error in a drawing comes again with every redraw: it is said once


def _draw() -> None:
    global _is_broken
    with measured("browser_cells.draw", "draw"):
        try:
            if not _is_broken and browser.page is not None and browser.is_sheet(bpy.context.space_data.image):
                _outline(bpy.context.region)
        except Exception as error:
            _is_broken = True
            print(f"Understudy: cannot draw over the faces ({type(error).__name__}: {error})")


def _outline(region: Any) -> None:
    page = browser.page
    if page is None or not browser.chosen:
        return
    (x0, y0), (x1, y1) = region.view2d.region_to_view(0, 0), region.view2d.region_to_view(region.width, region.height)
    scale = np.array((region.width / (x1 - x0), region.height / (y1 - y0)))
    boxes = np.array([page.box(number) for number in sorted(browser.chosen)])
    low, high = (boxes[:, :2] - (x0, y0)) * scale + 1, (boxes[:, 2:] - (x0, y0)) * scale - 1
    corners = np.stack([low, np.stack([high[:, 0], low[:, 1]], 1), high, np.stack([low[:, 0], high[:, 1]], 1)], 1)
    lines = np.zeros((len(boxes), 8, 3), np.float32)
    lines[:, :, :2] = corners[:, (0, 1, 1, 2, 2, 3, 3, 0)]
    gpu.state.blend_set("ALPHA")
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    shader.bind()
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", _WIDTH * bpy.context.preferences.system.ui_scale)
    shader.uniform_float("color", _COLOUR)
    batch_for_shader(shader, "LINES", {"pos": lines.reshape(-1, 3)}).draw(shader)
    gpu.state.blend_set("NONE")


def register() -> None:
    global _handle, _is_broken
    _is_broken = False
    if bpy.app.background:
        return
    _handle = bpy.types.SpaceImageEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def unregister() -> None:
    global _handle
    if _handle is not None:
        bpy.types.SpaceImageEditor.draw_handler_remove(_handle, "WINDOW")
        _handle = None
