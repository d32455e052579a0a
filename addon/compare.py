"""Compare: a line through the picture, with the original on one side of it and the result on the other.

The strips of results are cropped up to the line. That is for looking only: while a file is saved or a picture is
rendered they are whole, and a file from a Blender that crashed is put right when it is opened. Where the crop is
animated, each change of frame crops anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import shot
from .result_look import animated
from .shot import StripType
from .strips import collection
from .timing import timed

_WHOLE = -1  # of `understudy_crop`: nothing is cropped for comparing
_pausing = False  # a picture is being rendered, or a file saved


def results(scene: Any) -> Iterator[Any]:
    """The strips that show conversions."""
    if scene is not None and scene.sequence_editor is not None:
        for strip in collection(scene):
            if strip.understudy_overlay and strip.type in ("IMAGE", "MOVIE"):
                yield strip


@timed
def show() -> None:
    """Crop all results up to the line, or give them back where comparing is off."""
    settings = bpy.context.window_manager
    for scene in bpy.data.scenes:
        for strip in results(scene):
            if settings.understudy_compare:
                _crop(scene, strip, settings.understudy_compare_at)
            else:
                _restore(strip)


def _crop(scene: Any, strip: Any, at: float) -> None:
    animation = _animated_crop(strip)
    if animation is not None:
        strip.understudy_crop = animation
    elif strip.understudy_crop == _WHOLE:
        strip.understudy_crop = strip.crop.min_x
    width = _width(scene, strip) - strip.understudy_crop - strip.crop.max_x
    strip.crop.min_x = strip.understudy_crop + round(max(width, 0) * at)


def _animated_crop(strip: Any) -> int | None:
    """What the strip's own animation crops now; None where it has none."""
    found = animated(strip, "crop.min_x")
    return max(0, int(found)) if found is not None else None


def _restore(strip: Any) -> None:
    if strip.understudy_crop != _WHOLE:
        animation = _animated_crop(strip)
        strip.crop.min_x = strip.understudy_crop if animation is None else animation
        strip.understudy_crop = _WHOLE


def whole() -> None:
    """Give all results back, whatever the settings say."""
    for scene in bpy.data.scenes:
        for strip in results(scene):
            _restore(strip)


def _width(scene: Any, strip: Any) -> int:
    """Width of the strip's pictures in their own pixels; a frame without a face may be a single clear one."""
    known = max((element.orig_width for element in strip.elements[:1]), default=0)
    if known > 1:
        return int(known)
    converted = shot.find_strip(scene, strip.understudy_overlay)
    if converted is not None and len(converted.elements) and converted.elements[0].orig_width:
        return round(converted.elements[0].orig_width * converted.transform.scale_x / (strip.transform.scale_x or 1.0))
    return int(scene.render.resolution_x)


def _changed(settings: Any, context: Any) -> None:
    show()


@persistent
@timed
def _whole_before(*_: Any) -> None:
    global _pausing
    _pausing = True
    whole()


@persistent
@timed
def _cropped_again(*_: Any) -> None:
    global _pausing
    _pausing = False
    if bpy.context.window_manager.understudy_compare:
        show()


@persistent
@timed
def _another_frame(scene: Any, *_: Any) -> None:
    """The animation of a crop has just been brought up to date, which puts the result back as it is without a line."""
    manager = bpy.context.window_manager
    if _pausing or not manager.understudy_compare:
        return
    for strip in results(scene):
        _crop(scene, strip, manager.understudy_compare_at)


@persistent
@timed
def _loaded(*_: Any) -> None:
    global _pausing
    _pausing = False
    bpy.context.window_manager.understudy_compare = False
    whole()


_HANDLERS = (("save_pre", _whole_before), ("save_post", _cropped_again), ("save_post_fail", _cropped_again),
             ("render_init", _whole_before), ("render_complete", _cropped_again), ("render_cancel", _cropped_again),
             ("frame_change_post", _another_frame),
             ("undo_post", _cropped_again), ("redo_post", _cropped_again), ("load_post", _loaded))


def register() -> None:
    StripType.understudy_crop = bpy.props.IntProperty(default=_WHOLE, options={"HIDDEN"})
    manager = bpy.types.WindowManager
    manager.understudy_compare = bpy.props.BoolProperty(
        name="Compare", update=_changed, options={"SKIP_SAVE"},
        description="Show the original on the left of a line and the result on its right; files that are saved and "
                    "pictures that are rendered have the whole result")
    manager.understudy_compare_at = bpy.props.FloatProperty(
        name="Line", default=0.5, min=0.0, max=1.0, subtype="FACTOR", update=_changed, options={"SKIP_SAVE"},
        description="Where the line between original and result runs")
    for name, handler in _HANDLERS:
        if hasattr(bpy.app.handlers, name):
            getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    whole()
    for name, handler in _HANDLERS:
        handlers = getattr(bpy.app.handlers, name, [])
        if handler in handlers:
            handlers.remove(handler)
    manager = bpy.types.WindowManager
    del manager.understudy_compare_at, manager.understudy_compare
    del StripType.understudy_crop
