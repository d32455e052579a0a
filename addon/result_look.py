"""A result looks as its strip does: place, crop and colours, and the animation of each."""

from __future__ import annotations

from typing import Any

import numpy as np

# Name on the strip -> what the result's value is, times the strip's; by `scale`, pixels of the result for one of the
# strip's. Crop and scale count pixels of the file, offsets those of the scene.
_FOLLOWED = {"transform.offset_x": 0, "transform.offset_y": 0, "transform.rotation": 0, "transform.origin": 0,
             "transform.filter": 0, "transform.scale_x": -1, "transform.scale_y": -1,
             "crop.min_x": 1, "crop.max_x": 1, "crop.min_y": 1, "crop.max_y": 1,
             "use_flip_x": 0, "use_flip_y": 0, "color_saturation": 0, "color_multiply": 0, "use_float": 0}
_AT_FIRST = {"blend_alpha": 0}  # the person's from then on
# Of a key: how many numbers each has, and of which kind; kinds of handles before the handles themselves.
_KEY: dict[str, tuple[int, type]] = {
    "interpolation": (1, np.int32), "easing": (1, np.int32), "back": (1, np.float32), "amplitude": (1, np.float32),
    "period": (1, np.float32), "type": (1, np.int32), "handle_left_type": (1, np.int32),
    "handle_right_type": (1, np.int32), "co": (2, np.float32), "handle_left": (2, np.float32),
    "handle_right": (2, np.float32)}


def begin_alike(strip: Any, result: Any) -> None:
    """Give a new result what it has of its strip only at first: how opaque it is, fades included."""
    result.blend_type = "ALPHA_OVER"
    _follow(strip, result, _AT_FIRST, 1.0)


def look_alike(strip: Any, result: Any, scale: float) -> None:
    """Let the result stand where the strip's picture stands, at each frame.

    Args:
        scale: pixels of the result for one of the strip.
    """
    _follow(strip, result, _FOLLOWED, scale)


def _follow(strip: Any, result: Any, names: dict[str, int], scale: float) -> None:
    curves = _curves(strip.id_data)
    for name, power in names.items():
        factor = scale ** power
        _copy_value(strip, result, name, factor)
        if curves is not None:
            _copy_curves(curves, f"{strip.path_from_id()}.{name}", f"{result.path_from_id()}.{name}", factor)


def _copy_value(strip: Any, result: Any, name: str, factor: float) -> None:
    group, _, attribute = name.rpartition(".")
    theirs, ours = (getattr(one, group) if group else one for one in (strip, result))
    if hasattr(theirs, attribute):
        value = getattr(theirs, attribute)
        if factor != 1:
            value = round(value * factor) if isinstance(value, int) else value * factor
        setattr(ours, attribute, value)


# --- animation --------------------------------------------------------------------------------------------------------


def animated(strip: Any, name: str) -> float | None:
    """The value that a property of a strip has by its animation at the current frame; None where it has none.

    Args:
        name: such as "crop.min_x".
    """
    curves = _curves(strip.id_data)
    curve = curves.find(f"{strip.path_from_id()}.{name}") if curves is not None else None
    if curve is None or curve.mute or not len(curve.keyframe_points):
        return None
    return float(curve.evaluate(strip.id_data.frame_current_final))


def _curves(scene: Any) -> Any | None:
    """The scene's F-curves; None where nothing of it is animated."""
    data = scene.animation_data
    action = data.action if data is not None else None
    if action is None or hasattr(action, "fcurves"):  # up to 4.5
        return action.fcurves if action is not None else None
    slot = data.action_slot
    bags = [strip.channelbag(slot) for layer in action.layers for strip in layer.strips] if slot is not None else []
    return next((bag.fcurves for bag in bags if bag is not None), None)


def _copy_curves(curves: Any, source: str, target: str, factor: float) -> None:
    """Animate a property as another one is; where that is not animated, whatever the person has made of it stays."""
    theirs = [curve for curve in curves if curve.data_path == source]
    if not theirs:
        return
    for curve in [curve for curve in curves if curve.data_path == target]:
        curves.remove(curve)
    for curve in theirs:
        copy = curves.new(target, index=curve.array_index)
        copy.extrapolation = curve.extrapolation
        count = len(curve.keyframe_points)
        copy.keyframe_points.add(count)
        for name, (numbers, kind) in _KEY.items():
            values = np.empty(count * numbers, kind)
            curve.keyframe_points.foreach_get(name, values)
            if numbers == 2:
                values[1::2] *= factor
            copy.keyframe_points.foreach_set(name, values)
        copy.update()
