"""Blender properties made from the core's options: declare an option there and it appears here, limits and all.

A list without choices, and a number that may be left out, are typed as text: "Anna; Ben", or nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Container, Iterable
from typing import Any

import bpy

from ..core.errors import UsageError
from ..core.jobs.tasks import TASKS, Task
from ..core.options import Option, Row, make, options_of
from ..core.options import field as fields
from ..core.weights import needs
from .completion import completion
from .enum_numbers import number_of
from .language import CONTEXT

_SUBTYPES = {"px": "PIXEL", "%": "PERCENTAGE"}
_PATHS = {"file": "FILE_PATH", "folder": "DIR_PATH", "path": "FILE_PATH"}
_TAKEN = {"name", "bl_rna", "rna_type", "id_data"}
SEPARATOR = ";"  # between the elements of a list that is typed as text: names and paths may have commas
STAGES = ("extract", "train", "convert")
TOOLS: dict[str, Task] = {name: task for name, task in TASKS.items() if task.tool}
# Blender 4.5 wants to be told that a path may begin with // for the folder of the .blend; 4.2 never asks.
RELATIVE: set[str] = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5) else set()
NEEDS_WEIGHTS = ". Needs weights that are fetched or imported once"


def rna_name(option: Option) -> str:
    """The property's name on a group: the option's, unless every group has something of that name."""
    return f"{option.name}_" if option.name in _TAKEN else option.name


def shown(option: Option) -> bool:
    """Whether a panel shows the option; the others are filled in from the strips."""
    return option.declaration.per_shot


def is_meant(option: Option, group: Any) -> bool:
    """Whether the option says anything with what else is chosen in the group."""
    return fields.is_meant(option, lambda name: getattr(group, name, None))


def is_text(option: Option) -> bool:
    """Whether Blender holds the option as text though it is a list or a number."""
    return not option.declaration.choices and (option.many or (option.optional and option.type is not str))


def tooltip(option: Option) -> str:
    """What a person reads when the mouse rests on the option."""
    unit = option.declaration.unit
    sentence = option.declaration.sentence
    told = f"{sentence} ({unit})" if unit and unit not in _SUBTYPES else sentence
    return f"{told}. Several are separated by \"{SEPARATOR}\"" if option.many and is_text(option) else told


def property_of(option: Option, runs: bool = False) -> Any:
    """The deferred `bpy.props` property of an option.

    Args:
        runs: what is chosen is run, so that it needs its weights; otherwise what was made with it before is used.
    """
    common = {"name": option.declaration.label, "description": tooltip(option), "translation_context": CONTEXT}
    if option.declaration.choices:
        return _enum(option, common, runs)
    if is_text(option):
        return _text(option, common)
    if option.type is bool:
        return bpy.props.BoolProperty(default=option.default, **common)
    if option.type is int:
        return bpy.props.IntProperty(default=option.default, **_limits(option), **common)
    if option.type is float:
        return bpy.props.FloatProperty(default=option.default, precision=_precision(option), **_limits(option),
                                       **common)
    return _text(option, common)


def _text(option: Option, common: dict[str, str]) -> Any:
    default = option.default or ""
    if not isinstance(default, str):
        default = f"{SEPARATOR} ".join(map(str, default)) if option.many else str(default)
    complete = completion(option.name, SEPARATOR if option.many else "")
    if complete is not None:
        return bpy.props.StringProperty(default=default, search=complete,
                                        search_options={"SUGGESTION"}, **common)
    # A file button would replace the whole text by one path.
    subtype = "NONE" if option.many else _PATHS.get(option.declaration.kind, "NONE")
    options = {"ANIMATABLE"} if subtype == "NONE" else {"ANIMATABLE"} | RELATIVE
    return bpy.props.StringProperty(default=default, subtype=subtype, options=options, **common)


def _enum(option: Option, common: dict[str, str], runs: bool) -> Any:
    items = []
    for index, choice in enumerate(option.declaration.choices):
        name, label, sentence = _told(choice, runs)
        number = 1 << index if option.many else number_of(name)
        items.append((name, label, sentence, "NONE", number))
    if option.many:
        return bpy.props.EnumProperty(items=items, default=set(option.default), options={"ANIMATABLE", "ENUM_FLAG"},
                                      **common)
    return bpy.props.EnumProperty(items=items, default=option.default, **common)


# Words that a bare choice is called by; rows bring their own.
_LABELS = {"cpu": "CPU", "cuda": "CUDA", "mps": "MPS", "mae": "MAE", "mse": "MSE", "df": "DF", "liae": "LIAE",
           "a": "A", "b": "B", "png": "PNG", "jpg": "JPEG", "tiff": "TIFF", "exr": "OpenEXR", "webp": "WebP",
           "mp4": "MPEG-4", "mov": "QuickTime", "mkv": "Matroska", "webm": "WebM", "x264": "H.264", "x265": "H.265",
           "vp9": "VP9", "ffv1": "FFV1", "prores": "ProRes", "dwaa": "DWAA", "piz": "PIZ", "rle": "RLE", "zip": "ZIP",
           "zips": "ZIPS", "lab": "LAB", "rgb": "RGB", "hsv": "HSV", "ycrcb": "YCrCb", "clahe": "CLAHE", "onnx": "ONNX",
           "dfm": "DFM", "hq": "HQ", "lt": "LT", "on": "On", "off": "Off", "dark": "DARK", "hist": "Histogram",
           "fsa": "FSA", "lowmem": "Low Memory", "autoclip": "AutoClip", "bfloat16": "BFloat16",
           "ultrafast": "Ultra Fast", "superfast": "Super Fast", "veryfast": "Very Fast", "veryslow": "Very Slow",
           "stillimage": "Still Image", "fastdecode": "Fast Decode", "zerolatency": "Zero Latency",
           "high10": "High 10", "main10": "Main 10", "4444xq": "4444 XQ", "floyd-steinberg": "Floyd-Steinberg",
           **{f"cuda:{number}": f"CUDA {number}" for number in range(8)}}


def _told(choice: str | Row, runs: bool) -> tuple[str, str, str]:
    if isinstance(choice, Row):
        return choice.name, choice.label, choice.help + (NEEDS_WEIGHTS if runs and choice.weights else "")
    label = _LABELS.get(choice) or choice.replace("-", " ").title().replace(" And ", " and ")
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
        value = getattr(group, rna_name(option))
        nearest = low + round((value - low) / step) * step
        if high is not None and nearest > high:
            nearest -= step
        nearest = option.type(nearest)
        if nearest != value:
            setattr(group, rna_name(option), nearest)

    return update


def _precision(option: Option) -> int:
    high = option.declaration.max
    if high is None or high >= 1:
        return 2
    return 6 if high <= 0.1 else 3


def identifier(task_name: str) -> str:
    """A task's name as Blender's identifiers want it."""
    return TASKS[task_name].table.replace("-", "_")


def group_of(task_name: str) -> type:
    """A PropertyGroup class with one property for each option of a task that is set per shot."""
    options = TASKS[task_name].options
    running = needs.choosers(options)
    annotations = {rna_name(o): property_of(o, o.name in running) for o in options_of(options) if shown(o)}
    words = "".join(word.capitalize() for word in identifier(task_name).split("_"))
    return type(f"UNDERSTUDY_{words}Options", (bpy.types.PropertyGroup,), {
        "__annotations__": annotations, "__doc__": options.__doc__, "__module__": __name__})


GROUPS: dict[str, type] = {name: group_of(name) for name in (*STAGES, *TOOLS)}
TOOL_SETTINGS = type("UNDERSTUDY_ToolSettings", (bpy.types.PropertyGroup,), {
    "__annotations__": {identifier(name): bpy.props.PointerProperty(type=GROUPS[name]) for name in TOOLS},
    "__doc__": "The options of every tool.", "__module__": __name__})


def summary(task: Task) -> str:
    """What a task does, in one sentence without its full stop."""
    return (task.options.__doc__ or "").strip().split("\n")[0].rstrip(".")


def family(task: Task) -> str:
    """The first word of a tool's name, as a heading: "Alignments"."""
    return task.name.partition(" ")[0].capitalize()


def tool_property() -> Any:
    """The menu of all tools, below the headings of their families."""
    items: list[tuple[str, str, str] | tuple[str, str, str, str, int]] = []
    for heading in dict.fromkeys(family(task) for task in TOOLS.values()):
        items.append(("", heading, ""))
        items += [(task.name, task.label, summary(task), "NONE", number_of(task.name))
                  for task in TOOLS.values() if family(task) == heading]
    return bpy.props.EnumProperty(name="Tool", description="What to do", items=items, default=next(iter(TOOLS)))


def settings(scene: Any, task_name: str) -> Any:
    """The group that holds a stage's or a tool's options in a scene."""
    from .shot import active  # it needs this module

    data = active(scene)
    return getattr(data, task_name) if task_name in STAGES else getattr(data.tools, identifier(task_name))


def values_of(group: Any, task_name: str, names: Container[str] | None = None) -> dict[str, Any]:
    """The group's values as the core's options know them: name -> value; options that say nothing are left out.

    Args:
        names: only of these options; None: of all.

    Raises:
        UsageError: for text that is no number where one belongs.
    """
    return {option.name: _value(option, getattr(group, rna_name(option)))
            for option in options_of(TASKS[task_name].options)
            if (names is None or option.name in names) and shown(option) and is_meant(option, group)}


def _value(option: Option, value: Any) -> Any:
    if is_text(option):
        words = [word.strip() for word in value.split(SEPARATOR)] if option.many else [value.strip()]
        found = fields.change_paths(option, tuple(_parsed(option, word) for word in words if word), from_blend)
        return found if option.many else (found[0] if found else None)
    if option.many:
        return tuple(sorted(value, key=option.declaration.choice_names.index))
    if option.type is float:
        # Blender's floats have 32 bits: 87.3 reads 87.30000305.
        return float(f"{value:.7g}")
    return fields.change_paths(option, value, from_blend)


def _parsed(option: Option, word: str) -> Any:
    if option.type is str:
        return word
    try:
        return option.type(word)
    except ValueError:
        raise UsageError(f"{option.declaration.label}: {word!r} is no number",
                         f"Separate several by {SEPARATOR!r}" if option.many else "") from None


def from_blend(path: str) -> str:
    """A path that may begin with Blender's // for the folder of the .blend, as others read it."""
    return os.path.normpath(bpy.path.abspath(path)) if path.startswith("//") else path


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
        option = shown_here.get(name)
        if option is None:
            rest[name] = value
        elif is_text(option):
            setattr(group, rna_name(option), _as_text(value))
        else:
            setattr(group, rna_name(option), set(value) if option.many else value)
    return rest


def paths_of(task_name: str) -> list[Option]:
    """The options of a task that a panel shows and that name files or folders."""
    return [o for o in options_of(TASKS[task_name].options) if shown(o) and o.declaration.kind != "value"]


def is_list_of_paths(option: Option) -> bool:
    """Whether the option is a list of files or folders, which is typed or chosen one after the other."""
    return option.many and is_text(option) and option.declaration.kind != "value" and not option.declaration.named


def add_to_list(group: Any, option: Option, words: Iterable[str]) -> None:
    """Add elements to a list that Blender holds as text, but for those that are in it."""
    name = rna_name(option)
    there = [word.strip() for word in getattr(group, name).split(SEPARATOR) if word.strip()]
    setattr(group, name, _as_text(dict.fromkeys((*there, *words))))


def text_with_paths(option: Option, text: str, change: Callable[[str], str]) -> str:
    """A list's text with the paths in it changed; the same text where that changes nothing."""
    words = tuple(word for one in text.split(SEPARATOR) if (word := one.strip()))
    changed = fields.change_paths(option, words, change)
    return text if changed == words else _as_text(changed)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    many = isinstance(value, Iterable) and not isinstance(value, str)
    return f"{SEPARATOR} ".join(map(str, value)) if many else str(value)


_CLASSES = (*GROUPS.values(), TOOL_SETTINGS)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)


# Blender looks classes up in their module when it resolves annotations.
for _cls in _CLASSES:
    setattr(sys.modules[__name__], _cls.__name__, _cls)
