"""Blender properties made from the core's options: declare an option there and it appears here, limits and all."""

from __future__ import annotations

import sys
from typing import Any
from zlib import crc32

import bpy

from ..core.jobs.tasks import TASKS
from ..core.options import Option, Row, make, options_of

# Blender keeps the number of an enum item, not its name: numbers come from the names, so that new rows never shift
# what a saved file means.
_POSITIVE = 0x7FFFFFFF
_SUBTYPES = {"px": "PIXEL", "%": "PERCENTAGE"}
_PATHS = {"file": "FILE_PATH", "folder": "DIR_PATH", "path": "FILE_PATH"}


def rna_name(option: Option) -> str:
    """The property's name on a group; the same as the option's."""
    return option.name


def shown(option: Option) -> bool:
    """Whether a panel shows the option; the others are filled in from the strips."""
    return option.declaration.per_shot


def tooltip(option: Option) -> str:
    """What a person reads when the mouse rests on the option."""
    unit = option.declaration.unit
    return f"{option.declaration.help} ({unit})" if unit and unit not in _SUBTYPES else option.declaration.help


def property_of(option: Option) -> Any:
    """The deferred `bpy.props` property of an option."""
    common = {"name": option.declaration.label, "description": tooltip(option)}
    if option.declaration.choices:
        return _enum(option, common)
    if option.type is bool:
        return bpy.props.BoolProperty(default=option.default, **common)
    if option.type is int:
        return bpy.props.IntProperty(default=option.default, **_limits(option), **common)
    if option.type is float:
        return bpy.props.FloatProperty(default=option.default, precision=_precision(option), **_limits(option),
                                       **common)
    subtype = _PATHS.get(option.declaration.kind, "NONE")
    return bpy.props.StringProperty(default=option.default or "", subtype=subtype, **common)


def _enum(option: Option, common: dict[str, str]) -> Any:
    items = []
    for index, choice in enumerate(option.declaration.choices):
        name, label, sentence = _told(choice)
        number = 1 << index if option.many else crc32(name.encode()) & _POSITIVE
        items.append((name, label, sentence, "NONE", number))
    if option.many:
        return bpy.props.EnumProperty(items=items, default=set(option.default), options={"ANIMATABLE", "ENUM_FLAG"},
                                      **common)
    return bpy.props.EnumProperty(items=items, default=option.default, **common)


# Words that a bare choice is called by; rows bring their own.
_LABELS = {"cpu": "CPU", "cuda": "CUDA", "mps": "MPS", "mae": "MAE", "ssim": "SSIM", "ssim+mae": "SSIM + MAE"}


def _told(choice: str | Row) -> tuple[str, str, str]:
    if isinstance(choice, Row):
        return choice.name, choice.label, choice.help
    label = _LABELS.get(choice) or choice.replace("-", " ").capitalize()
    return choice, label, ""


def _limits(option: Option) -> dict[str, Any]:
    d = option.declaration
    limits: dict[str, Any] = {"subtype": _SUBTYPES.get(d.unit, "NONE")}
    if d.min is not None:
        limits["min"] = option.type(d.min)
    if d.max is not None:
        limits["max"] = option.type(d.max)
    if d.step is not None:
        limits["update"] = _snap(option)
    return limits


def _snap(option: Option) -> Any:
    """Blender has no steps for typed values: move to the nearest allowed one."""
    low, step, high = option.declaration.min or 0, option.declaration.step or 1, option.declaration.max

    def update(group: Any, context: bpy.types.Context) -> None:
        value = getattr(group, option.name)
        nearest = low + round((value - low) / step) * step
        if high is not None and nearest > high:
            nearest -= step
        nearest = option.type(nearest)
        if nearest != value:
            setattr(group, option.name, nearest)

    return update


def _precision(option: Option) -> int:
    high = option.declaration.max
    return 6 if high is not None and high <= 0.1 else 2


def group_of(task_name: str) -> type:
    """A PropertyGroup class with one property for each option of a task that is set per shot."""
    options = TASKS[task_name].options
    annotations = {rna_name(o): property_of(o) for o in options_of(options) if shown(o)}
    return type(f"UNDERSTUDY_{task_name.capitalize()}Options", (bpy.types.PropertyGroup,), {
        "__annotations__": annotations, "__doc__": options.__doc__, "__module__": __name__})


GROUPS: dict[str, type] = {name: group_of(name) for name in ("extract", "train", "convert")}


def values_of(group: Any, task_name: str) -> dict[str, Any]:
    """The group's values as the core's options know them: name -> value."""
    values = {}
    for option in options_of(TASKS[task_name].options):
        if not shown(option):
            continue
        value = getattr(group, rna_name(option))
        if option.many:
            names = option.declaration.choice_names
            value = tuple(sorted(value, key=names.index))
        elif option.type is float:
            # Blender's floats have 32 bits: 87.3 reads 87.30000305.
            value = float(f"{value:.7g}")
        values[option.name] = value
    return values


def options_from(group: Any, task_name: str, **filled: Any) -> Any:
    """The task's options: the group's values and what the panel fills in (sources, folders).

    Raises:
        UsageError: if a value is out of range.
    """
    return make(TASKS[task_name].options, values_of(group, task_name) | filled)


def apply(group: Any, task_name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Set the group's properties from options; returns the values that no property of it holds."""
    shown_here = {o.name: o for o in options_of(TASKS[task_name].options) if shown(o)}
    rest = {}
    for name, value in values.items():
        if name in shown_here:
            setattr(group, name, set(value) if shown_here[name].many else value)
        else:
            rest[name] = value
    return rest


def register() -> None:
    for cls in GROUPS.values():
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(GROUPS.values()):
        bpy.utils.unregister_class(cls)


# Blender looks classes up in their module when it resolves annotations.
for _cls in GROUPS.values():
    setattr(sys.modules[__name__], _cls.__name__, _cls)
