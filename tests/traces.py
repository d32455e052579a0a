"""What there is of an extension in a running Blender: nothing, once it is disabled. Two rings use it inside Blender."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy


def found(package: str, word: str) -> dict[str, list[str]]:
    """Names of whatever belongs to the extension, by kind; kinds of which there is nothing are left out.

    Args:
        package: the extension's module, such as "bl_ext.user_default.understudy".
        word: how its operators, properties and threads begin.
    """
    kinds = {
        "handlers": _handlers(package), "timers": _timers(package), "classes": _classes(package, word),
        "operators": dir(getattr(bpy.ops, word)), "properties": _properties(word), "keys": _keys(word),
        "drawn by others": _drawn(package), "threads": _threads(word), "words": _words(package),
        "processes": [line for line in children() if word in line]}
    return {kind: sorted(names) for kind, names in ((kind, list(names)) for kind, names in kinds.items()) if names}


def _ours(function: Any, package: str) -> bool:
    return (getattr(function, "__module__", "") or "").startswith(package)


def _handlers(package: str) -> Iterator[str]:
    for name in dir(bpy.app.handlers):
        listed = getattr(bpy.app.handlers, name)
        for function in listed if isinstance(listed, list) else ():
            if _ours(function, package):
                yield f"{name}: {function.__qualname__}"


def _timers(package: str) -> Iterator[str]:
    """Blender does not list its timers: each function of each module is asked for."""
    for name, module in list(sys.modules.items()):
        if name.startswith(package):
            for function in list(vars(module).values()):
                if callable(function) and _ours(function, package) and bpy.app.timers.is_registered(function):
                    yield f"{name}.{function.__qualname__}"


def _classes(package: str, word: str) -> Iterator[str]:
    known = {name for name in dir(bpy.types) if name.startswith(f"{word.upper()}_")}
    bases = [getattr(bpy.types, name) for name in ("Panel", "Menu", "UIList", "Operator", "PropertyGroup", "Header",
                                                   "AddonPreferences")]
    known |= {cls.__name__ for base in bases for cls in base.__subclasses__()
              if cls.__module__.startswith(package) and cls.is_registered}
    yield from known


def _properties(word: str) -> Iterator[str]:
    for name in dir(bpy.types):
        rna = getattr(getattr(bpy.types, name), "bl_rna", None)
        for prop in rna.properties if rna is not None and not name.startswith(word.upper()) else ():
            if prop.identifier.startswith(word):
                yield f"{name}.{prop.identifier}"


def _keys(word: str) -> Iterator[str]:
    configs = bpy.context.window_manager.keyconfigs
    configs.update()  # the person's are put together anew, which a window does by itself
    for kind in ("addon", "user"):
        config = getattr(configs, kind)
        for keymap in config.keymaps if config is not None else ():
            for item in keymap.keymap_items:
                if item.idname.startswith(f"{word}."):
                    yield f"{kind}, {keymap.name}: {item.idname}"


def _drawn(package: str) -> Iterator[str]:
    """What was appended to Blender's own panels, menus and headers."""
    for name in dir(bpy.types):
        draw = getattr(getattr(bpy.types, name), "draw", None)
        for function in getattr(draw, "_draw_funcs", ()):
            if _ours(function, package):
                yield f"{name}: {function.__qualname__}"


def _threads(word: str) -> Iterator[str]:
    return (thread.name for thread in threading.enumerate() if thread.name.startswith(word))


def _words(package: str) -> Iterator[str]:
    """Blender does not list who has given it translations: who has may not give them twice."""
    for name in [name for name in sys.modules if name.startswith(package)] or [package]:
        key = name.rpartition(".")[0]
        try:
            bpy.app.translations.register(key, {})
        except ValueError:
            yield key
            return
        bpy.app.translations.unregister(key)


def children() -> list[str]:
    """Command lines of the processes that this one has started, theirs included; only in Linux."""
    parents, lines = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            lines[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue  # it ended meanwhile
        if status[0] != "Z":
            parents[int(folder.name)] = int(status[1])
    below = [os.getpid()]
    for one in below:
        below += [child for child, parent in parents.items() if parent == one]
    return [lines[one] for one in below[1:]]
